"""The sections about all conversations of a file, or of a table of values."""

from __future__ import annotations

from tools.conversation.question import Question
from tools.conversation.summary import Kinds, Summary
from tools.core.report import Bar, Bars, Block, Column, Row, Rows, Section, Table, Text, Value


def check_section(summary: Summary, name: str, values: bool) -> Section:
    """The verdict on all records, and what they are."""
    records = summary.records
    rows = [
        Row("file", "File", name),
        Row("records", "Rows of values" if values else "Records", records),
        Row("valid", "Valid", summary.valid,
            formula=f"{records:,} records - {summary.invalid.count:,} invalid"),
        Row("invalid", "Invalid", summary.invalid.count),
    ]  # fmt: skip
    if summary.invalid.count:
        rows.append(Row("invalid_lines", "On lines", str(summary.invalid)))
    if summary.valid:
        rows += [
            Row("messages", "Messages", summary.messages),
            Row("with_system", "With a system message", summary.with_system),
            Row("with_tools", "With a tool call", summary.with_tools),
        ]
    blocks: list[Block] = [Rows(rows)]
    if not values:
        formats = [Bar(kind, count) for kind, count in summary.formats.most_common()]
        blocks.append(Bars("formats", formats, caption="Records by the format they are in"))
    if summary.turns:
        turns = sorted(summary.turns.items())[:20]
        bars = [Bar(f"{count} question{'s' * (count > 1)}", many) for count, many in turns]
        blocks.append(Bars("turns", bars, caption="Valid conversations by their length"))
    return Section("Check", blocks, icon="✅" if not summary.invalid.count and records else "❌", key="check")


def problems_section(summary: Summary, question: Question) -> Section:
    """The invalid records, each with its line and the reason."""
    columns = [Column("line", "Line", "right"), Column("reason", "Why it is invalid")]
    table = Table("problems", columns, summary.problems)
    blocks: list[Block] = [table]
    if summary.invalid.count > len(summary.problems):
        said = f"The first {len(summary.problems):,} of {summary.invalid.count:,}; --rows shows more."
        blocks.append(Text(said))
    if summary.invalid.count > len(summary.reasons.counts):
        blocks.append(_kinds("reasons", summary.reasons, "Reason (N stands for a number)"))
    return Section("What is invalid", blocks, icon="🔎", key="problems")


def _kinds(key: str, kinds: Kinds, label: str) -> Table:
    columns = [
        Column("kind", label),
        Column("records", "Records", "right"),
        Column("first", "First on line", "right"),
    ]
    rows: list[list[Value]] = [
        [kind, count, kinds.first[kind]] for kind, count in kinds.counts.most_common(20)
    ]
    return Table(key, columns, rows)


def remarks_section(summary: Summary) -> Section | None:
    """What valid conversations lose on the way, and what in them looks like a mistake."""
    blocks: list[Block] = []
    if summary.lost.counts:
        blocks.append(_kinds("lost", summary.lost, "Lost on the way"))
    if summary.doubts.counts:
        blocks.append(_kinds("doubts", summary.doubts, "Valid, but look at it (N stands for a number)"))
    return Section("Look at this", blocks, icon="👀", key="remarks") if blocks else None


def rows_section(summary: Summary) -> Section:
    """The first conversations that a table of values gave."""
    columns = [
        Column("line", "Line", "right"),
        Column("first", "First question"),
        Column("last", "Last answer"),
    ]
    table = Table("conversations", columns, summary.first)
    return Section("What the rows give", [table], icon="🧱", key="rows")


def hints(summary: Summary, question: Question) -> list[str]:
    """What the figures say, and what to do now, a sentence each."""
    said = []
    if summary.invalid.count and question.read_as == "trainer":
        for kind in ("openai", "sharegpt", "alpaca"):
            if count := summary.invalid_formats[kind]:
                verb = "record is" if count == 1 else "records are"
                said.append(f"{count:,} invalid {verb} in the format {kind}, which --read-as {kind} reads.")
    if summary.invalid.count and question.skip_invalid:
        said.append(
            f"Left out: {summary.invalid.count:,} of {summary.records:,} records, on the lines "
            f"{summary.invalid}."
        )
    elif summary.invalid.count and summary.valid:
        said.append(
            f"Nothing is written as long as a record is invalid ({summary.invalid.count:,} of "
            f"{summary.records:,}); --skip-invalid leaves such records out."
        )
    if summary.with_tools:
        share = summary.with_tools / summary.valid
        said.append(
            f"{share:.0%} of the valid conversations call a tool: their outputs are read, never learned."
        )
    return said
