"""A small helper to draw figures as SVG text.

A figure is drawn in its own units (think pixels: `x` to the right, `y` down) and grows or shrinks to fit
the page. Keep a drawing at most 460 units wide with text of size 13, and it stays readable on a phone.

How to use it:

>>> picture = Svg("two-steps", 300, 60, title="Two steps", description="An arrow leads from text to tokens.")
>>> picture.box(10, 10, 100, 40, "text", tone=1)
>>> picture.box(190, 10, 100, 40, "tokens", tone=2)
>>> picture.arrow(110, 30, 190, 30)
>>> html = picture.figure("Text becomes tokens.")
>>> html.startswith('<figure class="fig"'), 'role="img"' in html, html.endswith("</figure>")
(True, True, True)

In a page:

    ```python exec="on" html="on"
    from web.figures.introduction import pipeline

    print(pipeline())
    ```

**Colours.** Never write one. A shape takes a `tone`: 0 is neutral (page grey), 1 to 6 are the six hues of the
stylesheet, the same hue meaning the same thing within a figure. Text takes a `kind`: "ink" (normal), "muted",
"strong", "label" (in the hue of its `tone`), with `mono=True` for code. Colour must never be the only carrier
of a meaning: say it in a label as well.

**Text alternatives.** `title` names the figure; `description` says in one or two sentences what a reader
sees, with the numbers that matter. Screen readers read both. `name` must be unique on its page: ids are made
from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape

TONES = range(7)
KINDS = ("ink", "muted", "strong", "label")
ANCHORS = {"start", "middle", "end"}
LINE_HEIGHT = 1.35
SHOWN_SCALE = 1.35  # a drawing 440 units wide is shown about 600 pixels wide, and shrinks on narrower pages


def number(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros.

    >>> number(3.0), number(1 / 3), number(-0.0)
    ('3', '0.33', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Svg:
    """A drawing that is built up shape by shape and then asked for its `figure()`.

    >>> drawing = Svg("dot", 20, 20, title="A dot", description="One dot.")
    >>> drawing.circle(10, 10, 5, tone=3)
    >>> drawing.parts[-1]
    '<circle class="fig-shape fig-t3" cx="10" cy="10" r="5"/>'
    """

    def __init__(self, name: str, width: float, height: float, *, title: str, description: str) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(
                f"name={name!r} must be lower-case letters, digits and dashes, starting with a letter"
            )
        if not title.strip() or not description.strip():
            raise ValueError(f"figure {name!r} needs a title and a description for readers who cannot see it")
        self.name, self.width, self.height = name, width, height
        self.title, self.description = title, description
        self.parts: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        text: str | Sequence[str] = "",
        *,
        tone: int = 0,
        kind: str = "ink",
        size: float = 13,
        mono: bool = False,
        round: float = 6,
        dashed: bool = False,
    ) -> None:
        """A rounded rectangle with `text` (a string or a list of lines) in its middle."""
        classes = _classes("fig-shape", tone, "fig-dashed" if dashed else "")
        self.parts.append(
            f'<rect class="{classes}" x="{number(x)}" y="{number(y)}" width="{number(width)}" '
            f'height="{number(height)}" rx="{number(round)}"/>'
        )
        if text:
            self.text(
                x + width / 2,
                y + height / 2,
                text,
                anchor="middle",
                middle=True,
                size=size,
                kind=kind,
                mono=mono,
                tone=tone,
            )

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        text: str = "",
        *,
        tone: int = 0,
        size: float = 13,
        kind: str = "ink",
        solid: bool = False,
    ) -> None:
        """A circle, with `text` in its middle; `solid=True` fills it with the full hue (a data point)."""
        base = "fig-solid" if solid else "fig-shape"
        self.parts.append(
            f'<circle class="{_classes(base, tone)}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>'
        )
        if text:
            self.text(x, y, text, anchor="middle", middle=True, size=size, kind=kind)

    def bar(self, x: float, y: float, width: float, height: float, *, tone: int = 1) -> None:
        """A solid rectangle, for bar charts; put a label beside it, not in it."""
        self.parts.append(
            f'<rect class="{_classes("fig-solid", tone)}" x="{number(x)}" y="{number(y)}" '
            f'width="{number(width)}" height="{number(height)}" rx="2"/>'
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        tone: int = 0,
        dashed: bool = False,
        grid: bool = False,
    ) -> None:
        """A straight line; `grid=True` makes it a faint helper line."""
        classes = _classes("fig-grid" if grid else "fig-line", tone, "fig-dashed" if dashed else "")
        self.parts.append(
            f'<line class="{classes}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" '
            f'y2="{number(y2)}"/>'
        )

    def path(self, points: Iterable[tuple[float, float]], *, tone: int = 1, dashed: bool = False) -> None:
        """A line through many points (a curve)."""
        text = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self.parts.append(
            f'<polyline class="{_classes("fig-line", tone, "fig-dashed" if dashed else "")}" '
            f'points="{text}"/>'
        )

    def arrow(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        tone: int = 0,
        dashed: bool = False,
        bend: float = 0,
    ) -> None:
        """An arrow from the first point to the second; `bend` pushes its middle sideways by so many units."""
        length = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
        side_x, side_y = -(y2 - y1) / length, (x2 - x1) / length
        middle_x, middle_y = (x1 + x2) / 2 + 2 * bend * side_x, (y1 + y2) / 2 + 2 * bend * side_y
        # The head is a small triangle and no <marker>: markers need ids and do not inherit the hue.
        from_x, from_y = (middle_x, middle_y) if bend else (x1, y1)
        reach = max(((x2 - from_x) ** 2 + (y2 - from_y) ** 2) ** 0.5, 1e-9)
        ux, uy = (x2 - from_x) / reach, (y2 - from_y) / reach
        base_x, base_y = x2 - 7 * ux, y2 - 7 * uy
        curve = f"Q{number(middle_x)} {number(middle_y)} " if bend else "L"
        classes = _classes("fig-line", tone, "fig-dashed" if dashed else "")
        self.parts.append(
            f'<path class="{classes}" d="M{number(x1)} {number(y1)} {curve}{number(base_x)} '
            f'{number(base_y)}"/>'
        )
        self.parts.append(
            f'<polygon class="{_classes("fig-head", tone)}" points="{number(x2)},{number(y2)} '
            f"{number(base_x - 4 * uy)},{number(base_y + 4 * ux)} "
            f'{number(base_x + 4 * uy)},{number(base_y - 4 * ux)}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str | Sequence[str],
        *,
        anchor: str = "start",
        size: float = 13,
        kind: str = "ink",
        tone: int = 0,
        mono: bool = False,
        middle: bool = False,
    ) -> None:
        """Text on the baseline `y`, or centred on it with `middle=True`; a list gives several lines."""
        if anchor not in ANCHORS:
            raise ValueError(f"anchor={anchor!r} is not one of start, middle, end")
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} is not one of {', '.join(KINDS)}")
        lines = [text] if isinstance(text, str) else list(text)
        step = size * LINE_HEIGHT
        first = y - step * (len(lines) - 1) / 2 + size * 0.35 if middle else y
        classes = _classes(f"fig-text fig-{kind}", tone if kind == "label" else 0, "fig-mono" if mono else "")
        for row, line in enumerate(lines):
            self.parts.append(
                f'<text class="{classes}" x="{number(x)}" y="{number(first + row * step)}" '
                f'text-anchor="{anchor}" font-size="{number(size)}" xml:space="preserve">'
                f"{escape(line, quote=False)}</text>"
            )

    def svg(self) -> str:
        """The `<svg>` element alone."""
        ids = f"fig-{self.name}-title fig-{self.name}-desc"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="fig-svg" role="img" aria-labelledby="{ids}" '
            f'viewBox="0 0 {number(self.width)} {number(self.height)}" '
            f'width="{number(self.width * SHOWN_SCALE)}" height="{number(self.height * SHOWN_SCALE)}">'
            f'<title id="fig-{self.name}-title">{escape(self.title, quote=False)}</title>'
            f'<desc id="fig-{self.name}-desc">{escape(self.description, quote=False)}</desc>'
            + "".join(self.parts)
            + "</svg>"
        )

    def figure(self, caption: str) -> str:
        """A `<figure>` with the drawing and its caption; `caption` may hold inline HTML such as `<code>`."""
        inside = f"{self.svg()}<figcaption>{caption}</figcaption>"
        return f'<figure class="fig" id="figure-{self.name}">{inside}</figure>'


class Plot:
    """Axes inside a drawing: turns data coordinates into drawing coordinates.

    >>> drawing = Svg("curve", 440, 240, title="A curve", description="y = x squared from -2 to 2.")
    >>> plot = Plot(drawing, x=(-2, 2), y=(0, 4), area=(50, 10, 380, 190), x_label="x", y_label="y")
    >>> plot.axes(x_ticks=[-2, 0, 2], y_ticks=[0, 2, 4])
    >>> plot.curve(lambda x: x * x)
    >>> plot.at(0, 0)
    (240.0, 200.0)
    """

    def __init__(
        self,
        drawing: Svg,
        *,
        x: tuple[float, float],
        y: tuple[float, float],
        area: tuple[float, float, float, float],
        x_label: str = "",
        y_label: str = "",
    ) -> None:
        self.drawing, self.x, self.y, self.area = drawing, x, y, area
        self.x_label, self.y_label = x_label, y_label

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place in the drawing of the data point (x, y)."""
        left, top, width, height = self.area
        return (
            left + (x - self.x[0]) / (self.x[1] - self.x[0]) * width,
            top + height - (y - self.y[0]) / (self.y[1] - self.y[0]) * height,
        )

    def axes(self, *, x_ticks: Sequence[float], y_ticks: Sequence[float], form: str = "g") -> None:
        """The two axes, faint grid lines, numbers at the ticks and the labels."""
        left, top, width, height = self.area
        for tick in y_ticks:
            _, y = self.at(self.x[0], tick)
            self.drawing.line(left, y, left + width, y, grid=True)
            self.drawing.text(
                left - 6, y, format(tick, form), anchor="end", middle=True, size=11, kind="muted"
            )
        for tick in x_ticks:
            x, _ = self.at(tick, self.y[0])
            self.drawing.text(
                x, top + height + 16, format(tick, form), anchor="middle", size=11, kind="muted"
            )
        self.drawing.line(left, top, left, top + height)
        self.drawing.line(left, top + height, left + width, top + height)
        if self.x_label:
            self.drawing.text(left + width / 2, top + height + 34, self.x_label, anchor="middle", size=12)
        if self.y_label:
            self.drawing.text(left, top - 8, self.y_label, anchor="middle", size=12)

    def curve(
        self,
        function: Callable[[float], float],
        *,
        tone: int = 1,
        steps: int = 60,
        dashed: bool = False,
        between: tuple[float, float] | None = None,
    ) -> None:
        """The graph of a function, over the whole x range or `between` two values."""
        low, high = between or self.x
        xs = [low + (high - low) * i / steps for i in range(steps + 1)]
        self.drawing.path((self.at(x, function(x)) for x in xs), tone=tone, dashed=dashed)

    def points(self, pairs: Iterable[tuple[float, float]], *, tone: int = 2, radius: float = 4) -> None:
        """Solid dots at data points."""
        for x, y in pairs:
            self.drawing.circle(*self.at(x, y), radius, tone=tone, solid=True)


def _classes(base: str, tone: int, extra: str = "") -> str:
    if tone not in TONES:
        raise ValueError(f"tone={tone!r} is not a whole number from 0 to 6")
    return " ".join(part for part in (base, f"fig-t{tone}", extra) if part)
