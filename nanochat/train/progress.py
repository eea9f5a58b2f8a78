"""What a person sees of a run: a live line on a terminal, plain lines in a file or a pipe.

On a terminal the last two lines stay and move: how far, loss, bits per byte, speed, time left, and the
loss of the whole run as a curve. Evaluations, samples and checkpoints are written above them and scroll away.
Elsewhere there is a line every few seconds, made to be searched.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from nanochat.train.metrics import Step
from nanochat.train.parts import Measure

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

BARS = "▁▂▃▄▅▆▇█"
SECONDS_BETWEEN_LINES = 5.0
BAR_WIDTH = 20
CURVE_WIDTH = 48
SAMPLE_WIDTH = 100


class Progress(Protocol):
    """What a run tells of itself."""

    def begin(self, title: str, facts: Sequence[tuple[str, str]], steps: int) -> None:
        """What will be done."""

    def working(self, what: str) -> None:
        """What takes a while just now."""

    def note(self, text: str) -> None:
        """One line that stays."""

    def step(self, step: Step) -> None:
        """A step is done."""

    def evaluated(self, step: int, measure: Measure, value: float, seconds: float) -> None:
        """How good the model is at what is kept for validation."""

    def sampled(self, step: int, samples: Sequence[tuple[str, str]]) -> None:
        """What the model writes: (prompt, continuation)."""

    def saved(self, step: int, seconds: float) -> None:
        """A checkpoint is on disk."""

    def end(self, text: str) -> None:
        """The run is over; the last line."""


class Silence:
    """For every process but the first."""

    def begin(self, title: str, facts: Sequence[tuple[str, str]], steps: int) -> None:
        """Nothing."""

    def working(self, what: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def step(self, step: Step) -> None:
        """Nothing."""

    def evaluated(self, step: int, measure: Measure, value: float, seconds: float) -> None:
        """Nothing."""

    def sampled(self, step: int, samples: Sequence[tuple[str, str]]) -> None:
        """Nothing."""

    def saved(self, step: int, seconds: float) -> None:
        """Nothing."""

    def end(self, text: str) -> None:
        """Nothing."""


def make_progress(is_first: bool) -> Progress:
    """The kind that suits where the output goes."""
    if not is_first:
        return Silence()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalProgress()
    return PlainProgress()


class Course:
    """How far a run is, and how long the rest will take."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done = steps, 0
        self.seconds: deque[float] = deque(maxlen=20)
        self.last: Step | None = None
        self.curve: list[float] = []  # of losses, or of grades where the stage has them
        self.measure: Measure | None = None
        self.value: float | None = None  # of the last evaluation

    def took(self, step: Step) -> None:
        """One more step."""
        self.done, self.last = step.step, step
        self.seconds.append(step.seconds)
        self.curve.append(step.more.get("reward", step.loss))

    @property
    def left(self) -> float | None:
        """Seconds of training left, by the middle one of the last steps."""
        return (self.steps - self.done) * statistics.median(self.seconds) if self.seconds else None

    def figures(self) -> list[tuple[str, str]]:
        """The figures of the last step in words: (name, value)."""
        if self.last is None:
            return []
        reward = self.last.more.get("reward")
        found = [("loss", f"{self.last.loss:.3f}") if reward is None else ("reward", f"{reward:.3f}")]
        if self.measure is not None:
            found.append((self.measure.name, f"{self.value:{self.measure.form}}"))
        found.append(("tok/s", f"{self.last.tokens_per_second:,.0f}"))
        if self.last.mfu is not None:
            found.append(("MFU", f"{self.last.mfu:.0%}"))
        if self.left is not None:
            found.append(("left", in_words(self.left)))
        return found


class PlainProgress:
    """Lines for a file or a pipe."""

    def begin(self, title: str, facts: Sequence[tuple[str, str]], steps: int) -> None:
        """The facts, a line each."""
        self.course, self.shown = Course(steps), -SECONDS_BETWEEN_LINES
        width = max(len(name) for name, _ in facts)
        self.note(title)
        for name, value in facts:
            self.note(f"  {name:<{width}}  {value}")

    def working(self, what: str) -> None:
        """Nothing: a line that cannot be taken back would stay."""

    def note(self, text: str) -> None:
        """One line."""
        print(text, flush=True)

    def step(self, step: Step) -> None:
        """A line now and then; always for the first step and the last."""
        course, is_first = self.course, not self.course.curve
        course.took(step)
        now = time.monotonic()
        if is_first or course.done == course.steps or now - self.shown >= SECONDS_BETWEEN_LINES:
            self.shown = now
            figures = " | ".join(f"{name} {value}" for name, value in course.figures())
            self.note(f"step {course.done}/{course.steps} | {figures}")

    def evaluated(self, step: int, measure: Measure, value: float, seconds: float) -> None:
        """One line."""
        self.course.measure, self.course.value = measure, value
        self.note(f"step {step} | {measure.words(value)}")

    def sampled(self, step: int, samples: Sequence[tuple[str, str]]) -> None:
        """One line a sample."""
        for prompt, text in samples:
            self.note(f"step {step} | sample: {one_line(prompt + text)}")

    def saved(self, step: int, seconds: float) -> None:
        """One line."""
        self.note(f"step {step} | saved")

    def end(self, text: str) -> None:
        """One line, if there is anything to say."""
        if text:
            self.note(text)


class TerminalProgress:
    """Two lines that move, and what stays above them."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(highlight=False)
        self.course = Course(0)
        self.busy, self.busy_since = "", 0.0
        self.live: Live | None = None

    def begin(self, title: str, facts: Sequence[tuple[str, str]], steps: int) -> None:
        """The facts in a box, then the moving lines."""
        from rich.live import Live
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        self.course = Course(steps)
        table = Table.grid(padding=(0, 2))
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts:
            table.add_row(name, Text(value))
        heading = Text(f" {title} ", style="bold")
        panel = Panel(
            table, title=heading, title_align="left", border_style="dim", expand=False, padding=(0, 1)
        )
        self.console.print(panel)
        self.live = Live(
            console=self.console, get_renderable=self.moving, refresh_per_second=4, transient=True
        )
        self.live.start()

    def working(self, what: str) -> None:
        """Shown behind the bar until the next step is done."""
        self.busy, self.busy_since = what, time.monotonic()

    def note(self, text: str) -> None:
        """One line that stays."""
        self.console.print(text, markup=False, soft_wrap=True)

    def step(self, step: Step) -> None:
        """Move on."""
        self.busy = ""
        self.course.took(step)

    def evaluated(self, step: int, measure: Measure, value: float, seconds: float) -> None:
        """A line with what has changed since the last time."""
        from rich.text import Text

        before, self.course.measure, self.course.value = self.course.value, measure, value
        better = before is None or measure.is_better(value, before)
        figure = (f"{value:{measure.form}}", "bold green" if better else "bold yellow")
        line = Text.assemble((f"{step:>7,} ", "dim"), f"{measure.name} ", figure)
        if before is not None:
            line.append(f"  {value - before:+{measure.form}}", style="dim")
        self.console.print(line)

    def sampled(self, step: int, samples: Sequence[tuple[str, str]]) -> None:
        """The prompt stands out from what the model has made of it."""
        from rich.text import Text

        width = min(SAMPLE_WIDTH, self.console.width - 8)
        for prompt, text in samples:
            shown = one_line(text, cut=False)
            line = Text.assemble((one_line(prompt, cut=False), "cyan"), (shown, "italic"))
            for row in line.wrap(self.console, width):
                self.console.print(Text("      ┃ ", style="dim") + row)

    def saved(self, step: int, seconds: float) -> None:
        """A quiet line."""
        from rich.text import Text

        self.console.print(Text(f"{step:>7,} saved", style="dim"))

    def end(self, text: str) -> None:
        """Take the moving lines away, and say how it ended."""
        if self.live is not None:
            self.live.stop()
            self.live = None
            if self.course.curve:
                self.console.print(self.curve())
        if text:
            self.note(text)

    def moving(self) -> RenderableType:
        """The two lines as they are now."""
        from rich.console import Group
        from rich.text import Text

        course, figures = self.course, Text()
        for name, value in course.figures():
            figures.append(f"  {name} ", style="dim")
            counts = name in ("loss", "reward") or name.startswith("val ")
            figures.append(value, style="bold green" if counts else "bold")
        if self.busy:
            figures.append(f"  {self.busy}, {in_words(time.monotonic() - self.busy_since)}", style="yellow")
        line = Text.assemble("step ", (f"{course.done:,}", "bold"), (f"/{course.steps:,} ", "dim"))
        room = self.console.width - line.cell_len - figures.cell_len - 1
        line.append_text(bar(course.done / max(1, course.steps), max(0, min(BAR_WIDTH, room))))
        line.append_text(figures)
        line.truncate(self.console.width, overflow="ellipsis")
        return Group(line, self.curve()) if course.curve else line

    def curve(self) -> Text:
        """The loss of the whole run in one line."""
        from rich.text import Text

        curve, name = self.course.curve, self.course.figures()[0][0]
        line = Text.assemble((f"{name} ", "dim"), (f"{curve[0]:.2f} ", "dim"))
        line.append(sparkline(curve, min(CURVE_WIDTH, self.console.width - 20)), style="green")
        line.append(f" {curve[-1]:.2f}", style="dim")
        return line


def bar(share: float, width: int) -> Text:
    """A bar as rich draws them."""
    from rich.text import Text

    done = round(share * width)
    return Text.assemble(("━" * done, "green"), ("━" * (width - done), "bright_black"))


def sparkline(values: Sequence[float], width: int) -> str:
    """Values as a row of blocks, each the mean of its share of them.

    >>> sparkline([8.0, 6.0, 4.0, 3.0, 2.5, 2.2, 2.1, 2.0], 8)
    '█▅▃▂▁▁▁▁'
    """
    count = min(width, len(values))
    edges = [len(values) * index // count for index in range(count + 1)]
    means = [statistics.fmean(values[start:end]) for start, end in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[int((mean - low) * scale)] for mean in means)


def in_words(seconds: float) -> str:
    """A duration as a clock shows it.

    >>> in_words(83), in_words(3_725), in_words(200_000)
    ('1:23', '1:02:05', '2 d 7 h')
    """
    whole = round(seconds)
    if whole >= 2 * 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3_600} h"
    hours, minutes = whole // 3_600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def one_line(text: str, cut: bool = True) -> str:
    """Text with its line breaks shown, and no letter that could move the cursor.

    >>> one_line("To be,\\n or not")
    'To be,⏎ or not'
    """
    shown = "".join(letter if letter.isprintable() else "⏎" if letter == "\n" else "·" for letter in text)
    return shown if len(shown) <= 200 or not cut else shown[:199] + "…"
