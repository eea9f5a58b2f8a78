"""The sections about tokens: how long records are, and what becomes of them in rows of one length."""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate

from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table, Text
from tools.inspector.finding_sections import Cells, counted, percent
from tools.inspector.survey import Lengths, Survey

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
OTHER_LENGTHS = (128, 256, 512, 1_024, 2_048, 4_096, 8_192)
# 1.96 standard errors either side hold the true value in 95 of 100 samples.
SURE = 1.96


def percentile(counts: Counter[int], share: float) -> int:
    """The smallest length that at least this share of the records do not exceed: exact, no interpolation.

    >>> percentile(Counter([10, 20, 30, 40]), 0.5), percentile(Counter([10, 20, 30, 40]), 0.75)
    (20, 30)
    """
    wanted = max(1, math.ceil(share * counts.total()))
    lengths = sorted(counts)
    for length, seen in zip(lengths, accumulate(counts[one] for one in lengths), strict=True):
        if seen >= wanted:
            return length
    raise ValueError("no length was counted")


def lengths_section(survey: Survey, every: int) -> Section:
    """How long the records are, none of them cut off."""
    lengths = survey.lengths
    if not lengths.counted:
        return Section(
            "Lengths in tokens", [Text("No record's tokens were counted.")], icon="📏", key="lengths"
        )
    counts, tokens = lengths.counts, lengths.tokens
    rows = [
        Row("counted", "Records counted", lengths.counted),
        Row("tokens", "Tokens", tokens),
        Row("mean", "Mean", tokens / lengths.counted, f"{tokens / lengths.counted:,.1f}",
            formula=f"{tokens:,} tokens / {lengths.counted:,} records"),
        Row("shortest", "Shortest", min(counts)),
        *(Row(f"p{place}", _name(place), percentile(counts, place / 100)) for place in PERCENTILES),
        Row("longest", "Longest", max(counts)),
    ]  # fmt: skip
    blocks: list[Block] = [Rows(rows)]
    if every > 1:
        total, error = estimate(lengths, survey.good)
        said = f"{total:,.0f} ± {error:,.0f}"
        blocks.append(
            Rows([
                Row("estimated_tokens", "Tokens of all, estimated", total, said),
                Row("estimate_error", "… 95 % of samples within", error, f"± {error:,.0f}"),
            ])
        )  # fmt: skip
    if lengths.whole:
        blocks.append(_learned(lengths))
    bars = [Bar(label, records, f"{records:,}") for label, records in log_bins(counts)]
    blocks.append(Bars("histogram", bars, caption="Records by length in tokens; each bin is twice the last"))
    return Section("Lengths in tokens", blocks, icon="📏", key="lengths")


def _name(place: int) -> str:
    return "Median" if place == 50 else f"{place} % have at most"


def _learned(lengths: Lengths) -> Rows:
    learned, tokens = lengths.learned, lengths.tokens
    return Rows([
        Row("learned", "The model learns to write", learned, f"{learned:,} ({percent(learned, tokens)})",
            formula=f"{learned:,} learned / {tokens:,} tokens"),
        Row("read", "It only reads", tokens - learned, f"{tokens - learned:,}"),
    ])  # fmt: skip


def estimate(lengths: Lengths, records: int) -> tuple[float, float]:
    """All tokens, from those of a sample, and 1.96 standard errors of that (simple random sampling)."""
    n = lengths.counted
    mean = lengths.tokens / n
    variance = max(0.0, lengths.squares - n * mean * mean) / (n - 1) if n > 1 else math.inf
    unseen = max(0.0, 1 - n / records)  # a sample of nearly everything is nearly certain
    return mean * records, SURE * records * math.sqrt(variance / n * unseen)


def log_bins(counts: Counter[int]) -> list[tuple[str, int]]:
    """Records by length, in bins of which each is twice as wide as the one before.

    >>> log_bins(Counter([1, 5, 6, 7, 20]))
    [('1', 1), ('2–3', 0), ('4–7', 3), ('8–15', 0), ('16–31', 1)]
    """
    bins = Counter({length.bit_length(): 0 for length in counts})
    for length, records in counts.items():
        bins[length.bit_length()] += records
    first, last = min(bins), max(bins)
    return [(_range(bits), bins[bits]) for bits in range(first, last + 1)]


def _range(bits: int) -> str:
    low, high = 2**bits // 2, 2**bits - 1
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def rows_section(survey: Survey) -> Section:
    """What becomes of the records in rows of one length."""
    lengths = survey.lengths
    title = f"In rows of {lengths.room:,} tokens"
    if not lengths.counted:
        return Section(title, [Text("No record's tokens were counted.")], icon="📦", key="rows")
    blocks = _chat_rows(lengths) if lengths.whole else _document_rows(lengths)
    return Section(title, [*blocks, _other_lengths(lengths)], icon="📦", key="rows")


def _chat_rows(lengths: Lengths) -> list[Block]:
    records, tokens = lengths.counted, lengths.tokens
    cut = [
        Row("cut", "Longer than a row", lengths.cut, f"{lengths.cut:,} ({percent(lengths.cut, records)})"),
        Row("cut_tokens", "Tokens cut off", lengths.cut_tokens,
            f"{lengths.cut_tokens:,} ({percent(lengths.cut_tokens, tokens)})"),
        Row("cut_learned", "… that would be learned", lengths.cut_learned,
            f"{lengths.cut_learned:,} ({percent(lengths.cut_learned, lengths.learned)})"),
        Row("unlearned", "Passed over: no answer in reach", lengths.unlearned),
    ]  # fmt: skip
    return [Rows(cut, caption="What the trainer cuts off"), *_padding(lengths)]


def _padding(lengths: Lengths) -> list[Block]:
    packed, alone = lengths.rows, lengths.counted - lengths.unlearned
    if not packed.rows:
        return [Text("No record has anything to learn within a row.")]
    places, padded = packed.rows * lengths.room, alone * lengths.room
    columns = [
        Column("way", "Way"), Column("rows", "Rows", "right"), Column("filled", "Filled", "right"),
        Column("padding", "Padding tokens", "right"),
    ]  # fmt: skip
    table = Table(
        "ways",
        columns,
        [
            ["packed, as the trainer does", packed.rows,
             Cell(packed.filled, percent(packed.tokens, places)), places - packed.tokens],
            ["one record a row", alone,
             Cell(packed.tokens / padded, percent(packed.tokens, padded)), padded - packed.tokens],
        ],
        caption="What padding costs: the model works as long on an empty place as on a token",
    )  # fmt: skip
    saved = alone / packed.rows
    return [table, Rows([
        Row("saved", "Padding would take", saved, f"{saved:.1f} times the work",
            formula=f"{alone:,} rows / {packed.rows:,} rows"),
    ])]  # fmt: skip


def _document_rows(lengths: Lengths) -> list[Block]:
    packed = lengths.rows
    rows = [
        Row("rows", "Rows", packed.rows),
        Row("filled", "Filled", packed.filled, percent(packed.tokens, packed.rows * lengths.room)),
        Row("split", "Documents that go on in another row", packed.split,
            f"{packed.split:,} ({percent(packed.split, lengths.counted)})"),
        Row("padded_rows", "Rows if each had its own", lengths.counted),
    ]  # fmt: skip
    return [Rows(rows, caption="Documents are packed and cut, and nothing is lost: what is cut off goes on")]


def _other_lengths(lengths: Lengths) -> Table:
    """The same question for other rows, up to those that nothing exceeds, from the exact lengths."""
    columns = [
        Column("row", "Rows of", "right"), Column("longer", "Longer", "right"),
        Column("cut", "Tokens beyond", "right"), Column("filled", "Filled if padded", "right"),
    ]  # fmt: skip
    extra = int(lengths.whole)  # the last token of a conversation is no input
    rows: Cells = []
    longest = max(lengths.counts) - extra
    fits = min((one for one in OTHER_LENGTHS if one >= longest), default=OTHER_LENGTHS[-1])
    for room in sorted({*(one for one in OTHER_LENGTHS if one <= fits), lengths.room}):
        longer = sum(records for length, records in lengths.counts.items() if length - extra > room)
        beyond = sum(
            (length - extra - room) * records
            for length, records in lengths.counts.items()
            if length - extra > room
        )
        inside = lengths.tokens - extra * lengths.counted - beyond
        rows.append([
            room, Cell(longer, f"{longer:,} ({percent(longer, lengths.counted)})"),
            Cell(beyond, f"{beyond:,} ({percent(beyond, lengths.tokens)})"),
            Cell(inside / (room * lengths.counted), percent(inside, room * lengths.counted)),
        ])  # fmt: skip
    return Table("other_lengths", columns, rows, caption="With rows of another length")


def teach_lengths(survey: Survey) -> list[str]:
    """What the lengths mean, in a sentence each."""
    lengths, said = survey.lengths, []
    if not lengths.counted:
        return []
    if lengths.counted < survey.good:
        said.append(
            f"Tokens were counted in {lengths.counted:,} of {survey.good:,} good records: all that is said "
            "of lengths, rows and cuts is about these."
        )
    if lengths.whole:
        said.append(
            f"Of each 100 tokens the model learns to write {100 * lengths.learned / lengths.tokens:.0f}: the "
            "assistant's words, its code and the end of its turns. It only reads the rest."
        )
        if lengths.cut:
            said.append(
                f"Longer than a row of {lengths.room:,}: {counted(lengths.cut, 'conversation')}. What is cut "
                f"off is {percent(lengths.cut_learned, lengths.learned)} of all that would be learned."
            )
        else:
            longest = max(lengths.counts)
            said.append(
                f"The longest has {longest:,} tokens, so rows of {longest - 1:,} would cut nothing off."
            )
    else:
        longer = sum(records for length, records in lengths.counts.items() if length > lengths.room)
        said.append(
            f"Longer than a row of {lengths.room:,}: {counted(longer, 'document')} "
            f"({percent(longer, lengths.counted)}). Nothing of them is lost, but the model sees none whole."
            if longer
            else f"Every document fits into a row of {lengths.room:,} tokens."
        )
    return said
