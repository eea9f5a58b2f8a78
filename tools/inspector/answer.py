"""From a question to the report, and to the files that can be saved."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.report import Report
from tools.inspector.content_sections import roles_section, samples_section
from tools.inspector.duplicates import Duplicates
from tools.inspector.finding_sections import (
    counted,
    data_section,
    duplicates_section,
    errors_section,
    teach,
    warnings_section,
)
from tools.inspector.length_sections import lengths_section, rows_section, teach_lengths
from tools.inspector.lengths import Count, PieceCounts, Stretch, learned_of, stretches_of
from tools.inspector.lines import CHAT, DOCUMENTS, PARQUET, SUFFIXES, TEXT, kind_of
from tools.inspector.question import AUTO, Question
from tools.inspector.survey import Finding, Lengths, Source, Survey, findings_of, read_all, take_survey
from tools.inspector.with_model import fast_count, parquet_columns
from tools.playground.question import OURS
from tools.playground.tokenizers import find

EXAMPLE_FILES = {
    "classroom": "conversations.jsonl",
    "faulty": "conversations-with-faults.jsonl",
    "documents": "documents.jsonl",
}


def inspect(question: Question) -> Report:
    """The report.

    >>> report = inspect(Question(example="faulty"))
    >>> report.ok, report.says
    (False, 'The trainer refuses 14 of 26 records.')
    """
    _, about_tokenizer = counter_of(question.ranks)
    sources = sources_of(question)
    names = names_of(sources)
    survey = survey_of(question, sources)
    sections = [
        data_section(survey, names),
        errors_section(survey, names),
        warnings_section(survey, names),
        duplicates_section(survey, names),
    ]
    if survey.good:
        sections += [lengths_section(survey, question.every), rows_section(survey)]
        sections += [roles_section(survey)] if survey.is_chat else []
        sections += [samples_section(survey, names, question.seed)] if question.samples else []
    notes = [*teach(survey), *teach_lengths(survey), *_about_formats(sources, survey), *about_tokenizer]
    ok = not survey.bad and not (question.strict and survey.n_warnings)
    return Report("Dataset inspector", sections, notes, says_of(survey), ok)


def says_of(survey: Survey) -> str:
    """The verdict in a sentence."""
    if survey.bad:
        return f"The trainer refuses {survey.bad:,} of {counted(survey.records, 'record')}."
    warned = f", with {counted(survey.n_warnings, 'warning')}" if survey.n_warnings else ""
    return f"The trainer takes {_all(survey.records)}{warned}."


def _all(records: int) -> str:
    return "the one record" if records == 1 else f"all {records:,} records"


def _about_formats(sources: Sequence[Source], survey: Survey) -> list[str]:
    said = []
    if survey.is_chat and survey.good == 1:
        said.append("One conversation is too few to train on: the trainer keeps one in 20 for validation.")
    if survey.is_chat and any(one.parquet for one in sources):
        said.append(
            "nanochat train sft --conversations reads JSON lines: rows of parquet are judged as such lines."
        )
    if any(one.kind == TEXT for one in sources):
        said.append(
            "A plain text is looked at in pieces of about 4,000 characters, cut between paragraphs. The "
            "trainer cuts in the same way, but evenly over the whole file: its pieces differ a little."
        )
    return said


# ---- what to look at ----


def sources_of(question: Question) -> list[Source]:
    """The files of a question, each with what it holds; conversations and documents are not mixed."""
    sources = [_source(path, question) for path in _paths(question)]
    kinds = {source.kind == CHAT: source.path.name for source in reversed(sources)}
    if len(kinds) > 1:
        raise UsageError(
            f"{kinds[True]} holds conversations and {kinds[False]} holds documents: look at them one after "
            "the other, or say --read-as",
            "read_as",
        )
    return sources


def _paths(question: Question) -> list[Path]:
    if question.files and question.example:
        raise UsageError("files and --example both say what to look at; use one", "example")
    if question.example:
        return [example_file(EXAMPLE_FILES[question.example])]
    if not question.files:
        raise UsageError("name a file to look at, or see one with --example classroom", "files")
    return [found for path in question.files for found in _files_in(path)]


def _files_in(path: Path) -> list[Path]:
    """The path itself, or the data in a folder and those below it, but for names that begin with a dot."""
    if str(path) == "-" or not path.is_dir():
        return [path]
    found = []
    for folder, below, names in os.walk(path, onerror=_refuse):
        below[:] = sorted(one for one in below if not one.startswith("."))
        found += [Path(folder, one) for one in sorted(names) if not one.startswith(".")]
    data = [one for one in found if one.suffix.lower() in SUFFIXES]
    if not data:
        raise ToolError(f"{path}: no {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file in it", "files")
    return data


def _refuse(error: OSError) -> None:
    raise ToolError(f"{error.filename} cannot be read: {error.strerror}", "files")


def _source(path: Path, question: Question) -> Source:
    kind = kind_of(path, question.field)
    if kind == PARQUET:
        return Source(path, CHAT if "messages" in parquet_columns(path) else DOCUMENTS, parquet=True)
    return Source(path, kind if question.read_as == AUTO else question.read_as)


def names_of(sources: Sequence[Source]) -> dict[int, str]:
    """What each file is called in a table: its name, or its path where two have the same name."""
    short = [one.path.name or str(one.path) for one in sources]
    return {
        number: name if short.count(name) == 1 else str(sources[number].path)
        for number, name in enumerate(short)
    }


def counter_of(ranks: Path | None) -> tuple[Count, list[str]]:
    """A function that counts tokens, and a note on whose tokens they are."""
    found, notes = find([OURS], ranks)
    tokenizer = found[OURS]
    return fast_count(tokenizer) or PieceCounts(tokenizer).count, notes


def survey_of(question: Question, sources: Sequence[Source]) -> Survey:
    """The survey; ToolError if there is no record at all."""
    survey = _survey(question, tuple(sources), tuple(_stamp(one.path) for one in sources))
    if not survey.records:
        raise ToolError(f"{sources[0].path}: there is no record in it", "files")
    return survey


@lru_cache(maxsize=1)
def _survey(question: Question, sources: tuple[Source, ...], stamps: tuple[object, ...]) -> Survey:
    """Kept for a report that is shown and then saved, unless a file has changed, which `stamps` says."""
    count, _ = counter_of(question.ranks)
    return take_survey(
        sources,
        question.field,
        count,
        question.sequence_length,
        question.every,
        question.rows,
        question.samples,
        question.seed,
    )


def _stamp(path: Path) -> object:
    if str(path) == "-":
        return None
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


# ---- what can be saved ----


def csv_of_problems(question: Question) -> Iterator[str]:
    """Every error and warning in the order of the lines, then every repeated record: file, line, level, kind,
    what.
    """
    sources = sources_of(question)
    names, (count, _) = names_of(sources), counter_of(question.ranks)
    whole = sources[0].kind == CHAT
    duplicates = Duplicates()
    yield _csv("file", "line", "level", "kind", "what")
    for record in read_all(sources, question.field):
        findings = list(findings_of(record))
        if not record.faults:
            duplicates.add(record.words, record.place)
            if whole:
                found = [stretch for _, stretch in stretches_of(record, count)]
                findings += Lengths(question.sequence_length, whole).findings(record.place, found)
        yield from (_line(one, names) for one in findings)
    for repeat in sorted(duplicates.repeats(), key=lambda one: one.place):
        file, line = repeat.first
        how = "exactly" if repeat.exact else "nearly"
        what = f"says {how} the same as line {line} of {names[file]}"
        yield _line(Finding(repeat.place, "repeated record", what, is_error=False), names)


def _line(one: Finding, names: dict[int, str]) -> str:
    file, line = one.place
    return _csv(names[file], line, "error" if one.is_error else "warning", one.kind, one.what)


def csv_of_lengths(question: Question) -> Iterator[str]:
    """The length of every good record: file, line, tokens, and how many of them are learned."""
    sources = sources_of(question)
    names, (count, _) = names_of(sources), counter_of(question.ranks)
    yield _csv("file", "line", "tokens", "learned")
    for record in read_all(sources, question.field):
        if not record.faults:
            stretches: list[Stretch] = [stretch for _, stretch in stretches_of(record, count)]
            file, line = record.place
            yield _csv(names[file], line, sum(one for one, _ in stretches), learned_of(stretches))


def _csv(*cells: object) -> str:
    into = io.StringIO()
    csv.writer(into, lineterminator="\n").writerow([_harmless(str(cell)) for cell in cells])
    return into.getvalue()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, with escapes for what cannot be written."""
    cell = cell.encode("utf-8", "backslashreplace").decode()
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
