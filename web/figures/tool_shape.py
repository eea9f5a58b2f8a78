"""Figures of guide 9: the shape that all tools share."""

from __future__ import annotations

from web.figures.svg import Svg

FACES = (("terminal", "for people", 1), ("HTML", "for a page", 2), ("JSON", "for programs", 3))


def tool_shape() -> str:
    """Parameters, a pure function, a report, and three faces."""
    pic = Svg(
        "tool-shape",
        460,
        208,
        title="The shape of a tool",
        description="From left to right: words that people type become checked parameters; a pure function "
        "turns them into a report; three renderers draw the report as terminal text, as HTML and as JSON.",
    )
    pic.box(6, 82, 96, 44, ["parameters", "checked"], tone=4)
    pic.box(132, 82, 92, 44, ["a pure", "function"], tone=5)
    pic.box(254, 82, 74, 44, ["report", "a tree"], tone=6)
    pic.arrow(102, 104, 132, 104)
    pic.arrow(224, 104, 254, 104)
    for at, (name, whom, tone) in enumerate(FACES):
        y = 20 + 62 * at
        pic.box(362, y, 92, 44, [name, whom], tone=tone)
        pic.arrow(328, 104, 362, y + 22)
    pic.text(54, 62, "--top 5", anchor="middle", mono=True, kind="muted")
    pic.arrow(54, 66, 54, 80)
    pic.text(54, 148, "wrong? one line,", anchor="middle", size=12, kind="muted")
    pic.text(54, 164, "exit code 2", anchor="middle", size=12, kind="muted")
    pic.text(178, 148, "bad data? one line,", anchor="middle", size=12, kind="muted")
    pic.text(178, 164, "exit code 1", anchor="middle", size=12, kind="muted")
    return pic.figure(
        "The figures are computed in one place. What is drawn differs, what is said does not: all three "
        "faces get the same report."
    )


def report_tree() -> str:
    """A report as a tree: title, sections, rows with key, label and value."""
    rows = (("lines", "Lines", "3"), ("words", "Words", "7"), ("the", "the", "3"), ("end", "end", "1"))
    pic = Svg(
        "report-tree",
        460,
        232,
        title="A report is a tree",
        description="The report Text meter has two sections, Size and Common words. Size has the rows lines, "
        "3, and words, 7; Common words has the rows the, 3, and end, 1. Each row has a key, a label and a "
        "value.",
    )
    pic.box(6, 96, 86, 40, ["report", "Text meter"], tone=6, size=12)
    for at, title in enumerate(("Size", "Common words")):
        y = 42 + 108 * at
        pic.box(124, y, 106, 40, ["section", title], tone=5, size=12)
        pic.arrow(92, 116, 124, y + 20)
    pic.text(270, 18, "key", size=12, kind="muted")
    pic.text(338, 18, "label", size=12, kind="muted")
    pic.text(446, 18, "value", size=12, kind="muted", anchor="end")
    for at, (key, label, value) in enumerate(rows):
        y = 28 + 40 * at + (28 if at > 1 else 0)
        pic.box(262, y, 192, 30, tone=4)
        pic.text(270, y + 15, key, mono=True, middle=True)
        pic.text(338, y + 15, label, middle=True)
        pic.text(446, y + 15, value, anchor="end", middle=True)
        pic.arrow(230, 62 if at < 2 else 170, 262, y + 15)
    return pic.figure(
        "The text <code>the rain / in the train / the end</code> in a report. Keys are for programs, "
        "labels for people."
    )


def two_ways_out() -> str:
    """Standard output, stderr and the exit code, and who gets what."""
    pic = Svg(
        "two-ways-out",
        460,
        168,
        title="Three things that come out of a program",
        description="A tool sends its report to the standard output, which may go to a file or to another "
        "program; complaints to stderr, which a person sees; and a number, the exit code, to the script that "
        "called it.",
    )
    pic.box(6, 62, 84, 44, ["tool", "FILE"], tone=5, mono=True)
    lines = (
        ("standard output", "the report", "a file, a program", 1),
        ("stderr", "complaints", "a person", 6),
        ("exit code", "0, 1 or 2", "a script", 4),
    )
    for at, (name, what, whom, tone) in enumerate(lines):
        y = 8 + 54 * at
        pic.box(158, y, 136, 42, [name, what], tone=tone, size=12.5)
        pic.arrow(90, 84, 158, y + 21)
        pic.arrow(294, y + 21, 330, y + 21, tone=tone)
        pic.text(336, y + 21, whom, middle=True)
    return pic.figure("In a terminal, report and complaints land in the same window. In a script they part.")
