"""The sections about two checkpoints: what differs, which is better, how far apart their weights are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from nanochat.model.tensors import part_of
from tools.checkpoints.measuring import in_words, measure_distances
from tools.checkpoints.numbers import Distance
from tools.checkpoints.one_sections import OTHER, error_cell
from tools.checkpoints.runs import Step
from tools.checkpoints.scores import SEEN_OF_THE_MACHINE, Score, better_of, is_sure
from tools.checkpoints.wording import Lines, cut_off, in_bytes, plural
from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table, Text, Value

FIRST, SECOND, EQUAL = "◀ first", "second ▶", "equal"
WORDS = {1: FIRST, 2: SECOND, 0: EQUAL, None: ""}
VALUES = {1: "first", 2: "second", 0: "equal", None: None}
NOT_CONFIG = ("name", "asked")  # of a config: the name, and the flags, which the settings hold too
WIDE = 34  # characters of a value in a table of two
SMALL = 1e-12  # a difference of lengths below this is rounding
Scored = Sequence[Score]


def pair_section(first: Step, second: Step) -> Section:
    """The two, in short."""
    rows = []
    for key, one in (("first", first), ("second", second)):
        stage = f", stage {one.run.stage}" if one.run.stage else ""
        text = f"{one.title}{stage}, {one.header.parameters:,} parameters, {in_bytes(one.header.whole_bytes)}"
        rows.append(Row(key, key.capitalize(), one.title, text))
    return Section("Two checkpoints", [Rows(rows)], icon="⚖️", key="pair")


# ---- config ----


def flat(found: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A config with a name for every value.

    >>> flat({"model": {"n_layer": 4}, "stage": "sft"})
    {'model.n_layer': 4, 'stage': 'sft'}
    """
    values: dict[str, Any] = {}
    for name, value in found.items():
        inside = isinstance(value, Mapping) and bool(value)
        values |= flat(value, f"{before}{name}.") if inside else {f"{before}{name}": value}
    return values


def configs_of(first: Step, second: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """All settings of both: those of the run, and of the model by the checkpoint's own word."""
    found = []
    for step in (first, second):
        kept = {key: value for key, value in step.run.config.items() if key not in NOT_CONFIG}
        shape = {"model": step.model.to_dict()} if step.model else {}
        found.append(flat(kept | shape))
    return found[0], found[1]


def differences(first: Step, second: Step) -> list[tuple[str, Any, Any]]:
    """Every setting that both have and that differs: its name, and both values."""
    one, two = configs_of(first, second)
    return [(name, one[name], two[name]) for name in one if name in two and one[name] != two[name]]


def config_section(first: Step, second: Step, most: int) -> Section:
    """The settings that differ, key by key, and those that only one has."""
    found, (one, two) = differences(first, second), configs_of(first, second)
    blocks: list[Block] = []
    if found:
        columns = [Column("setting", "Setting"), Column("first", "First"), Column("second", "Second")]
        rows: Lines = [[name, value_cell(left), value_cell(right)] for name, left, right in found[:most]]
        blocks.append(Table("differences", columns, rows))
        if len(found) > most:
            blocks.append(Text(cut_off(most, len(found), "settings")))
    elif not (one and two):
        blocks.append(Text("There is no config of both, so settings cannot be compared.", key="same"))
    else:
        blocks.append(Text("No setting that both have differs.", key="same"))
    for key, word, own, other in (("only_first", "first", one, two), ("only_second", "second", two, one)):
        names = [name for name in own if name not in other]
        if names and other:
            blocks.append(Text(f"Only the {word} has: {', '.join(names)}.", key=key))
    title = f"Config: {plural(len(found), 'difference')}" if found else "Config"
    return Section(title, blocks, icon="⚙️", key="config_differences")


def value_cell(value: Any) -> Cell:
    """A setting's value, shortened where it is long."""
    plain = value if value is None or isinstance(value, (int, float, str, bool)) else json.dumps(value)
    shown = "none" if value is None else str(plain).lower() if isinstance(plain, bool) else str(plain)
    return Cell(plain, shown if len(shown) <= WIDE else shown[: WIDE - 1] + "…")


# ---- figures ----


def figures_section(first: Scored, second: Scored) -> Section | None:
    """The figures that both have, with an arrow toward the better one."""
    others = {score.label: score for score in second}
    both = [(one, others[one.label]) for one in first if one.label in others]
    if not both:
        return None
    columns = [
        Column("figure", "Figure"), Column("first", "First", "right"), Column("better", "Better"),
        Column("second", "Second", "right"), Column("why", "Why"),
    ]  # fmt: skip
    rows: Lines = [figure_row(one, two) for one, two in both]
    blocks: list[Block] = [Table("figures", columns, rows)]
    return Section("Which is better", blocks, icon="📏", key="figures")


def figure_row(one: Score, two: Score) -> list[Cell | Value]:
    """A figure of both."""
    better = better_of(one, two)
    return [one.label, with_error(one), Cell(VALUES[better], WORDS[better]), with_error(two), why(one, two)]


def with_error(score: Score) -> Cell:
    """A value with its standard error."""
    error = error_cell(score).shown
    return Cell(score.value, f"{score.shown} ±{error}" if error else score.shown)


def why(one: Score, two: Score) -> str:
    """What makes one of two figures better, or why neither is."""
    if not one.better:
        return "no better way"
    if one.on != two.on:
        return "not the same test"
    if not (math.isfinite(one.value) and math.isfinite(two.value)):
        return "not a number"
    if not one.on and one.key not in SEEN_OF_THE_MACHINE:
        return f"{one.better} is better, on the same test"
    if is_sure(one, two) is False:
        return f"may be chance; {one.better} is better"
    return f"{one.better} is better"


# ---- tensors ----


def tensors_section(first: Step, second: Step, most: int) -> Section:
    """The tensors that only one has, or that have two shapes or types."""
    one, two = first.header.named, second.header.named
    names = [*one, *(name for name in two if name not in one)]
    rows: Lines = []
    for name in names:
        texts = [
            f"{has[name].shape_text} {has[name].dtype}" if name in has else "not there" for has in (one, two)
        ]
        if texts[0] != texts[1]:
            rows.append([name, *texts])
    if not rows:
        text = f"Both have the same {len(one):,} tensors, of the same shapes and types."
        return Section("Tensors", [Text(text, key="same")], icon="🧱", key="tensor_differences")
    columns = [Column("tensor", "Tensor"), Column("first", "First"), Column("second", "Second")]
    blocks: list[Block] = [Table("differences", columns, rows[:most])]
    if len(rows) > most:
        blocks.append(Text(cut_off(most, len(rows), "tensors")))
    return Section(f"Tensors: {len(rows):,} differ", blocks, icon="🧱", key="tensor_differences")


def distance_section(first: Step, second: Step, who: str, most: int) -> tuple[Section, str]:
    """How far apart the weights are, tensor by tensor and by part; and the answer in a sentence."""
    found = list(measure_distances(first.header, second.header, who))
    columns = [
        Column("tensor", "Tensor"), Column("first_norm", "Norm 1", "right"),
        Column("second_norm", "Norm 2", "right"), Column("relative", "Distance", "right"),
        Column("cosine", "Cosine", "right"),
    ]  # fmt: skip
    farthest = sorted(found, key=lambda one: -one[1].relative)
    rows: Lines = [
        [name, Cell(one.first, f"{one.first:.4g}"), Cell(one.second, f"{one.second:.4g}"),
         Cell(one.relative, f"{100 * one.relative:.2f} %"), Cell(one.cosine, f"{one.cosine:.5f}")]
        for name, one in farthest[:most]
    ]  # fmt: skip
    whole = together([one for _, one in found])
    parts: dict[str, list[Distance]] = {}
    for name, one in found:
        parts.setdefault(part_of(name) or OTHER, []).append(one)
    bars = [
        Bar(part, share, f"{100 * share:.2f} %")
        for part, some in parts.items()
        if math.isfinite(share := together(some))
    ]
    blocks: list[Block] = [
        Rows([Row("relative", "All together", whole, f"{100 * whole:.2f} % of the first one's length")]),
        Bars("by_part", bars, caption="Distance by part, as a share of the first one's length"),
        Table("tensors", columns, rows, caption="The tensors that moved most"),
        Text(
            f"Read by {in_words(who)}. The distance is the length of the difference as a share of the first "
            "one's length; a cosine of 1 means the same direction.",
            key="read_by",
        ),
    ]
    if not found:
        blocks = [Text("No tensor is in both in one shape.", key="none")]
    said = ""
    if farthest and farthest[0][1].relative > SMALL:
        said = (
            f"Their weights are {100 * whole:.2f} % of the first one's length apart; {farthest[0][0]} moved "
            f"most, by {100 * farthest[0][1].relative:.1f} %."
        )
    elif found:
        said = "Their weights are the same, number for number."
    return Section("Distance of the weights", blocks, icon="📐", key="distance"), said


def together(found: Sequence[Distance]) -> float:
    """The distance of several tensors taken as one long vector, as a share of the first one's length.

    >>> together([Distance(3.0, 3.0, 0.3, 1.0), Distance(4.0, 4.0, 0.4, 1.0)])
    0.1
    """
    apart, length = (math.hypot(*(getattr(one, name) for one in found)) for name in ("apart", "first"))
    return apart / length if length else math.inf if apart else 0.0
