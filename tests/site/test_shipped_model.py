"""What the model of the page can do: questions that it was not trained on, asked of the weights in 8 bits."""

from __future__ import annotations

import pytest

from nanochat.data.tasks.catalogue import open_task
from nanochat.evaluation.generative import replies_to
from nanochat.inference.engine import Engine
from nanochat.toolbox.tools import make_tools
from web.packed_model import open_packed

ASKED = 200


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The packed model, many replies at a time."""
    packed = open_packed()
    return Engine(packed.model(), packed.tokenizer(), tool=make_tools(python=False), rows=50)


@pytest.mark.parametrize(
    ("task", "least"), [("arithmetic", 0.85), ("letter-counting", 0.7), ("story-questions", 0.5)]
)
def test_it_answers_questions_that_it_has_not_seen(engine: Engine, task: str, least: float) -> None:
    replies = list(replies_to(engine, engine.tokenizer, open_task(task, "test"), range(ASKED)))
    assert len(replies) == ASKED
    assert sum(one.worth for one in replies) / ASKED >= least
    if task == "arithmetic":  # through the tool, not by heart
        calls = [
            one for one in replies if one.generation and any(p.type == "python" for p in one.generation.parts)
        ]
        assert len(calls) >= 0.95 * ASKED


def test_bits_per_byte_are_below_those_of_the_plain_laptop_run() -> None:
    """On the validation text of the same corpus, after pretraining."""
    from nanochat.evaluation.results import read_all
    from web.laptop_run import KEPT

    plain = [one for one in read_all(KEPT / "runs" / "speedrun-laptop") if one.task == "bpb"]
    (ours,) = [one for one in open_packed().scores["runs"]["base"] if one["task"] == "bpb"]
    assert ours["value"] < min(one.value for one in plain)
