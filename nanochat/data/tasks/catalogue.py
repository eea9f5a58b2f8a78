"""Every task by its name: what it is, where it comes from, how it is opened and how it is fetched.

The names are those of the command line. Some tasks need nothing; some read an installed package of the extra
`corpus`; some must be fetched from the hub once. Importing this module reads and imports none of that.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass

from nanochat.data.tasks.task import Task
from nanochat.errors import UserError

BOTH = ("train", "test")
ALL = ("train", "test", "validation")
TEST = ("test",)
ROOM = "nanochat.data.tasks"


@dataclass(frozen=True)
class Entry:
    """A task in the catalogue."""

    name: str
    description: str
    opener: str  # module and function that opens a split, such as `arithmetic:arithmetic`
    splits: tuple[str, ...] = BOTH
    needs_download: bool = False
    judged: bool = True  # whether `grade` says more than that a reply is the example's own, word for word


CATALOGUE = {
    entry.name: entry
    for entry in (
        # For the small model of a laptop; see nanochat.data.tasks.mixture for how they are mixed.
        Entry("arithmetic", "one sum in many words, through the calculator", "arithmetic:arithmetic"),
        Entry("larger-arithmetic", "the same with numbers of four digits", "arithmetic:larger_arithmetic"),
        Entry("word-problems", "short stories with one or two sums", "word_problems:word_problems"),
        Entry("spelling", "words, letter by letter", "letters:spelling"),
        Entry("letter-counting", "how many r are in strawberry", "letters:letter_counting"),
        Entry("definitions", "what nouns mean, from WordNet", "dictionary:definitions", judged=False),
        Entry("small-talk", "greetings and short answers", "small_talk:small_talk", judged=False),
        Entry("identity", "what this model says of itself", "identity:identity", judged=False),
        Entry("stories", "short stories about what is asked for", "stories:stories", judged=False),
        Entry(
            "story-questions", "questions about a story of some sentences", "story_questions:story_questions"
        ),
        Entry("everyday", "what everybody knows, and small talk", "everyday:everyday", judged=False),
        # Drawn by the package reasoning-gym.
        Entry("gsm-symbolic", "school problems in the form of GSM8K, from templates", "gym:gsm_symbolic"),
        Entry("chain-sum", "sums and differences of two to six numbers", "gym:chain_sum"),
        Entry("letters-in-text", "how often a letter stands in some words", "gym:letters_in_text"),
        Entry("spell-backward", "words from their end", "gym:spell_backward"),
        # From packages.
        Entry("humaneval", "164 Python functions to write, with tests", "humaneval:humaneval", TEST),
        Entry("mmlu-offline", "1,000 questions of MMLU", "mmlu_offline:mmlu_offline", TEST, True),
        # From the Hugging Face hub.
        Entry(
            "smoltalk",
            "460,000 conversations of all kinds (SmolTalk)",
            "benchmarks:smoltalk",
            needs_download=True,
            judged=False,
        ),
        Entry("mmlu", "multiple choice from 57 subjects", "benchmarks:mmlu", ALL, True),
        Entry("arc-easy", "school questions on nature, the easier ones", "benchmarks:arc_easy", ALL, True),
        Entry(
            "arc-challenge",
            "school questions on nature, the harder ones",
            "benchmarks:arc_challenge",
            ALL,
            True,
        ),
        Entry("gsm8k", "school problems, through the calculator", "benchmarks:gsm8k", BOTH, True),
    )
}


def open_task(name: str, split: str = "train") -> Task:
    """The task of this name.

    Raises UserError for a name or a split that there is not, and, naming the command that mends it, for a
    task whose data is not on this machine.

    >>> task = open_task("arithmetic", "test")
    >>> task.name, len(task), task.grade(task[0], "none")
    ('arithmetic', 2000, 0.0)
    >>> open_task("arithmetics")
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no task 'arithmetics'; did you mean arithmetic?
    """
    module, _, function = entry_of(name).opener.partition(":")
    opener: Callable[[str], Task] = getattr(importlib.import_module(f"{ROOM}.{module}"), function)
    return opener(split)


def entry_of(name: str) -> Entry:
    """What the catalogue says of a task; UserError for a name that is not in it."""
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(CATALOGUE)}"
        raise UserError(f"there is no task {name!r}; {hint}")
    return CATALOGUE[name]


def download_task(name: str, say: Callable[[str], None] = lambda _: None) -> None:
    """Have what a task needs on disk; for one that needs nothing, say so.

    Raises UserError if it cannot be had; what has come by then is kept for the next call.
    """
    if name == "mmlu-offline":
        from nanochat.data.tasks.mmlu_offline import fetch_questions

        fetch_questions(say)
        return
    from nanochat.data.tasks.hub_files import HUB_TASKS, fetch_hub_task

    entry_of(name)
    if name in HUB_TASKS:
        fetch_hub_task(HUB_TASKS[name], say)
    else:
        say(f"{name}: there is nothing to fetch")
