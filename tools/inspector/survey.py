"""One pass over the data that finds out everything the report says.

Of the data itself only one record at a time is in memory, and the few that are shown. What grows with the
data are counts, which stay small, and the hashes of `duplicates`, which have their own bound.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tools.core.progress import Progress
from tools.inspector.cautions import CUT, NOTHING_LEARNED, cautions_of
from tools.inspector.duplicates import Duplicates, Found, Repeat
from tools.inspector.lengths import (
    Count,
    Stretch,
    learned_of,
    learned_within,
    length_of,
    stretches_of,
)
from tools.inspector.lines import CHAT, size_of
from tools.inspector.records import Part, Record, read_records
from tools.inspector.rows import Rows

Place = tuple[int, int]
LONGEST_SHOWN = 2_000  # characters of a part of a sample
MARKERS = "markers"


@dataclass(frozen=True)
class Source:
    """A file to look at: where it lies and what it holds."""

    path: Path
    kind: str
    parquet: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one record: an error, for which the trainer refuses it, or a warning."""

    place: Place
    kind: str
    what: str
    is_error: bool


@dataclass
class Sample:
    """A record that is shown, its texts cut if they are very long."""

    place: Place
    parts: Sequence[Part]
    tokens: int | None


@dataclass
class Lengths:
    """Tokens of the records that were counted."""

    room: int
    whole: bool
    counted: int = 0
    counts: Counter[int] = field(default_factory=Counter)  # length → records of it
    learned: int = 0
    cut: int = 0  # conversations longer than a row
    cut_tokens: int = 0
    cut_learned: int = 0
    unlearned: int = 0  # conversations of which a row holds nothing to learn
    squares: int = 0  # of lengths, for the error of an estimate
    by_role: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rows = Rows(self.room, self.whole)

    @property
    def tokens(self) -> int:
        """All tokens of the counted records, none cut off."""
        return sum(length * records for length, records in self.counts.items())

    def add(self, stretches: list[Stretch]) -> int:
        """One record; its length."""
        length, learned = length_of(stretches), learned_of(stretches)
        self.counted += 1
        self.counts[length] += 1
        self.squares += length * length
        self.learned += learned
        if not self.whole:
            self.rows.add(length)  # between two <|bos|>, of which the last is no input
            return length
        within = learned_within(stretches, self.room)
        if length > self.room + 1:
            self.cut += 1
            self.cut_tokens += length - self.room - 1
            self.cut_learned += learned - within
        if within:
            self.rows.add(length - 1)
        else:
            self.unlearned += 1
        return length

    def findings(self, place: Place, stretches: list[Stretch]) -> Iterator[Finding]:
        """The warnings that a conversation's length gives."""
        length = length_of(stretches)
        if not self.whole or length <= self.room + 1:
            return
        what = f"{length:,} tokens, of which a row takes {self.room + 1:,}"
        yield Finding(place, CUT, what, is_error=False)
        if not learned_within(stretches, self.room):
            what = f"no answer begins within {self.room:,} tokens, so the trainer passes over it"
            yield Finding(place, NOTHING_LEARNED, what, is_error=False)


@dataclass
class FileFacts:
    """What one file holds."""

    name: str
    kind: str
    size: int
    records: int = 0
    bad: int = 0


@dataclass
class Survey:
    """Everything that was found."""

    files: list[FileFacts]
    lengths: Lengths
    errors: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    first_errors: list[Finding] = field(default_factory=list)
    first_warnings: list[Finding] = field(default_factory=list)
    repeats: Found = field(default_factory=Found)
    first_repeats: list[Repeat] = field(default_factory=list)
    kept_bytes: int = 0
    on_disk: bool = False
    messages: Counter[str] = field(default_factory=Counter)  # role → messages
    characters: Counter[str] = field(default_factory=Counter)  # role → characters
    turns: Counter[int] = field(default_factory=Counter)  # messages in a conversation → conversations
    code: int = 0  # conversations in which the model calls a tool
    samples: list[Sample] = field(default_factory=list)

    @property
    def records(self) -> int:
        """All records, good and bad."""
        return sum(one.records for one in self.files)

    @property
    def bad(self) -> int:
        """Records that the trainer refuses."""
        return sum(one.bad for one in self.files)

    @property
    def good(self) -> int:
        """Records that the trainer takes."""
        return self.records - self.bad

    @property
    def n_warnings(self) -> int:
        """All warnings, repeated records included."""
        return sum(self.warnings.values()) + self.repeats.exact + self.repeats.near

    @property
    def is_chat(self) -> bool:
        """Whether the records are conversations."""
        return self.lengths.whole


def read_all(sources: Sequence[Source], field: str) -> Iterator[Record]:
    """Every record of every file, with a line about how far it is for who waits."""
    sizes = [size_of(source.path) for source in sources]
    with Progress("Inspecting", sum(sizes)) as progress:
        for number, source in enumerate(sources):
            before = sum(sizes[:number])
            for record in read_records(source.path, number, source.kind, field, source.parquet):
                progress.at(before + record.end)
                yield record


def findings_of(record: Record) -> Iterator[Finding]:
    """What there is to say of one record by itself, its length left out."""
    for fault in record.faults:
        yield Finding(record.place, fault.kind, fault.what, is_error=True)
    if not record.faults:
        for place, kind, what in cautions_of(record):
            yield Finding(place, kind, what, is_error=False)


def take_survey(
    sources: Sequence[Source],
    field: str,
    count: Count,
    room: int,
    every: int,
    most: int,
    samples: int,
    seed: int,
) -> Survey:
    """Read everything once. `most` findings of a table are kept, and `samples` records drawn by `seed`."""
    files = [FileFacts(one.path.name or str(one.path), one.kind, size_of(one.path)) for one in sources]
    whole = all(one.kind == CHAT for one in sources)
    survey = Survey(files, Lengths(room, whole))
    taker = _Taker(survey, count, every, most, samples, seed)
    for record in read_all(sources, field):
        taker.take(record)
    survey.lengths.rows.finish()
    survey.repeats, survey.first_repeats = taker.duplicates.first_repeats(most)
    survey.kept_bytes, survey.on_disk = taker.duplicates.kept_bytes, taker.duplicates.on_disk
    return survey


class _Taker:
    """Takes one record after another into a survey."""

    def __init__(self, survey: Survey, count: Count, every: int, most: int, samples: int, seed: int) -> None:
        self.survey, self.count, self.every, self.most = survey, count, every, most
        self.samples = samples
        self.drawer = random.Random(f"{seed}/samples")
        self.counter = random.Random(f"{seed}/every")
        self.duplicates = Duplicates()

    def take(self, record: Record) -> None:
        """Everything about one record."""
        survey = self.survey
        survey.files[record.place[0]].records += 1
        for finding in findings_of(record):
            self.keep(finding)
        if record.faults:
            survey.files[record.place[0]].bad += 1
            return
        self.duplicates.add(record.words, record.place)
        tokens = None
        if self.every == 1 or self.counter.random() * self.every < 1:
            tokens = self.measure(record)
        self.describe(record)
        self.draw(record, tokens)

    def keep(self, finding: Finding) -> None:
        """Count a finding, and keep it if it is one of the first."""
        survey = self.survey
        counts, first = (
            (survey.errors, survey.first_errors)
            if finding.is_error
            else (survey.warnings, survey.first_warnings)
        )
        counts[finding.kind] += 1
        if len(first) < self.most:
            first.append(finding)

    def measure(self, record: Record) -> int:
        """The record's length, added to the others."""
        lengths = self.survey.lengths
        stretches: list[Stretch] = []
        for part, stretch in stretches_of(record, self.count):
            stretches.append(stretch)
            lengths.by_role[_who(part) if part else MARKERS] += stretch[0]
        for finding in lengths.findings(record.place, stretches):
            self.keep(finding)
        return lengths.add(stretches)

    def describe(self, record: Record) -> None:
        """Count who says how much."""
        if record.kind != CHAT:
            self.survey.characters[""] += len(record.parts[0].text)
            return
        self.survey.turns[record.messages] += 1
        before = 0
        for part in record.parts:
            self.survey.characters[_who(part)] += len(part.text)
            if part.message != before:
                self.survey.messages[part.role] += 1
                before = part.message
        self.survey.code += any(part.kind == "python" for part in record.parts)

    def draw(self, record: Record, tokens: int | None) -> None:
        """Keep a fair sample of what has come so far (algorithm R, Vitter 1985)."""
        kept, seen = self.survey.samples, self.duplicates.records
        place = len(kept) if len(kept) < self.samples else self.drawer.randrange(seen)
        if place >= self.samples:
            return
        cut = [
            replace(part, text=part.text[:LONGEST_SHOWN] + "…") if len(part.text) > LONGEST_SHOWN else part
            for part in record.parts
        ]
        kept[place : place + 1] = [Sample(record.place, cut, tokens)]


def _who(part: Part) -> str:
    return part.kind if part.kind in ("python", "python_output") else part.role
