"""Tool 8, the attention visualizer: who looks at whom, in every layer and head of a model.

It shows a trace: the weights of a text, which a model wrote down. In the terminal a checkpoint can make one
(`tools.attention.with_model`, the one part that needs torch), on a page the page's own model; saved ones can
be read on both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.attention.drawing import standalone
from tools.attention.head_sections import heads_section, maps_picture, patterns_section, ranks_section
from tools.attention.notes import notes_of, says
from tools.attention.question import Question
from tools.attention.source import ask_model, find_trace
from tools.attention.text_sections import head_section, heatmap, lines_picture, text_section, token_section
from tools.attention.trace_file import trace_text
from tools.attention.view import View
from tools.core import drawing
from tools.core.report import Report
from tools.core.tool import Export, Tool


def run(question: Question) -> Report:
    """Answer a question.

    >>> [section.key for section in run(Question(example="sentence")).sections]
    ['text', 'head', 'token', 'all_heads', 'ranks', 'patterns']
    """
    view = view_of(question)
    sections = [
        text_section(view),
        head_section(view),
        token_section(view),
        heads_section(view),
        ranks_section(view),
        patterns_section(view),
    ]
    return Report("Attention visualizer", sections, notes_of(view), says(view))


def view_of(question: Question) -> View:
    """The trace that a question is about, with all that follows from it."""
    view = View(find_trace(question), question)
    view.check()
    return view


def save_trace(question: Question) -> Iterator[str]:
    """The trace as a file."""
    return trace_text(find_trace(question))


def save_svg(question: Question) -> Iterator[str]:
    """The chosen picture as a file of its own."""
    view = view_of(question)
    if question.picture == "heatmap":
        drawn = drawing.heatmap(heatmap(view))
    else:
        drawn = drawing.picture(lines_picture(view) if question.picture == "lines" else maps_picture(view))
    yield standalone(drawn)


TOOL = Tool(
    name="attention-visualizer",
    title="Attention visualizer",
    summary="who looks at whom, in every head",
    parameters=Question,
    run=run,
    examples=[
        ("--example sentence", "a sentence, read by a model after pretraining"),
        ("'The cat sat on the mat.' --run d4", "a text of your own, read by your own run"),
        ("--chat '[{\"role\": \"user\", \"content\": \"2+2?\"}]'", "a chat, read by the newest chat model"),
        ("--repeat 25 --by induction", "does a head find what followed the last time?"),
        ("--example sum --layer 2 --head 2 --token 9", "where one token looks in one head"),
        ("--example repeated --svg maps.svg --picture maps", "the maps of all heads as a picture"),
        ("'Once upon a time' --save-trace once.json", "keep the weights, to look at them on the tool's page"),
        ("--trace once.json --json", "the figures of a saved trace, for another program"),
    ],
    page={"example": "sentence", "window": "8", "show": "24"},
    details=(
        "A text is read by a real checkpoint, which needs torch; saved traces and examples need no more than "
        "Python. Texts of more than 256 tokens are refused; --first reads their beginning."
    ),
    exports=[
        Export("save-trace", "attention-trace.json", "tokens and weights, to look at later", save_trace),
        Export("svg", "attention.svg", "the picture that --picture names, as SVG", save_svg),
    ],
    ask_model=ask_model,
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
