"""The sections about all heads: their maps, their measures, their ranks, the patterns they show."""

from __future__ import annotations

from tools.attention.drawing import overview
from tools.attention.measures import all_heads
from tools.attention.patterns import PATTERNS
from tools.attention.question import MEASURES
from tools.attention.view import Place, View, head_name
from tools.core.report import Block, Cell, Column, Heatmap, Picture, Row, Rows, Section, Table, Text, Value
from tools.core.words import listing

COLUMNS = (
    Column("head", "Head"),
    Column("previous", "Before", "right"),
    Column("first", "First", "right"),
    Column("induction_random", "Induct.", "right"),
    Column("induction_text", "in text", "right"),
    Column("entropy", "Bits", "right"),
    Column("distance", "Back", "right"),
    Column("inside_window", "Window", "right"),
    Column("pattern", "Pattern"),
)
LEGEND = (
    "In the table are shares of attention from 0 to 1: on the token before, on the first token, on what "
    "followed the last time (random tokens, this text), inside {window} tokens. Bits: entropy. Back: mean "
    "distance in tokens. The last row is a head that looks at everything up to itself alike."
)
MOST_MAPS = 512
PLACES = ("first", "second", "third")


def heads_section(view: View) -> Section:
    """Every head: a small map of each, one measure as a grid, all measures as a table."""
    order = view.ranked(view.question.by)
    most = view.question.rows
    rows = [_row(view, place) for place in order[:most]]
    even: list[Cell | Value] = [
        "even",
        *(_share(view.even_value(name)) for name in ("previous", "first", "induction", "in-text")),
        _number(view.even.entropy, 2), _number(view.even.distance, 1), _share(view.even.near), "all alike",
    ]  # fmt: skip
    blocks: list[Block] = [grid(view)]
    if len(order) <= MOST_MAPS:
        blocks.insert(0, maps_picture(view))
    blocks.append(Text(LEGEND.format(window=f"{view.near:,}")))
    blocks.append(Table("heads", COLUMNS, [*rows, even], f"Ordered by: {view.by}"))
    if len(order) > most:
        blocks.append(Text(f"Only the first {most} of {len(order)} heads; --rows shows more."))
    return Section("All heads", blocks, icon="🗺️", key="all_heads")


def _row(view: View, place: Place) -> list[Cell | Value]:
    scores = view.scores[place]
    return [
        head_name(place),
        _share(scores.previous),
        _share(scores.first),
        _share(view.random_score(place)),
        _share(scores.induction),
        _number(scores.entropy, 2),
        _number(scores.distance, 1),
        _share(scores.near),
        view.pattern_words(place),
    ]


def _share(value: float | None) -> Cell:
    return Cell(value, "-" if value is None else f"{value:.2f}")


def _number(value: float, digits: int) -> Cell:
    return Cell(value, f"{value:.{digits}f}")


def grid(view: View) -> Heatmap:
    """One measure of every head."""
    trace, name = view.trace, view.question.by
    values = [
        [view.value(name, (layer, head)) for head in range(trace.n_head)] for layer in range(trace.n_layer)
    ]
    shares = name not in ("entropy", "distance")
    return Heatmap(
        "grid",
        f"Every head by its measure: {view.by}",
        [f"layer {layer + 1}" for layer in range(trace.n_layer)],
        [f"{head + 1}" for head in range(trace.n_head)],
        values,
        "",
        "head",
        high=1.0 if shares else None,
    )


def maps_picture(view: View) -> Picture:
    """All maps, small."""
    shown = view.shown
    said = f"{view.trace.n_layer * view.trace.n_head} maps of tokens {shown.start + 1} to {shown.stop}. "
    return overview(view.trace, shown, view.chosen, said + "; ".join(_by_pattern(view)))


def _by_pattern(view: View) -> list[str]:
    """Each pattern with its heads, in words."""
    found = {pattern.name: _heads_of(view, pattern.name) for pattern in PATTERNS}
    said = [f"{name}: {', '.join(map(head_name, heads))}" for name, heads in found.items() if heads]
    return said or ["no head has a pattern with a name"]


def _heads_of(view: View, pattern: str) -> list[Place]:
    return [place for place in all_heads(view.trace) if pattern in view.patterns(place)]


def ranks_section(view: View) -> Section:
    """By each measure, which heads come first, and which last."""
    rows: list[list[Cell | Value]] = []
    for name, label in MEASURES.items():
        if not view.measured(name):
            rows.append([label, *["-"] * 4])
            continue
        order = view.ranked(name)
        best = order[: len(PLACES)]
        cells = [_ranked(view, name, place) for place in best] + ["-"] * (len(PLACES) - len(best))
        rows.append([label, *cells, _ranked(view, name, order[-1])])
    columns = [
        Column("measure", "Measure"),
        *(Column(one, one.capitalize()) for one in PLACES),
        Column("last", "Last"),
    ]
    return Section(
        "Ranks", [Table("ranks", columns, rows, "Heads by each measure, highest first")], icon="🏅"
    )


def _ranked(view: View, measure: str, place: Place) -> str:
    return f"{head_name(place)}: {view.value(measure, place):.2f}"


def patterns_section(view: View) -> Section:
    """Each named pattern: its rule, and the heads that keep it."""
    rows: list[list[Cell | Value]] = []
    for pattern in PATTERNS:
        heads = [head_name(place) for place in _heads_of(view, pattern.name)]
        text = f"{listing(heads, 'and')}" if heads else "none"
        rows.append([pattern.name, Cell(", ".join(heads), text), pattern.rule])
    columns = [Column("pattern", "Pattern"), Column("heads", "Heads"), Column("rule", "A head has it with")]
    none = [place for place in all_heads(view.trace) if not view.patterns(place)]
    mixed = Row(
        "mixed", "Without a name", len(none), f"{len(none)} of {view.trace.n_layer * view.trace.n_head} heads"
    )
    return Section("Patterns", [Table("patterns", columns, rows), Rows([mixed])], icon="🧩")
