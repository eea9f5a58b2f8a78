"""The report as JSON: raw values under stable keys.

{"tool": …, "parameters": {…}, "ok": true, "sections": {"memory": {"weights": 140811264, …}, …}, "notes": […]}
"""

from __future__ import annotations

import json
import math

from tools.core.report import (
    Bars,
    Block,
    Code,
    Heatmap,
    LineChart,
    Notes,
    Picture,
    Report,
    Rows,
    Table,
    Text,
    Tokens,
)


def figures(report: Report) -> dict[str, dict[str, object]]:
    """Every figure of the report by section and key.

    >>> from tools.core.report import Row, Section
    >>> figures(Report("Size", [Section("Parameters", [Rows([Row("total", "Total", 124439808)])])]))
    {'parameters': {'total': 124439808}}
    """
    found: dict[str, dict[str, object]] = {}
    for section in report.sections:
        inside = found.setdefault(section.key, {})
        for block in section.blocks:
            inside.update(_block(block))
    return found


def _block(block: Block) -> dict[str, object]:
    if isinstance(block, Rows):
        return {row.key: row.value for row in block.rows if row.key and not row.is_heading}
    if isinstance(block, Table):
        keys = [column.key for column in block.columns]
        return {
            block.key: [dict(zip(keys, [cell.value for cell in row], strict=True)) for row in block.cells()]
        }
    if isinstance(block, Bars):
        before = {bar.label: bar.before for bar in block.bars if bar.before is not None}
        values: dict[str, object] = {block.key: {bar.label: bar.value for bar in block.bars}}
        return values | ({f"{block.key}_before": before} if before else {})
    if isinstance(block, Tokens):
        return {block.key: [{"text": span.text, "value": span.value} for span in block.spans]}
    if isinstance(block, LineChart):
        return {block.key: {one.label: [list(point) for point in one.points] for one in block.series}}
    if isinstance(block, Heatmap):
        grid = {
            "rows": list(block.rows),
            "columns": list(block.columns),
            "values": list(map(list, block.values)),
        }
        return {block.key: grid}
    if isinstance(block, Picture):
        return {block.key: block.description}
    if isinstance(block, Notes):
        return {block.key: list(block.items)}
    if isinstance(block, (Code, Text)):
        return {block.key: block.text} if block.key else {}
    raise TypeError(f"{type(block).__name__} is no block of a report")


def _finite(value: object) -> object:
    # JSON has no NaN and no infinity; json.dumps would write words that other readers refuse.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value


def render_json(report: Report, indent: int | None = 2) -> str:
    """The report as JSON text, plain ASCII, so that any terminal and any reader takes it."""
    whole: dict[str, object] = {
        "tool": report.tool,
        "parameters": dict(report.parameters),
        "ok": report.ok,
        "sections": figures(report),
    }
    if report.says:
        whole["says"] = report.says
    if report.notes:
        whole["notes"] = list(report.notes)
    return json.dumps(_finite(whole), indent=indent, allow_nan=False)
