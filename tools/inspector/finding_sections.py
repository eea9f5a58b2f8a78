"""The sections about what was found: the verdict, what the trainer refuses, what it takes all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tools.core.report import Block, Cell, Column, Row, Rows, Section, Table, Text, Value
from tools.inspector import cautions, faults
from tools.inspector.duplicates import ENTRY
from tools.inspector.lines import CHAT, DOCUMENTS, TEXT
from tools.inspector.survey import Finding, Place, Survey

NAMES = {CHAT: "conversations", DOCUMENTS: "documents", TEXT: "pieces of plain text"}
LONGEST_WHAT = 200
Cells = list[list[Cell | Value]]


def counted(number: int, word: str) -> str:
    """A number with its noun.

    >>> counted(1, "record"), counted(2_000, "record")
    ('1 record', '2,000 records')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def percent(part: float, whole: float) -> str:
    """A share in words that never rounds something to nothing, or nearly all to all.

    >>> percent(1, 3), percent(1, 100_000), percent(99_999, 100_000), percent(0, 0)
    ('33.3%', 'below 0.1%', 'above 99.9%', '0.0%')
    """
    share = part / whole if whole else 0.0
    if 0 < share < 0.0005:
        return "below 0.1%"
    return "above 99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def data_section(survey: Survey, names: dict[int, str]) -> Section:
    """What lies there, and the verdict."""
    good, bad = survey.good, survey.bad
    kinds = sorted({one.kind for one in survey.files})
    rows = [
        Row("records", "Records", survey.records),
        Row("kind", "Read as", " and ".join(NAMES[kind] for kind in kinds)),
        Row("good", "The trainer takes", good, f"{good:,} ({percent(good, survey.records)})"),
        Row("bad", "The trainer refuses", bad, f"{bad:,} ({percent(bad, survey.records)})"),
        Row("errors", "Errors in them", sum(survey.errors.values())),
        Row("warnings", "Warnings", survey.n_warnings),
        Row("bytes", "Bytes", sum(one.size for one in survey.files)),
    ]
    blocks: list[Block] = [Rows(rows)]
    if len(survey.files) > 1:
        columns = [Column("file", "File"), Column("kind", "Read as"), Column("bytes", "Bytes", "right"),
                   Column("records", "Records", "right"), Column("bad", "Refused", "right")]  # fmt: skip
        table: Cells = [
            [names[number], NAMES[one.kind], one.size, one.records, one.bad]
            for number, one in enumerate(survey.files)
        ]
        blocks.append(Table("files", columns, table))
    return Section("The data", blocks, icon="🗂️", key="data")


def errors_section(survey: Survey, names: dict[int, str]) -> Section:
    """Why records are refused, and where."""
    if not survey.bad:
        return Section(
            "Errors", [Text("None: the trainer takes every record.", key="verdict")], icon="✅", key="errors"
        )
    blocks = [
        Text(
            f"The trainer refuses {counted(survey.bad, 'record')} of {survey.records:,}, and stops at the "
            "first of them.",
            key="verdict",
        ),
        *_findings(survey.errors, faults.KINDS, survey.first_errors, names),
    ]
    return Section("Errors", blocks, icon="⛔", key="errors")


def warnings_section(survey: Survey, names: dict[int, str]) -> Section:
    """What the trainer takes and a person might not."""
    if not survey.warnings:
        return Section("Warnings", [Text("None.", key="verdict")], icon="✅", key="warnings")
    blocks = [
        Text("The trainer takes these. Whether it should is for you to say.", key="verdict"),
        *_findings(survey.warnings, cautions.KINDS, survey.first_warnings, names),
    ]
    return Section("Warnings", blocks, icon="🔎", key="warnings")


def _findings(
    counts: Counter[str], kinds: Sequence[str], first: Sequence[Finding], names: dict[int, str]
) -> list[Block]:
    columns = [Column("kind", "Kind"), Column("found", "Found", "right")]
    by_kind: Cells = [[kind, counts[kind]] for kind in kinds if counts[kind]]
    rows: Cells = [
        [place_of(one.place, names), one.kind, Cell(one.what, _short(one.what, LONGEST_WHAT))]
        for one in first
    ]
    where = [Column("line", "Line"), Column("kind", "Kind"), Column("what", "What")]
    blocks: list[Block] = [Table("kinds", columns, by_kind), Table("first", where, rows)]
    total = sum(counts.values())
    if total > len(first):
        said = f"The first {len(first):,} of {total:,} are shown; --rows shows more, and --csv writes all."
        blocks.append(Text(said))
    return blocks


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def place_of(place: Place, names: dict[int, str]) -> str:
    """A line as a person looks for it; with its file if there are several.

    >>> place_of((0, 1234), {0: "a.jsonl"}), place_of((1, 7), {0: "a.jsonl", 1: "b.jsonl"})
    ('1234', 'b.jsonl:7')
    """
    file, line = place
    return f"{names[file]}:{line}" if len(names) > 1 else str(line)


def duplicates_section(survey: Survey, names: dict[int, str]) -> Section:
    """Records that are there more than once."""
    exact, near, good = survey.repeats.exact, survey.repeats.near, survey.good
    rows = [
        Row("exact", "Repeat an earlier one", exact, f"{exact:,} ({percent(exact, good)})"),
        Row("near", "… but for case, spaces, marks", near, f"{near:,} ({percent(near, good)})"),
        Row("different", "Different records", good - exact - near),
        Row("hash_bytes", "Memory for hashes", survey.kept_bytes,
            f"{survey.kept_bytes:,} bytes{' on disk' if survey.on_disk else ''}",
            formula=f"{good:,} records × {ENTRY} bytes"),
    ]  # fmt: skip
    blocks: list[Block] = [Rows(rows)]
    if survey.first_repeats:
        columns = [Column("line", "Line"), Column("same_as", "Says the same as"), Column("how", "How")]
        table = [
            [place_of(one.place, names), place_of(one.first, names), "exactly" if one.exact else "nearly"]
            for one in survey.first_repeats
        ]
        blocks.append(Table("repeats", columns, table))
        if exact + near > len(table):
            blocks.append(Text(f"The first {len(table):,} of {exact + near:,}; --csv writes all."))
    return Section("Said twice", blocks, icon="👯", key="duplicates")


def teach(survey: Survey) -> list[str]:
    """What the findings mean, in a sentence each."""
    said = []
    if survey.errors[faults.NOT_JSON] > survey.records // 2:
        said.append(
            "Most lines are no JSON. In JSON lines each record stands in one line; a file that is one list "
            "over many lines has to be written out again, a record a line."
        )
    if survey.errors[faults.ENCODING]:
        said.append(
            f"Not in UTF-8: {counted(survey.errors[faults.ENCODING], 'line')}. Convert the file (iconv -f "
            "WINDOWS-1252 -t UTF-8), since to guess an encoding is to train on its mistakes."
        )
    if survey.repeats.exact:
        share = f"{percent(survey.repeats.exact, survey.good)} of the records repeat an earlier one."
        said.append(
            f"{share} A model sees those more often than the rest, and a copy held out for validation "
            "flatters its loss."
            if survey.is_chat
            else f"{share} nanochat data prepare leaves copies out, and takes for a copy what differs in "
            "nothing but case, spaces and punctuation."
        )
    if survey.warnings[cautions.TOOL_RESULT]:
        said.append(
            f"Not what the calculator gives: {counted(survey.warnings[cautions.TOOL_RESULT], 'result')}. The "
            "model would learn to go on from a wrong number."
        )
    return said
