r"""How the questions of CORE are asked: from an example of the bundle to token ids, and which ids count.

A base model cannot be told what to do, so it is shown. Before the question stand some examples with their
answers (*shots*), a blank line after each, all in the same form: text, the task's delimiter, text. There are
three kinds of task (Li et al. 2024, DCLM, arXiv 2406.11794; the form is that of the MosaicML Eval Gauntlet):

    multiple_choice     one query, several choices to go on with: which is least surprising?
    schema              several contexts, one continuation: after which is it least surprising?
    language_modeling   one context: is the continuation, token for token, what the model would write?

How surprising is the mean loss of the tokens that count. They are found in the ids, not in the text, since a
tokenizer may merge across the border: after `Answer: `, a choice ` Paris` is one token with its space. So
for choices all tokens count that come after what the prompts have in common; for contexts, all that they have
in common at the end. Two choices that begin alike are compared by where they part.

Where there is a freedom (which shots, in which order, what is cut off), it is taken as in the public
nanochat, whose published figures can then be compared with ours. Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SHOTS_SEED = 1234  # the shots of example number i are drawn by Random(1234 + i)
ORDER_SEED = 1337  # a task's examples are shuffled once, so that the first hundred are a fair sample
# What an example of each kind has, besides what is not read here.
FIELDS: dict[str, dict[str, type]] = {
    "multiple_choice": {"query": str, "choices": list, "gold": int},
    "schema": {"context_options": list, "continuation": str, "gold": int},
    "language_modeling": {"context": str, "continuation": str},
}

Item = Mapping[str, Any]


class Tokenizer(Protocol):
    """What is needed of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text."""

    def special_id(self, text: str) -> int:
        """The id of a special token."""


@dataclass(frozen=True)
class Prompt:
    """A text for the model to read, and the tokens in it that count: from number `start` to the end."""

    ids: tuple[int, ...]
    start: int


# ---- which examples ----


def order(total: int) -> list[int]:
    """The order in which a task's examples are asked.

    >>> order(5)
    [1, 0, 3, 2, 4]
    """
    numbers = list(range(total))
    random.Random(ORDER_SEED).shuffle(numbers)
    return numbers


def shots_for(number: int, total: int, count: int) -> list[int]:
    """Which of a task's examples, in the order of `order`, are shown before number `number`: never itself.

    Always the same ones for an example, however many are asked in all.

    >>> shots_for(0, total=100, count=3)
    [57, 15, 1]
    >>> shots_for(2, total=3, count=10)  # there are no more
    [1, 0]
    """
    chance = random.Random(SHOTS_SEED + number)
    others = total - 1
    drawn = chance.sample(range(others), min(count, others))
    return [one + (one >= number) for one in drawn]


# ---- text ----


def render(kind: str, item: Item, shots: Sequence[Item], delimiter: str) -> list[str]:
    r"""The prompts of an example, one for each choice or context; of language modelling without and with the
    continuation.

    >>> sky = {"query": "The sky is", "choices": ["green", "blue"], "gold": 1}
    >>> grass = {"query": "Grass is", "choices": ["green", "blue"], "gold": 0}
    >>> render("multiple_choice", sky, [grass], " ")
    ['Grass is green\n\nThe sky is green', 'Grass is green\n\nThe sky is blue']
    """
    head = "".join(f"{solved(kind, shot, delimiter)}\n\n" for shot in shots)
    if kind == "multiple_choice":
        return [f"{head}{item['query']}{delimiter}{choice}" for choice in item["choices"]]
    if kind == "schema":
        end = f"{delimiter}{item['continuation']}"
        return [f"{head}{context}{end}" for context in item["context_options"]]
    # A space at the end would be a token of its own, while in the whole text it belongs to the word after it.
    without = f"{head}{item['context'].strip()}{delimiter}"
    return [without.rstrip(), without + item["continuation"]]


def solved(kind: str, item: Item, delimiter: str) -> str:
    """An example with its answer.

    >>> item = {"context_options": ["Ann saw Eve, as Ann", "Ann saw Eve, as Eve"], "gold": 0,
    ...         "continuation": "looked."}
    >>> solved("schema", item, " ")
    'Ann saw Eve, as Ann looked.'
    """  # fmt: skip
    if kind == "multiple_choice":
        return f"{item['query']}{delimiter}{item['choices'][item['gold']]}"
    if kind == "schema":
        return f"{item['context_options'][item['gold']]}{delimiter}{item['continuation']}"
    return f"{item['context'].strip()}{delimiter}{item['continuation']}"


def fault_of(kind: str, item: object) -> str:
    """What is wrong with an example of the bundle; "" if nothing is.

    >>> fault_of("multiple_choice", {"query": "1+1 =", "choices": ["2"], "gold": 1})
    'gold is 1, and there is only 1 to choose from'
    >>> fault_of("schema", {"context_options": ["a", "b"], "gold": 0})
    "there is no 'continuation'"
    """
    if not isinstance(item, Mapping):
        return "it is no object"
    for name, sort in FIELDS[kind].items():
        if name not in item:
            return f"there is no {name!r}"
        if not isinstance(item[name], sort) or isinstance(item[name], bool):
            return f"{name!r} is of the type {type(item[name]).__name__}"
    if kind == "language_modeling":
        return "" if item["continuation"].strip() else "the continuation is empty"
    options = item["choices" if kind == "multiple_choice" else "context_options"]
    if not all(isinstance(one, (str, int, float)) for one in options):
        return "what there is to choose from are no texts"
    right = 0 <= item["gold"] < len(options)
    return "" if right else f"gold is {item['gold']}, and there is only {len(options)} to choose from"


# ---- tokens ----


def prompts_of(
    kind: str, item: Item, shots: Sequence[Item], delimiter: str, tokenizer: Tokenizer, context: int
) -> list[Prompt]:
    """What the model has to read for an example, none longer than `context`: one prompt for each choice or
    context, a single one for language modelling.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> item = {"query": "It is", "choices": ["so", "some"], "gold": 0}
    >>> prompts = prompts_of("multiple_choice", item, [], " ", tokenizer, context=64)
    >>> [tokenizer.decode(one.ids[one.start :]) for one in prompts]
    [' so', ' some']
    """
    bos = tokenizer.special_id("<|bos|>")
    texts = [(bos, *tokenizer.encode(text)) for text in render(kind, item, shots, delimiter)]
    if kind == "language_modeling":
        without, whole = texts
        found = [Prompt(whole, first_that_counts([without, whole], len(whole)))]
    elif kind == "multiple_choice":
        start = first_that_counts(texts, min(map(len, texts)))
        found = [Prompt(ids, start) for ids in texts]
    else:
        alike = max(1, common_beginning([ids[::-1] for ids in texts]))
        found = [Prompt(ids, len(ids) - alike) for ids in texts]
    return [cropped(one, context) for one in found]


def first_that_counts(texts: Sequence[Sequence[int]], shortest: int) -> int:
    """Where texts part, but before the end of the shortest: of each at least one token counts."""
    return min(common_beginning(texts), shortest - 1)


def common_beginning(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens texts have in common at their beginning.

    >>> common_beginning([[1, 2, 3], [1, 2, 4, 5], [1, 2]])
    2
    """
    for number, column in enumerate(zip(*texts, strict=False)):
        if len(set(column)) > 1:
            return number
    return min(map(len, texts))


def cropped(prompt: Prompt, context: int) -> Prompt:
    """The end of a prompt that is too long: shots go first, then the question's beginning.

    >>> cropped(Prompt((1, 2, 3, 4, 5), start=4), context=3)
    Prompt(ids=(3, 4, 5), start=2)
    """
    surplus = max(0, len(prompt.ids) - context)
    # The first token of a text can be read, but not predicted.
    return Prompt(prompt.ids[surplus:], max(1, prompt.start - surplus))
