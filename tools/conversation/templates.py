"""Templates with places to fill: `{{name}}` stands for a value, `{{calculator}}` for a result.

`{{calculator}}` is what the calculator prints for the code before it in the same message.

A template is read first and filled afterwards, so a value stays inside its message: one that spells
`assistant:` or `{{another}}` is text. `{{!name}}` writes the braces themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanochat.tokenizer.chat import parts_of
from nanochat.toolbox.calculator import CalculatorError, calculate

PLACE = re.compile(r"\{\{([^{}\n]*)\}\}")
NAME = re.compile(r"[^\W\d][\w .-]*")
CALCULATOR = "calculator"


class FillError(ValueError):
    """A place cannot be filled; the message says which message it stands in."""


@dataclass(frozen=True)
class Template:
    """A chat as it is typed, and values to show it with."""

    title: str
    text: str
    fields: Mapping[str, str]


TEMPLATES = {
    "plain": Template(
        "plain: a question and an answer",
        "user: What is the capital of {{country}}?\nassistant: The capital of {{country}} is {{capital}}.",
        {"country": "France", "capital": "Paris"},
    ),
    "multi-turn": Template(
        "multi-turn: the second question needs the first answer",
        "user: Which animal says {{sound}}?\n"
        "assistant: A {{animal}}.\n"
        "user: Spell it.\n"
        "assistant: {{spelled}}.",
        {"sound": "moo", "animal": "cow", "spelled": "c o w"},
    ),
    "system": Template(
        "system: how to answer, before the first question",
        "system: Answer in {{style}}.\nuser: What is {{thing}}?\nassistant: {{answer}}",
        {"style": "one short sentence", "thing": "a token", "answer": "A piece of text with a number."},
    ),
    "tool-use": Template(
        "tool use: the assistant lets the calculator work",
        "user: {{who}} buys {{count}} {{things}} at {{price}} dollars each. What do they cost?\n"
        "assistant: {{count}} times {{price}}:\n"
        "python: {{count}}*{{price}}\n"
        "output: {{calculator}}\n"
        "assistant: They cost {{calculator}} dollars.",
        {"who": "Ada", "count": "12", "things": "books", "price": "37"},
    ),
}


def places(conversation: Mapping[str, Any]) -> list[str]:
    """The names of the values that a template asks for, in their order.

    >>> places({"messages": [{"role": "user", "content": "I am {{name}}, {{ age }}. {{!x}}"}]})
    ['name', 'age']
    """
    found = (
        name for text in _texts(conversation) for name in PLACE.findall(text) if not name.startswith("!")
    )
    return [name for name in dict.fromkeys(map(str.strip, found)) if name != CALCULATOR]


def _texts(conversation: Mapping[str, Any]) -> Iterator[str]:
    for message in conversation["messages"]:
        for part in parts_of(message):
            yield part["text"]


def fill(conversation: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """The conversation with its places filled. Raises FillError for a place without a value.

    >>> fill({"messages": [{"role": "user", "content": "I am {{name}}."}]}, {"name": "{{Ada}}"})
    {'messages': [{'role': 'user', 'content': 'I am {{Ada}}.'}]}
    """
    filled = []
    for number, message in enumerate(conversation["messages"], 1):
        where = f"message {number}"
        if isinstance(message["content"], str):
            content: Any = _filled(message["content"], values, _no_code, where)
        else:
            content = _filled_parts(message["content"], values, where)
        filled.append({"role": message["role"], "content": content})
    return {"messages": filled}


def _filled_parts(parts: list[dict[str, str]], values: Mapping[str, str], where: str) -> list[dict[str, str]]:
    code: str | None = None
    filled = []
    for part in parts:

        def result(where: str, code: str | None = code) -> str:
            return _no_code(where) if code is None else _calculated(code, where)

        text = _filled(part["text"], values, result, where)
        code = text if part["type"] == "python" else code
        filled.append({"type": part["type"], "text": text})
    return filled


def _filled(text: str, values: Mapping[str, str], result: Callable[[str], str], where: str) -> str:
    """All places in one go: what a value says is never filled again."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name.startswith("!"):
            return "{{" + match[1].strip()[1:] + "}}"
        if name == CALCULATOR:
            return result(where)
        if not NAME.fullmatch(name):
            raise FillError(
                f"{where}: {match[0][:40]!r} is no place to fill: a name stands in the braces, and "
                "{{!…}} writes the braces themselves"
            )
        if name not in values:
            raise FillError(f"{where}: there is no value for {{{{{name}}}}}")
        return values[name]

    return PLACE.sub(value_of, text)


def _no_code(where: str) -> str:
    raise FillError(f"{where}: {{{{{CALCULATOR}}}}} needs code before it in the same message: a python: line")


def _calculated(code: str, where: str) -> str:
    try:
        return calculate(code)
    except CalculatorError as error:
        raise FillError(f"{where}: the calculator has no result for {code[:40]!r}: {error}") from None
