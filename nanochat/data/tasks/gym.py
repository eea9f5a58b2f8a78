"""Four tasks drawn by the generators of the package `reasoning-gym` (Apache-2.0).

    gsm-symbolic       school problems in the form of GSM8K, with worked solutions (Mirzadeh et al. 2024,
                       arXiv 2410.05229); sums in them become calls of the calculator
    chain-sum          sums and differences of two to six numbers
    letters-in-text    how often a letter stands in some words
    spell-backward     a word from its end

The package holds a hundred tasks, and importing it imports them all with the eleven packages that they need,
one of which must be compiled. So it is installed without these (pip install --no-deps), and the modules of
these four are loaded without running the package's own start. Nothing of that is left behind: who imports
reasoning_gym later gets it whole.

As everywhere, an example is drawn from a text, not from a number, and problems of the test are none of the
training's. The wording of questions is the package's, `####` before the answer is GSM8K's.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import random
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from nanochat.data.tasks.calls import Part, call, sum_up, text
from nanochat.data.tasks.grading import grade_number
from nanochat.data.tasks.numbered import NumberedTask, check_split, drawn, exchange
from nanochat.data.tasks.packages import package_file
from nanochat.data.tasks.task import Example

PACKAGE, REQUIREMENT = "reasoning_gym", "reasoning-gym==0.1.25"
FOLDERS = ("", ".arithmetic", ".arithmetic.gsm_symbolic", ".algorithmic")
TASKS = (
    "arithmetic.chain_sum",
    "arithmetic.gsm_symbolic.gsm_symbolic",
    "algorithmic.letter_counting",
    "algorithmic.spell_backward",
)
# `3 boxes * 4 apples/box = 12`: two numbers with words behind them, and the result.
VALUE = r"[$£€]?(\d+(?:\.\d+)?)(?: ?[A-Za-z][A-Za-z/ -]{0,40}?)?"
SUM = re.compile(rf"{VALUE} ([-+*/x]) {VALUE} = (?=[$£€]?(\d+(?:\.\d+)?)(?![\d.,:%/]\d))")


def gsm_symbolic(split: str = "train") -> NumberedTask:
    """UserError if the package is not installed; so for the others."""
    check_split("gsm-symbolic", split)
    templates = _generators().gsm

    def draw(chance: random.Random) -> tuple[str, Example]:
        problem = chance.choice(templates)(chance)
        question = problem["question"].strip()
        solution = problem["metadata"]["answer_cot"]
        return question, exchange(question, solution_with_calls(solution), answer=problem["answer"])

    return drawn("gsm-symbolic", split, draw, grade_number)


def chain_sum(split: str = "train") -> NumberedTask:
    """Answered by one call of the calculator with the whole sum."""
    check_split("chain-sum", split)
    generator = _generators().chain_sum

    def draw(chance: random.Random) -> tuple[str, Example]:
        problem = _problem(generator, chance)
        code, answer = problem["metadata"]["expression"].replace(" ", ""), problem["answer"]
        return code, exchange(problem["question"], [*call(code, answer), text(answer)], answer=answer)

    return drawn("chain-sum", split, draw, grade_number)


def letters_in_text(split: str = "train") -> NumberedTask:
    """Answered by a call that counts in the text; capitals count as the letter too."""
    check_split("letters-in-text", split)
    generator = _generators().letter_counting

    def draw(chance: random.Random) -> tuple[str, Example]:
        problem = _problem(generator, chance)
        words, answer = " ".join(problem["metadata"]["span"]), problem["answer"]
        code = f'"{words.lower()}".count("{problem["metadata"]["target_letter"]}")'
        # The words decide: the test asks for letters in texts that training has not shown.
        return words, exchange(problem["question"], [*call(code, answer), text(answer)], answer=answer)

    return drawn("letters-in-text", split, draw, grade_number)


def spell_backward(split: str = "train") -> NumberedTask:
    """Answered by the word, letters in reverse."""
    check_split("spell-backward", split)
    generator = _generators().spell_backward

    def draw(chance: random.Random) -> tuple[str, Example]:
        problem = _problem(generator, chance)
        word = problem["metadata"]["word"]
        return word, exchange(problem["question"], problem["answer"], answer=problem["answer"])

    return drawn("spell-backward", split, draw, grade_word)


def grade_word(example: Example, reply: str) -> float:
    """1 if the last word of the reply is the answer.

    >>> grade_word(Example({"messages": []}, answer="sun"), "It is Sun."), grade_word(Example({}, "sun"), "")
    (1.0, 0.0)
    """
    words = re.findall(r"\w+", reply.lower())
    return float(bool(words) and words[-1] == example.answer.lower())


def solution_with_calls(solution: str) -> list[Part]:
    r"""A worked solution whose sums of two numbers are calls, where the sum comes out as it says.

    >>> [part["text"] for part in solution_with_calls("He pays 3 pens * 4 dollars = 12 dollars.\n#### 12")]
    ['He pays 3 pens * 4 dollars = ', '3*4', '12', '12 dollars.\n#### 12']
    >>> solution_with_calls("7 * 2 = 15, he says.")
    [{'type': 'text', 'text': '7 * 2 = 15, he says.'}]
    """
    parts: list[Part] = []
    end = 0
    for found in SUM.finditer(solution):
        first, sign, second, result = found.groups()
        operator = sign.replace("x", "*")
        if _result(first, operator, second) != result:
            continue
        parts += [text(solution[end : found.end()]), *call(f"{first}{operator}{second}", result)]
        end = found.end()
    return [*parts, text(solution[end:])]


def _result(first: str, operator: str, second: str) -> str:
    """The result as the calculator prints it; "" for one that has no short decimal form."""
    if operator == "/" and not Fraction(second):
        return ""
    result = sum_up(Fraction(first), operator, Fraction(second))
    if result.denominator == 1:
        return str(result)
    return "" if 10**4 % result.denominator else repr(float(result))


# ---- the package ----


@dataclass(frozen=True)
class Generators:
    """What of the package is used."""

    gsm: tuple[Callable[[random.Random], dict[str, Any]], ...]
    chain_sum: Any
    letter_counting: Any
    spell_backward: Any


@functools.cache
def _generators() -> Generators:
    """The generators, loaded without the rest of the package."""
    with _package():
        chain, symbolic, letters, backward = map(_module, TASKS)
        return Generators(
            gsm=_gsm_templates(symbolic.tasks_ok),
            chain_sum=chain.ChainSumDataset(chain.ChainSumConfig()),
            letter_counting=letters.LetterCountingDataset(letters.LetterCountingConfig()),
            spell_backward=backward.SpellBackwardDataset(backward.SpellBackwardConfig()),
        )


@contextlib.contextmanager
def _package() -> Iterator[None]:
    """Python finds the package's modules, as if the package and its folders had nothing to start."""
    root = package_file(PACKAGE, "factory.py", REQUIREMENT, "--no-deps ").parent
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    try:
        for folder in FOLDERS:
            module = types.ModuleType(PACKAGE + folder)
            module.__path__ = [str(root.joinpath(*folder.split(".")[1:]))]
            sys.modules[module.__name__] = module
        _module("coaching")  # first: it and the module factory import each other
        yield
    finally:
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(before)


def _module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _gsm_templates(numbers: Sequence[int]) -> tuple[Callable[[random.Random], dict[str, Any]], ...]:
    """The templates that the package itself uses: it leaves out those with faults."""
    halves = [_module(f"arithmetic.gsm_symbolic.generators_{half}") for half in ("00_49", "50_99")]
    return tuple(getattr(halves[number >= 50], f"generate_{number}") for number in numbers)


def _problem(generator: Any, chance: random.Random) -> dict[str, Any]:
    """One problem. The package seeds with a number: ours is drawn, and large enough never to meet another."""
    seeded = copy.copy(generator)  # threads may draw at the same time
    seeded.seed = chance.getrandbits(128)
    problem: dict[str, Any] = seeded[0]
    return problem
