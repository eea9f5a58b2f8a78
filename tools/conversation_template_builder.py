"""Tool 10, the conversation template builder: chats to train on, built, checked, converted and previewed.

Whether a conversation is valid is decided by the function that the trainer reads it with
(`nanochat.data.tasks.conversations`), and its tokens are those that the trainer makes
(`nanochat.tokenizer.chat`).
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.common.chat_view import can_chat
from tools.conversation.export import write_jsonl
from tools.conversation.file_sections import (
    check_section,
    hints,
    problems_section,
    remarks_section,
    rows_section,
)
from tools.conversation.question import Question
from tools.conversation.show_sections import shown_sections, template_section
from tools.conversation.source import items_of
from tools.conversation.summary import Summary, summarise
from tools.core.errors import ToolError, UsageError
from tools.core.report import Report, Section
from tools.core.tool import Export, Tool
from tools.playground.question import OURS
from tools.playground.tokenizers import find

SAVE = "Save it with --jsonl FILE: nanochat train sft --from-run RUN --conversations FILE learns from it."


def run(question: Question) -> Report:
    """Answer a question.

    >>> report = run(Question(template="tool-use"))
    >>> [section.key for section in report.sections], report.ok
    (['template', 'conversation', 'chat', 'record'], True)
    """
    tokenizers, notes = find([OURS], question.ranks)
    tokenizer = tokenizers[OURS]
    if not can_chat(tokenizer):
        raise UsageError(
            "--ranks: this tokenizer has no chat tokens; give one that was trained here", "ranks"
        )
    name, items = items_of(question)
    many = question.file is not None or question.example is not None or question.values is not None
    summary = summarise(items(), question.rows, question.line if many else None)
    _check_found(summary, question, name)
    shown = summary.shown
    assert shown is not None
    sections: list[Section] = []
    if many:
        sections += _about_all(summary, question, name)
        notes = [*hints(summary, question), *notes]
    elif section := template_section(question):
        sections.append(section)
    where = f"line {shown.line} of {name}" if many else name
    sections += shown_sections(question, tokenizer, shown, where)
    if summary.valid:
        notes = [*notes, SAVE]
    skipped = question.skip_invalid and many and summary.valid > 0
    return Report("Conversation template builder", sections, notes, ok=not summary.invalid.count or skipped)


def _check_found(summary: Summary, question: Question, name: str) -> None:
    if not summary.records:
        raise ToolError(f"{name}: no conversation in it")
    if summary.shown is None:
        raise UsageError(f"--line {question.line}: no record of {name} begins on that line", "line")


def _about_all(summary: Summary, question: Question, name: str) -> list[Section]:
    values = question.values is not None
    sections = [check_section(summary, name, values)]
    if summary.problems:
        sections.append(problems_section(summary, question))
    if remarks := remarks_section(summary):
        sections.append(remarks)
    if values and summary.first:
        sections.append(rows_section(summary))
    return sections


TOOL = Tool(
    name="conversation-template-builder",
    title="Conversation template builder",
    summary="build, check, convert and preview chats",
    parameters=Question,
    run=run,
    examples=[
        ("--template tool-use", "a chat that calls the calculator, in tokens, with the training mask"),
        ("--template plain --set country=Peru --set capital=Lima", "the same template with other values"),
        ("--text 'user: 2+2?\nassistant: 4'", "a chat typed by hand"),
        ("--example classroom", "check every record of a file, with line numbers"),
        ("--example sharegpt --read-as sharegpt --write-as openai", "from one format to another"),
        ("mine.jsonl --jsonl checked.jsonl --skip-invalid", "write what is valid, and say what is left out"),
        ("--template plain --values capitals.csv --jsonl capitals.jsonl", "a conversation for each row"),
    ],
    page={"template": "tool-use"},
    details=(
        "Valid means: nanochat train sft --conversations takes it. The exit code is 1 if\n"
        "a record is not, unless --skip-invalid leaves it out."
    ),
    exports=[Export("jsonl", "conversations.jsonl", "the conversations, one a line,", write_jsonl)],
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
