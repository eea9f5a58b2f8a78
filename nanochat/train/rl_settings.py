"""What a run of reinforcement learning can be asked: one field a flag. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from nanochat.errors import UserError
from nanochat.train.flags import flag
from nanochat.train.settings import LENGTH, TEXT, RunSettings

# What the small model's replies are graded on: sums larger than any it was shown, of which it gets some
# right, and some of those it knows, so that it keeps them. Rewards teach it to do better what it can do at
# all; how a word is spelled it must be shown.
CLASSROOM = "larger-arithmetic:3,arithmetic:1"


@dataclass(frozen=True)
class RlSettings(RunSettings):
    """The question a run of reinforcement learning is the answer to.

    >>> RlSettings(from_run="d4-sft").checked().samples
    4
    >>> RlSettings(from_run="d4-sft", tasks="small-talk").checked()
    Traceback (most recent call last):
    nanochat.errors.UserError: --tasks small-talk: its replies are not graded, so there is nothing...
    """

    from_run: str | None = flag(None, TEXT, "the run to start from, by its name or its folder", metavar="RUN")
    from_step: int | None = flag(
        None, TEXT, "its checkpoint (default: the last)", metavar="N", low=1, high=10**9
    )
    tasks: str = flag(CLASSROOM, TEXT, "graded tasks, with weights", metavar="TASKS")
    # Many questions with a few replies each: measured on the laptop's model, a step on 32 questions with 32
    # replies each made those questions' rewards rise and others' fall, one on 256 with 8 each made others'
    # rise. A task that a model hardly ever solves wants more replies, or no group has a right one.
    prompts: int = flag(64, LENGTH, "questions a step", metavar="N", low=1, high=10**6)
    samples: int = flag(4, LENGTH, "replies to each question", metavar="N", low=2, high=10**6)
    max_tokens: int = flag(96, LENGTH, "tokens of a reply", metavar="N", low=1, high=10**6)
    temperature: float = flag(1.0, LENGTH, "of the replies", metavar="X", low=0.01, high=10)
    eval_examples: int = flag(
        200, LENGTH, "held-out questions in an evaluation", metavar="N", low=1, high=10**6
    )

    def checked(self) -> Self:
        """The same; raises `UserError` for the first value that its flag cannot have."""
        super().checked()
        from nanochat.data.tasks.catalogue import entry_of
        from nanochat.data.tasks.mixture import parse_mixture

        for name, _ in parse_mixture(self.tasks):
            if not entry_of(name).judged:
                raise UserError(
                    f"--tasks {name}: its replies are not graded, so there is nothing to learn from"
                )
        return self
