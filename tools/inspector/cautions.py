"""What the trainer takes, and a person might not want it to: one warning for each kind and record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nanochat.data.clean import INVISIBLE
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS
from nanochat.toolbox.calculator import CalculatorError, calculate
from tools.inspector import characters, personal
from tools.inspector.lines import CHAT
from tools.inspector.records import Part, Place, Record

EMPTY = "empty content"
TOOL_ORDER = "tool use out of order"
TOOL_RESULT = "wrong result"
MARKER = "special token as text"
CUT = "cut at the row"
NOTHING_LEARNED = "nothing to learn"
KINDS = (
    EMPTY, TOOL_ORDER, TOOL_RESULT, MARKER, *characters.KINDS, *personal.KINDS, CUT, NOTHING_LEARNED,
)  # fmt: skip

SHOWN = 3  # examples in one warning
_WORD = re.compile(r"\S+")


def cautions_of(record: Record) -> Iterator[tuple[Place, str, str]]:
    """The warnings of a good record: where, of which kind, and in words what.

    >>> from tools.inspector.records import chat_of
    >>> turns = [{"role": "user", "content": "I am ada@example.com"}, {"role": "assistant", "content": " "}]
    >>> list(cautions_of(chat_of(turns, (0, 5))))
    [((0, 5), 'empty content', "message 2: the assistant's text is empty"), \
((0, 5), 'e-mail address', 'message 1: a…@e….com')]
    """
    if record.kind == CHAT:
        for kind, what in (*_empty_messages(record.parts), *_tool_use(record.parts), *_markers(record.parts)):
            yield record.place, kind, what
    elif not has_text(record.parts[0].text):
        yield record.place, EMPTY, "a document without text is left out"
        return
    seen: dict[str, Counter[str]] = {}
    places: dict[str, tuple[Place, str]] = {}
    for part in record.parts:
        for kind, words in _in_text(part.text):
            seen.setdefault(kind, Counter()).update(words)
            if kind not in places:
                places[kind] = _where(record, part, kind)
    for kind, found in seen.items():
        place, where = places[kind]
        yield place, kind, where + _listed(found)


def has_text(text: str) -> bool:
    """Whether anything is left of a document when the trainer has cleaned it.

    >>> has_text("\\x1b \\u200b\\n"), has_text("\\x1b a")
    (False, True)
    """
    return any(INVISIBLE.sub("", word[0]) for word in _WORD.finditer(text))


def _where(record: Record, part: Part, kind: str) -> tuple[Place, str]:
    """The line of the first finding, and which message it is in."""
    if record.kind == CHAT:
        return record.place, f"message {part.message}: "
    file, line = record.place
    if record.kind == "text":  # a piece of a plain text has many lines
        for number, one in enumerate(part.text.split("\n")):
            if kind in dict(_in_text(one)):
                return (file, line + number), ""
    return record.place, ""


def _in_text(text: str) -> Iterator[tuple[str, Counter[str]]]:
    for kind, counts in characters.odd_characters(text).items():
        yield kind, Counter({characters.name_of(one): times for one, times in counts.items()})
    yield from personal.personal_data(text).items()


def _listed(counts: Counter[str]) -> str:
    """The first different ones of what was found, each with how often.

    >>> _listed(Counter(["a", "b", "a", "c", "d"]))
    '2 × a, b, c and 1 more'
    """
    words = [f"{times:,} × {one}" if times > 1 else one for one, times in list(counts.items())[:SHOWN]]
    more = sum(counts.values()) - sum(times for _, times in list(counts.items())[:SHOWN])
    return ", ".join(words) + (f" and {more:,} more" if more else "")


def _empty_messages(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    said = Counter({part.message: 0 for part in parts})
    roles = {part.message: part.role for part in parts}
    for part in parts:
        said[part.message] += bool(part.text.strip())
    empty = [message for message, words in said.items() if not words]
    if empty:
        more = f", and {len(empty) - 1:,} more" if len(empty) > 1 else ""
        yield EMPTY, f"message {empty[0]}: the {roles[empty[0]]}'s text is empty{more}"


def _tool_use(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """Code must be followed by what it printed, and nothing can be printed without code."""
    for before, part in zip((None, *parts), (*parts, None), strict=True):
        is_answer = part is not None and before is not None and part.message == before.message
        if part is not None and part.kind == "python_output":
            if not (is_answer and before is not None and before.kind == "python"):
                yield TOOL_ORDER, f"message {part.message}: an output without code before it"
                return
        elif before is not None and before.kind == "python":
            yield TOOL_ORDER, f"message {before.message}: code whose output is missing"
            return
    for before, part in pairwise(parts):
        if before.kind == "python" and part.kind == "python_output":
            right = _result(before.text)
            if right is not None and right != part.text.strip():
                said = f"{before.text} gives {right}, not {part.text}"
                yield TOOL_RESULT, f"message {part.message}: {said[:120]}"
                return


def _result(code: str) -> str | None:
    """What the calculator says, or None for code that is none of its business."""
    try:
        return calculate(code)
    except CalculatorError:
        return None


def _markers(parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """A special token that is spelled in a text stays ordinary characters: the model learns to spell it."""
    for part in parts:
        if "<|" in part.text:
            for marker in CHAT_SPECIALS:
                if marker in part.text:
                    yield MARKER, f"message {part.message}: {marker} is spelled out, and stays ordinary text"
                    return
