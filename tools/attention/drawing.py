"""The pictures: lines from one token to what it looks at, small maps of all heads, and an SVG as a file.

As everywhere in the tools, colours are the page's; here a fallback stands beside each. A picture says in its
description what it shows, with the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import tools.core
from tools.attention.trace import PARTS, Row, Trace
from tools.core.charts import NARROW
from tools.core.drawing import circle
from tools.core.markup import escape
from tools.core.report import Picture

LINE_HEIGHT, TOP = 20, 38
LEFT_WORDS, RIGHT_WORDS, NUMBERS = 134, 248, 418  # where the columns end, begin, end
THICKEST, FAINTEST = 10.0, 0.25
LEAST_DRAWN = 0.005
MOST_LETTERS = 15
MAPS_A_ROW, LARGEST_MAP = 6, 180.0
MARGIN = 16
MAPS_TITLE = "Every head, layer.head: rows look, columns are looked at"
SHADES = ((0.65, 1.0), (0.35, 0.8), (0.15, 0.55), (0.05, 0.3))  # from this weight on, this opaque
INK, HEAT = "var(--chart-1, #0b5c4e)", "var(--chart-1, #0b5c4e)"


def arcs(title: str, names: Sequence[str], row: Row, shown: Sequence[int]) -> Picture:
    """Lines from the last token of a row to what it looks at, thicker the more weight; `shown` are places.

    >>> picture = arcs("Where 'b' looks", ["1 a", "2 b"], [25_000, 75_000], [0, 1])
    >>> picture.description
    '2 b gives 0.75 to 2 b, 0.25 to 1 a'
    """
    chosen = len(row) - 1
    lines = {place: TOP + LINE_HEIGHT * at for at, place in enumerate(shown)}
    start = lines[chosen] - 4
    parts = [
        _words(LEFT_WORDS, 13, "looks", "end", faint=True),
        _words(RIGHT_WORDS, 13, "is looked at", "start", faint=True),
    ]
    for place in sorted(shown, key=lambda place: row[place]):
        weight = row[place] / PARTS
        if weight >= LEAST_DRAWN:
            parts.append(_curve(LEFT_WORDS + 8, start, RIGHT_WORDS - 6, lines[place] - 4, weight))
    parts.append(circle(LEFT_WORDS + 8, start, 4, "dot"))
    for place, y in lines.items():
        weight = row[place] / PARTS
        parts.append(_words(LEFT_WORDS, y, short(names[place]), "end", faint=place != chosen))
        parts.append(_words(RIGHT_WORDS, y, short(names[place]), "start", faint=weight < LEAST_DRAWN))
        if weight >= LEAST_DRAWN:
            parts.append(_words(NUMBERS, y, f"{weight:.2f}", "end"))
    return Picture("lines", title, told(names, row, shown), parts, NARROW, TOP + LINE_HEIGHT * len(shown) - 8)


def told(names: Sequence[str], row: Row, shown: Sequence[int]) -> str:
    """The same in words: who gets how much, most first."""
    most = sorted((place for place in shown if row[place] / PARTS >= LEAST_DRAWN), key=lambda at: -row[at])
    given = ", ".join(f"{row[place] / PARTS:.2f} to {names[place]}" for place in most)
    others = (PARTS - sum(row[place] for place in most)) / PARTS
    rest = f"; all others get {others:.2f} together" if others >= LEAST_DRAWN else ""
    return f"{names[len(row) - 1]} gives {given}{rest}"


def _curve(x1: float, y1: float, x2: float, y2: float, weight: float) -> str:
    middle = (x1 + x2) / 2
    return (
        f'<path d="M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}" '
        f'fill="none" stroke="{INK}" stroke-width="{max(0.8, THICKEST * weight):.1f}" '
        f'stroke-opacity="{FAINTEST + (1 - FAINTEST) * weight:.2f}">'
        f"<title>{weight:.3f}</title></path>"
    )


def _words(x: float, y: float, text: str, anchor: str, faint: bool = False) -> str:
    # Contrast holds at 0.75 of the ink in both schemes.
    fill = ' fill-opacity="0.75"' if faint else ' font-weight="600"'
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{fill}>{escape(text)}</text>'


def short(name: str) -> str:
    """A name cut to what has room beside a map.

    >>> short("14 <|assistant_start|>")
    '14 <|assistant…'
    """
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"


def overview(trace: Trace, view: range, chosen: tuple[int, int], description: str) -> Picture:
    """A small map of every head: rows look, columns are looked at; the chosen head has a frame."""
    across = min(trace.n_head, MAPS_A_ROW)
    side = min(LARGEST_MAP, (NARROW - 10 * (across - 1) - 4) / across)
    scale = side / len(view)
    lines_a_layer = -(-trace.n_head // across)
    parts = []
    for layer, heads in enumerate(trace.weights):
        for head, rows in enumerate(heads):
            line = layer * lines_a_layer + head // across
            x, y = 2 + (side + 10) * (head % across), 18 + (side + 26) * line
            parts.append(f'<text x="{x:.1f}" y="{y - 4:.1f}">{layer + 1}.{head + 1}</text>')
            width = "2.5" if (layer, head) == chosen else "0.8"
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="none" '
                f'stroke="currentColor" stroke-width="{width}"/>'
            )
            cells = "".join(map_cells(rows, view))
            parts.append(f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:.3f})">{cells}</g>')
    height = (side + 26) * lines_a_layer * trace.n_layer
    return Picture(
        "maps",
        "Every head, layer.head: rows look, columns are looked at",
        description,
        parts,
        NARROW,
        round(height),
    )


def map_cells(rows: Sequence[Row], view: range) -> Iterator[str]:
    """One path for each shade: a map has hundreds of cells, and a page several maps."""
    drawn: dict[float, list[str]] = {opacity: [] for _, opacity in SHADES}
    for t in view:
        for at in range(view.start, t + 1):
            weight = rows[t][at] / PARTS
            opacity = next((opacity for least, opacity in SHADES if weight >= least), None)
            if opacity is not None:
                drawn[opacity].append(f"M{at - view.start} {t - view.start}h1v1h-1z")
    for opacity, cells in drawn.items():
        if cells:
            yield f'<path fill="{HEAT}" fill-opacity="{opacity}" d="{"".join(cells)}"/>'


def standalone(svg: str) -> str:
    """A drawing as a file of its own: colours inside, light and dark, on a ground of its own.

    >>> standalone('<svg class="chart" viewBox="0 0 9 9"><title>T</title></svg>').startswith("<?xml")
    True
    """
    sheet = Path(tools.core.__file__).with_name("tools.css").read_text(encoding="utf-8")
    light, dark = (
        re.search(selector + r" \{([^}]+)\}", sheet)
        for selector in (r'\[data-md-color-scheme="default"\]', r'\[data-md-color-scheme="slate"\]')
    )
    if light is None or dark is None:
        raise ValueError("tools.css has no light or no dark colours")
    rules = "\n".join(
        line for line in sheet.splitlines() if re.match(r"\.report-(heat|none|line|hand|dot)\b", line)
    )
    size = re.search(r'viewBox="0 0 ([0-9]+) ([0-9]+)"', svg)
    if size is None:
        raise ValueError("a drawing has a viewBox that begins at 0 0")
    # Room all around: letters of a viewer's font can be wider than those the drawing was made for.
    width, height = (int(one) + 2 * MARGIN for one in size.groups())
    box = f'viewBox="{-MARGIN} {-MARGIN} {width} {height}" width="{width}" height="{height}"'
    style = (
        f"<style>svg{{{light[1]} background: var(--tool-page); color: var(--tool-ink);"
        f" font-family: system-ui, sans-serif }}\n{rules}\n"
        f"@media (prefers-color-scheme: dark) {{ svg {{{dark[1]}}} }}</style>"
    )
    opened = svg.replace(size[0], box, 1)
    start = opened.index(">") + 1
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{opened[:start]}{style}{opened[start:]}\n'
