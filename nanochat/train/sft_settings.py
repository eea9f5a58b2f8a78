"""What a fine-tuning run can be asked: one field a flag (`nanochat.train.flags`). Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from nanochat.train.flags import flag
from nanochat.train.settings import LENGTH, TEXT, RunSettings


@dataclass(frozen=True)
class SftSettings(RunSettings):
    """The question a fine-tuning run is the answer to.

    >>> SftSettings(from_run="d4").checked().mixture
    'classroom'
    """

    from_run: str | None = flag(None, TEXT, "the run to start from, by its name or its folder", metavar="RUN")
    from_step: int | None = flag(
        None, TEXT, "its checkpoint (default: the last)", metavar="N", low=1, high=10**9
    )
    mixture: str = flag(
        "classroom", TEXT, "classroom, storybook, chat, or tasks with weights: arithmetic:2,spelling:1",
        metavar="MIXTURE",
    )  # fmt: skip
    conversations: str = flag("", TEXT, "your own conversations beside the mixture", metavar="FILE.jsonl")
    share: float = flag(
        0.1, TEXT, "share of --conversations among all; 1: nothing else", metavar="X", low=1e-6, high=1
    )
    examples: int | None = flag(None, LENGTH, "conversations to learn from", metavar="N", low=1, high=10**9)

    def checked(self) -> Self:
        """The same; raises `UserError` for the first value that its flag cannot have."""
        super().checked()
        from nanochat.data.tasks.mixture import parse_mixture

        parse_mixture(self.mixture)
        return self
