"""Figures and settings in words."""

from __future__ import annotations

from nanochat.inference.position import Stage
from nanochat.inference.request import Sampling
from nanochat.inference.trace import Trace
from tools.core.report import Value
from tools.explorer.walk import LEFT, LENGTH, OPEN, STOP, Walk
from tools.playground.views import show


def percent(chance: float) -> str:
    """A chance, to three digits that count.

    >>> [percent(chance) for chance in (1.0, 0.25, 0.0123456, 0.00002, 0.0)]
    ['100 %', '25.0 %', '1.23 %', '0.0020 %', '0']
    """
    if chance == 0:
        return "0"
    value = 100 * chance
    if value >= 99.95:
        return "100 %" if value > 99.9995 else f"{value:.2f} %"
    return f"{value:.{1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4}f} %"


def bits(value: float | None) -> str:
    """A number of bits; `?` for one that is not known."""
    return "?" if value is None else f"{value:.2f}"


def count(value: int | None) -> str:
    """How many; `?` where that is not known."""
    return "?" if value is None else f"{value:,}"


def rules(how: Sampling) -> str:
    """The rules that are on.

    >>> rules(Sampling(temperature=0.5, top_p=0.9)), rules(Sampling(temperature=0))
    ('temperature 0.5, top-p 0.9', 'temperature 0 (greedy)')
    """
    named = [f"temperature {how.temperature:g}" + (" (greedy)" if how.temperature == 0 else "")]
    named += [f"top-k {how.top_k:,}"] * (how.top_k > 0)
    named += [f"top-p {how.top_p:g}"] * (how.top_p < 1)
    named += [f"min-p {how.min_p:g}"] * (how.min_p > 0)
    named += [f"repetition penalty {how.repetition_penalty:g}"] * (how.repetition_penalty != 1)
    return ", ".join(named)


def ended(walk: Walk, trace: Trace) -> str:
    """Why a text ends."""
    if walk.ended == STOP:
        return f"the model ended it with {trace.pieces[walk.chosen[-1]].decode(errors='replace')}"
    return {
        LENGTH: "its number of tokens is used up",
        LEFT: "the trace has no place after this token: only the model could go on",
        OPEN: "the draw may fall on a token without a logit in the trace",
    }[walk.ended]


def parted(walk: Walk, trace: Trace) -> str:
    """From where on the text is another one's, and why; nothing where it is the rules' own."""
    parting = walk.parting
    if parting is None or parting.run is None:
        return ""
    if parting.why == OPEN or parting.would is None:
        why = "the draw may fall on a token without a logit in the trace"
    else:
        why = f"the rules choose {show(trace.pieces[parting.would])}, and the trace does not go there"
    return (
        f"from token {parting.at + 1} on the one written with {rules(parting.run.sampling)}, seed "
        f"{parting.run.seed}: {why}"
    )


def doubt(stage: Stage) -> str:
    """What is not known of a stage, and how much that can matter; nothing where all is."""
    if stage.exact:
        return ""
    most = min(1.0, stage.off * max(stage.chances))
    said = stage.unknown or "a rule before it is not exact"
    return f"{said}; a chance shown may be off by {percent(most)} at most"


def of_model(trace: Trace) -> list[tuple[str, Value, str]]:
    """What a trace says of its model: key, value, text."""
    found: list[tuple[str, Value, str]] = []
    for key, value in trace.model.items():
        if isinstance(value, (str, int, float)):
            plain = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
            found.append((str(key), value, plain))
    return found
