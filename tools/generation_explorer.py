"""Tool 6, the generation explorer: what a model says of the next token, and what the rules make of it.

Chances come from a saved trace, from a checkpoint that writes now, or on a page from the page's own model.
The rules are those of `nanochat.inference.sampling`, in its order and by its functions.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.report import Report
from tools.core.tool import Export, Tool
from tools.explorer.choice_sections import choice_section
from tools.explorer.grid_sections import grid_section
from tools.explorer.live_trace import ask_model
from tools.explorer.notes import notes
from tools.explorer.question import Question
from tools.explorer.source import find, lines
from tools.explorer.text_sections import source_section, table_section, text_section
from tools.explorer.walk import walk


def run(question: Question) -> Report:
    """Answer a question.

    >>> [section.key for section in run(Question(example="base")).sections]
    ['text', 'choice', 'tokens', 'grid', 'source']
    """
    temperatures, top_ps = question.grid()
    trace = find(question)
    main = walk(trace, question.sampling, question.seed, question.tokens, follow=True)
    cells = {
        (t, p): walk(trace, question.cell(t, p), question.seed, question.tokens)
        for t in temperatures
        for p in top_ps
    }
    sections = [text_section(trace, main), choice_section(trace, main, question.place, question.rows)]
    if main.steps:
        sections.append(table_section(trace, main))
    if cells:
        sections.append(grid_section(trace, main, cells))
    sections.append(source_section(trace))
    says = f"{len(main.steps)} tokens, {main.mean_surprise:.2f} bits of surprise each."
    return Report("Generation explorer", sections, list(notes(trace, main, cells)), says=says)


TOOL = Tool(
    name="generation-explorer",
    title="Generation explorer",
    summary="chances of every next token, rule by rule",
    parameters=Question,
    run=run,
    examples=[
        ("--example base", "a base model goes on with a sentence"),
        ("--example calculator --temperature 0 --place 12", "a chat model calls its calculator"),
        ("--example base --temperature 1.5 --min-p 0.1 --seed 3", "hot, with the tail cut off"),
        ("--prompt 'What is 12 + 31?' --temperature 0", "the newest chat model of this machine"),
        ("--run speedrun-laptop --prompt 'The sea was' --save-trace sea.json", "keep what it said"),
        ("sea.json --top-p 0.8 --json", "look at it again, without the model"),
    ],
    page={"example": "base"},
    details=(
        "With a --prompt a model of this machine writes; it needs torch. A trace that was saved needs "
        "nothing, and answers for any rules and seed as long as the text stays on a branch that was written."
    ),
    exports=[Export("save-trace", "trace.json", "what the model said, to look at again", lines)],
    ask_model=ask_model,
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
