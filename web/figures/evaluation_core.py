"""The 22 tasks of CORE, and the examples that guide 7 works by hand.

The bundle of CORE is fetched by whoever evaluates, so it is not here at build. What the guide says of its
tasks is from DCLM's own files: `eval/eval_meta_data_v1.csv` (questions, what guessing gets) and
`eval/mmlu_and_lowvar.yaml` (kinds and shots) of github.com/mlfoundations/dclm; the number of questions of
`arc_challenge`, which that table repeats from `arc_easy`, is from Clark et al. 2018.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from nanochat.evaluation.statistics import Estimate, centred, mean_of

CHOICE, SCHEMA, MODELLING = "multiple choice", "schema", "language modelling"


@dataclass(frozen=True)
class Task:
    """One task of CORE."""

    label: str
    kind: str
    shots: int
    questions: int
    chance: float  # in percent
    about: str


TASKS = (
    Task("hellaswag_zeroshot", CHOICE, 0, 10_042, 25, "how a scene goes on"),
    Task("jeopardy", MODELLING, 10, 2_117, 0, "quiz questions"),
    Task("bigbench_qa_wikidata", MODELLING, 10, 20_321, 0, "facts: “… is a citizen of”"),
    Task("arc_easy", CHOICE, 10, 2_376, 25, "school science"),
    Task("arc_challenge", CHOICE, 10, 1_172, 25, "school science, the harder part"),
    Task("copa", CHOICE, 0, 100, 50, "cause or effect of an event"),
    Task("commonsense_qa", CHOICE, 10, 1_221, 20, "everyday knowledge"),
    Task("piqa", CHOICE, 10, 1_838, 50, "how to do things with things"),
    Task("openbook_qa", CHOICE, 0, 500, 25, "simple science"),
    Task("lambada_openai", MODELLING, 0, 5_153, 0, "the last word of a passage"),
    Task("hellaswag", CHOICE, 10, 10_042, 25, "how a scene goes on"),
    Task("winograd", SCHEMA, 0, 273, 50, "who is meant by “it” or “they”"),
    Task("winogrande", SCHEMA, 0, 1_267, 50, "the same, more and harder"),
    Task("bigbench_dyck_languages", MODELLING, 10, 1_000, 0, "close all open brackets"),
    Task("agi_eval_lsat_ar", CHOICE, 3, 230, 20, "logic puzzles of a law exam"),
    Task("bigbench_cs_algorithms", MODELLING, 10, 1_320, 0, "carry out a small algorithm"),
    Task("bigbench_operators", MODELLING, 10, 210, 0, "apply a newly defined operator"),
    Task("bigbench_repeat_copy_logic", MODELLING, 10, 32, 0, "repeat words as told"),
    Task("squad", MODELLING, 10, 10_570, 0, "an answer that stands in a text"),
    Task("coqa", MODELLING, 0, 7_983, 0, "questions on a text, in a row"),
    Task("boolq", CHOICE, 10, 3_270, 62, "yes or no, about a text"),
    Task("bigbench_language_identification", CHOICE, 10, 10_000, 9.1, "which language it is"),
)

# Probabilities that a model gave to the tokens that count, made up for the examples by hand.
CAT_QUERY = "A cat that is tired will"
CAT_CHOICES = {
    " run": {" run": 0.02},
    " lie down and sleep": {" lie": 0.05, " down": 0.6, " and": 0.3, " sleep": 0.4},
    " read a newspaper": {" read": 0.005, " a": 0.3, " newspaper": 0.02},
}


def table(kind: str) -> str:
    """The tasks of a kind as a table of Markdown."""
    rows = ["| task | about | shots | questions | guessing |", "| --- | --- | ---: | ---: | ---: |"]
    rows += [
        f"| `{task.label}` | {task.about} | {task.shots} | {task.questions:,} | {task.chance:g} % |"
        for task in TASKS
        if task.kind == kind
    ]
    return "\n".join(rows)


def count(kind: str) -> int:
    """How many tasks there are of a kind.

    >>> [count(kind) for kind in (CHOICE, SCHEMA, MODELLING)]
    [11, 2, 9]
    """
    return sum(task.kind == kind for task in TASKS)


def widest_error() -> float:
    """The largest standard error that CORE can have by its questions: every accuracy at one half."""
    return mean_of(
        [centred(Estimate(0.5, math.sqrt(0.25 / task.questions)), task.chance / 100) for task in TASKS]
    ).error


def nats(probabilities: Iterable[float]) -> list[float]:
    """How surprising each token is.

    >>> [round(one, 2) for one in nats([1.0, 0.5])]
    [-0.0, 0.69]
    """
    return [-math.log(one) for one in probabilities]
