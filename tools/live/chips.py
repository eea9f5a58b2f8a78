"""What the playground shows, as HTML: the answer's tokens as buttons, the choice of the next as a table.

Everything is escaped; a script finds its buttons by `data-place` and `data-take`. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.attention.trace import Token
from tools.core.markup import escape

Shown = Mapping[str, Any]


def answer_html(shown: Shown) -> str:
    """The conversation up to here: older turns as text, the answer token by token.

    >>> token = {"id": 5, "text": " 4<", "special": False}
    >>> step = {**token, "place": 1, "before": 0, "chance": 0.5, "forced": [], "call": None}
    >>> shown = {
    ...     "prompt": [token],
    ...     "places": [step],
    ...     "finish": None,
    ...     "older": [],
    ...     "chat": False,
    ...     "left_out": 0,
    ... }
    >>> 'data-place="0"' in answer_html(shown), "4&lt;" in answer_html(shown)
    (True, True)
    """
    return "\n".join(_answer(shown))


def _answer(shown: Shown) -> Iterator[str]:
    for message in shown["older"]:
        who = "You" if message["role"] == "user" else "Model"
        yield f'<p class="model-turn model-{message["role"]}"><b>{who}</b> {escape(message["text"])}</p>'
    if shown["left_out"]:
        yield '<p class="model-note">Older turns no longer fit into what the model can read.</p>'
    label = "What the model reads" if shown["chat"] else "Your text"
    yield f'<p class="model-line"><span class="model-who">{label}</span>'
    yield "".join(_fixed(one, "prompt") for one in shown["prompt"]) + "</p>"
    label = "What it writes" if shown["chat"] else "How it goes on"
    yield f'<p class="model-line"><span class="model-who">{label}</span>'
    yield "".join(part for one in shown["places"] for part in _step(one))
    if not shown["places"]:
        yield '<span class="model-note">nothing yet</span>'
    yield "</p>"
    for one in shown["places"]:
        if one["call"]:
            code, result = escape(one["call"]["code"]), escape(one["call"]["result"])
            yield (
                f'<p class="model-call">Here the model stopped and the calculator ran: <code>{code}</code> '
                f"gives <code>{result}</code>. The tokens with a dashed frame were put in, not chosen.</p>"
            )
    if shown["finish"]:
        yield f'<p class="model-note">{_why(shown)}</p>'


def _why(shown: Shown) -> str:
    if shown["finish"] == "stop":
        return "The model ended its answer. Click a token to go back to it."
    return "There is no room for more. Click a token to go back to it."


def _step(one: Shown) -> Iterator[str]:
    """A chosen token, and what was put in behind it."""
    percent = f"{one['chance']:.1%}"
    says = escape(f"token {one['id']}, chance {percent}: go back to this choice")
    shade = min(9, int(one["chance"] * 10))
    kind = " model-special" if one["special"] else ""
    yield (
        f'<button type="button" class="model-token model-shade-{shade}{kind}" data-place="{one["before"]}" '
        f'title="{says}">{token_text(one)}</button>'
    )
    yield from (_fixed(forced, "forced") for forced in one["forced"])


def _fixed(token: Shown, kind: str) -> str:
    kinds = f"model-token model-{kind}" + (" model-special" if token["special"] else "")
    return f'<span class="{kinds}" title="token {token["id"]}">{token_text(token)}</span>'


def token_text(token: Shown) -> str:
    """A token as people can see it: a space at its edge as a dot, a line break as an arrow.

    >>> token_text({"text": " a", "special": False}), token_text({"text": "<|bos|>", "special": True})
    ('<i>·</i>a', 'bos')
    """
    text = token["text"]
    if token["special"]:
        return escape(text.removeprefix("<|").removesuffix("|>"))
    marked = escape(text).replace("\n", "<i>↵</i>")
    if marked.startswith(" "):
        marked = "<i>·</i>" + marked[1:]
    if marked.endswith(" "):
        marked = marked[:-1] + "<i>·</i>"
    return marked or "<i>∅</i>"


def next_html(shown: Shown | None, taken: Sequence[int] = (), after: str = "") -> str:
    """The likeliest next tokens: what the model says, what the rules make of it, and a button to take one.

    `after` is the end of the text before them.
    """
    if shown is None:
        return '<p class="model-note">The answer has ended, so nothing is chosen here.</p>'
    return "\n".join(_next(shown, set(taken), " ".join(after.split())))


def _next(shown: Shown, taken: set[int], after: str) -> Iterator[str]:
    kept, bits = shown["kept"], shown["bits"]
    count = f"{kept:,} token" + ("s" if kept != 1 else "")
    place = f"After “{escape(after)}” the" if after else "The"
    yield (
        f'<p class="model-says">{place} rules leave <b>{count}</b>. How open the choice is: '
        f"{bits['model']:.2f} bits for the model, <b>{bits['ruled']:.2f} bits</b> after the rules.</p>"
    )
    yield '<table class="model-next"><thead><tr><th scope="col">Token</th><th scope="col">Model</th>'
    yield '<th scope="col">After the rules</th><th scope="col">Choose</th></tr></thead><tbody>'
    for row in shown["rows"]:
        gone = ' class="model-gone"' if row["ruled"] == 0 else ""
        said = escape(row["text"].strip() or repr(row["text"]))
        again = "again" if row["id"] in taken else "take"
        yield (
            f'<tr{gone}><th scope="row"><span class="model-token">{token_text(row)}</span></th>'
            f"<td>{_bar(row['model'])}</td><td>{_bar(row['ruled'])}</td>"
            f'<td><button type="button" class="live-button" data-take="{row["id"]}" '
            f'aria-label="{again} {said}">{again}</button></td></tr>'
        )
    rest = shown["rest"]
    yield (
        f'<tr class="model-rest"><th scope="row">{rest["count"]:,} others</th><td>{_bar(rest["model"])}</td>'
        f"<td>{_bar(rest['ruled'])}</td><td></td></tr></tbody></table>"
    )


def _bar(chance: float) -> str:
    """A chance in words, over a bar of that width: an SVG, since the page allows no styles in its text."""
    return (
        f'<svg class="model-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * chance:.2f}" height="10"/></svg><span>{said_chance(chance)}</span>'
    )


def said_chance(chance: float) -> str:
    """A chance in percent.

    >>> said_chance(0.123), said_chance(0.00001), said_chance(0), said_chance(1)
    ('12.3 %', '< 0.1 %', '0 %', '100 %')
    """
    if 0 < chance < 0.0005:
        return "< 0.1 %"
    return f"{100 * chance:.1f}".removesuffix(".0") + " %"


def branches_html(branches: Sequence[Shown]) -> str:
    """The ends of other branches, as buttons that go there; nothing if there are none."""
    if not branches:
        return ""
    items = "".join(
        f'<li><button type="button" class="live-button" data-end="{one["place"]}">'
        f"{escape(_shortened(one['text']))}</button></li>"
        for one in branches
    )
    return f'<p class="model-says">Branches you left:</p><ul class="model-branches">{items}</ul>'


def _shortened(text: str, most: int = 60) -> str:
    text = " ".join(text.split()) or "(nothing)"
    return text if len(text) <= most else text[: most - 1] + "…"


def token_chip(token: Token, attributes: str, tag: str = "button") -> str:
    """A token in a frame, with a script's attributes.

    >>> token_chip(Token(5, b" sea"), 'class="model-token" title="5"', "span")
    '<span class="model-token" title="5"><i>·</i>sea</span>'
    """
    kind = ' type="button"' if tag == "button" else ""
    attributes = attributes or 'class="model-token"'
    if token.special:
        attributes = attributes.replace('class="', 'class="model-special ', 1)
    return f"<{tag}{kind} {attributes}>{token_text(shown(token))}</{tag}>"


def shown(token: Token) -> dict[str, Any]:
    """A token as `token_text` wants it; bytes that are no whole character are written out.

    >>> shown(Token(5, b"\\xf0"))
    {'id': 5, 'text': '\\\\xf0', 'special': False}
    """
    text = token.data.decode("utf-8", "backslashreplace")
    return {"id": token.token_id, "text": text, "special": token.special}
