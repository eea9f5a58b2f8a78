"""What each layer would say, as an HTML table: a row for each layer, a column for each token of the text.

Each cell is a button that carries its likeliest tokens, so that choosing one costs no question to Python.
Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tools.attention.tokens import named
from tools.attention.trace import Token
from tools.core.markup import escape
from tools.live.chips import said_chance, shown, token_chip, token_text
from tools.live.looking import Guess, Reading
from tools.live.model import LiveModel


def lens_html(model: LiveModel, reading: Reading, rows: Sequence[Sequence[Guess]]) -> str:
    """The table; the cell that is chosen at first is the model's own answer to the whole text."""
    return "\n".join(_lens(model, reading, rows))


def _lens(model: LiveModel, reading: Reading, rows: Sequence[Sequence[Guess]]) -> Iterator[str]:
    names = named(reading.tokens)
    yield '<table class="look-lens"><caption class="report-hidden">The likeliest next token</caption>'
    yield '<thead><tr><th scope="col">After reading</th>'
    for token in reading.tokens:
        yield f'<th scope="col">{token_chip(token, "", "span")}</th>'
    yield "</tr></thead><tbody>"
    for number, row in enumerate(rows):
        label = row_name(number, model.n_layer)
        last = number == len(rows) - 1
        yield f'<tr{_of_model(last)}><th scope="row">{label}</th>'
        for place, one in enumerate(row):
            yield _cell(model, label, names[place], one, last and place == len(row) - 1)
        yield "</tr>"
    yield '</tbody><tfoot><tr><th scope="row">What came next</th>'
    for token in reading.tokens[1:]:
        yield f"<td>{token_chip(token, '', 'span')}</td>"
    yield "<td></td></tr></tfoot></table>"


def _of_model(last: bool) -> str:
    return ' class="look-own"' if last else ""


def row_name(number: int, n_layer: int) -> str:
    """What a row shows.

    >>> row_name(0, 5), row_name(2, 5), row_name(6, 5)
    ('before layer 1', 'after layer 2', 'the model’s answer')
    """
    if number == 0:
        return "before layer 1"
    return f"after layer {number}" if number <= n_layer else "the model’s answer"


def _cell(model: LiveModel, label: str, name: str, one: Guess, chosen: bool) -> str:
    token_id, chance = one.likeliest[0]
    likely = [[shown(_token(model, other))["text"], said_chance(share)] for other, share in one.likeliest]
    came = "" if one.came is None else said_chance(one.came)
    right = " look-right" if one.right else ""
    text = token_text(shown(_token(model, token_id)))
    return (
        f'<td><button type="button" class="look-cell{right}" data-shade="{min(9, int(10 * chance))}" '
        f'data-where="{escape(f"{label}, at token {name}")}" data-came="{came}" '
        f'data-likely="{escape(json.dumps(likely, ensure_ascii=False))}" '
        f'aria-pressed="{"true" if chosen else "false"}">'
        f"<span>{text}</span> <small>{said_chance(chance)}</small></button></td>"
    )


def _token(model: LiveModel, token_id: int) -> Token:
    return Token(token_id, model.tokenizer.token_bytes(token_id), token_id in model.tokenizer.special_ids)


def cell_html(model: LiveModel, where: str, one: Guess) -> str:
    """The list of a cell, as the script makes it of what the button carries."""
    items = []
    for token_id, chance in one.likeliest:
        text = token_text(shown(_token(model, token_id)))
        items.append(f'<li><span class="model-token">{text}</span> {said_chance(chance)}</li>')
    return f'<p class="model-says">{escape(where)}</p><ol>{"".join(items)}</ol>'
