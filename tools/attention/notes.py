"""What the figures say, in sentences; each is worked out from them."""

from __future__ import annotations

from tools.attention.measures import all_heads
from tools.attention.patterns import MOSTLY
from tools.attention.trace import PARTS
from tools.attention.view import View, head_name


def says(view: View) -> str:
    """The answer in a sentence: where the chosen token of the chosen head looks most."""
    row = view.row(view.chosen, view.token)
    best = max(range(len(row)), key=row.__getitem__)
    return (
        f"In head {head_name(view.chosen)}, token {view.names[view.token]} looks most at token "
        f"{view.names[best]}, with a weight of {row[best] / PARTS:.2f}."
    )


def notes_of(view: View) -> list[str]:
    """Notes on order, spread, induction and windows."""
    return [
        note for note in (_order(view), _spread(view), _induction(view), _window(view), _early(view)) if note
    ]


def _order(view: View) -> str:
    name = view.question.by
    best = view.ranked(name)[0]
    score, even = view.value(name, best), view.even_value(name)
    if score is None or even is None:
        return ""
    more = sum((view.value(name, place) or 0) > even for place in all_heads(view.trace))
    return (
        f"By {view.by}, head {head_name(best)} comes first with {score:.2f}. A head that looks at everything "
        f"up to itself alike would have {even:.2f}; {more} of {view.n_heads} heads have more."
    )


def _spread(view: View) -> str:
    order = view.ranked("entropy")
    wide, narrow = (2 ** view.scores[place].entropy for place in (order[0], order[-1]))
    return (
        f"Head {head_name(order[0])} spreads its attention most: its entropy is that of {wide:.1f} tokens "
        f"looked at alike. Head {head_name(order[-1])} looks at the fewest: {narrow:.1f}."
    )


def _induction(view: View) -> str:
    told = view.trace.repeated
    even = view.even_value("induction")
    if told is None or even is None:
        return ""
    best = view.ranked("induction")[0]
    score = view.random_score(best) or 0.0
    asked = f"On {told.n_tokens} random tokens that come twice"
    if score >= MOSTLY:
        return (
            f"{asked}, head {head_name(best)} gives {score:.2f} to what followed the last time "
            f"({even:.2f} would be chance): it is an induction head."
        )
    return (
        f"{asked}, no head reaches {MOSTLY} on what followed the last time: the best, {head_name(best)}, "
        f"gives it {score:.2f}, and {even:.2f} would be chance. So none is called an induction head."
    )


def _window(view: View) -> str:
    n_tokens, short = len(view.trace.tokens), view.trace.short_window
    asked = view.question.window
    if asked is not None and asked < n_tokens:
        worst = view.ranked("window")[-1]
        return (
            f"A window of {asked} tokens would take {1 - view.scores[worst].near:.2f} of its attention from "
            f"head {head_name(worst)}, more than from any other."
        )
    if short is not None and short >= n_tokens:
        return (
            f"The shortest window, {short:,} tokens, reaches over this whole text of {n_tokens}: no head is "
            "cut off here. --window asks what a shorter one would cost."
        )
    return ""


def _early(view: View) -> str:
    token = view.token
    if token >= 2:
        return ""
    return (
        f"Token {token + 1} has little choice: it can look at {token + 1} "
        f"{'token' if token == 0 else 'tokens'} only."
    )
