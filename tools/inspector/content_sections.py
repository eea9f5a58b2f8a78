"""The sections about what the records say: who speaks how much, how many turns, and some of them to read."""

from __future__ import annotations

from collections import Counter

from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table, Text
from tools.inspector.finding_sections import Cells, percent, place_of
from tools.inspector.records import Part
from tools.inspector.survey import MARKERS, Sample, Survey

WHO = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "python": "the assistant's code",
    "python_output": "what the code printed",
    MARKERS: "markers around them",
}
# Turns with a bar of their own; all longer conversations share one.
MOST_TURNS = 16


def roles_section(survey: Survey) -> Section:
    """Who says how much, and in how many turns."""
    tokens = survey.lengths.by_role
    total = sum(tokens.values())
    columns = [
        Column("who", "Who"), Column("messages", "Messages", "right"),
        Column("characters", "Characters", "right"), Column("tokens", "Tokens", "right"),
        Column("share", "Share", "right"),
    ]  # fmt: skip
    rows: Cells = [
        [name, _none(survey.messages, who), _none(survey.characters, who), tokens[who],
         Cell(tokens[who] / total if total else 0.0, percent(tokens[who], total))]
        for who, name in WHO.items() if tokens[who] or survey.characters[who] or survey.messages[who]
    ]  # fmt: skip
    conversations = survey.turns.total()
    blocks: list[Block] = [Table("roles", columns, rows)]
    with_system = survey.messages["system"]
    blocks.append(
        Rows([
            Row("with_system", "Begin with a system message", with_system,
                f"{with_system:,} ({percent(with_system, conversations)})"),
            Row("with_tools", "Call a tool", survey.code,
                f"{survey.code:,} ({percent(survey.code, conversations)})"),
        ])
    )  # fmt: skip
    bars = [Bar(label, number, f"{number:,}") for label, number in _turns(survey.turns)]
    blocks.append(Bars("turns", bars, caption="Conversations by their number of messages"))
    return Section("Roles and turns", blocks, icon="🗣️", key="roles")


def _none(counts: Counter[str], who: str) -> Cell:
    return Cell(counts[who], f"{counts[who]:,}") if who in counts else Cell(None, "–")


def _turns(turns: Counter[int]) -> list[tuple[str, int]]:
    """Each number of messages with its conversations; those above `MOST_TURNS` in one."""
    bars = [(str(number), turns[number]) for number in sorted(turns) if number <= MOST_TURNS]
    more = sum(count for number, count in turns.items() if number > MOST_TURNS)
    return [*bars, (f"more than {MOST_TURNS}", more)] if more else bars


def samples_section(survey: Survey, names: dict[int, str], seed: int) -> Section:
    """Some good records, drawn by chance, as they are read."""
    blocks: list[Block] = []
    for number, sample in enumerate(sorted(survey.samples, key=lambda one: one.place), 1):
        blocks.append(_sample(number, sample, names, survey.is_chat))
    if not blocks:
        blocks.append(Text("No record is good, so there is none to show." if survey.records else ""))
    title = f"{len(survey.samples):,} drawn by chance (seed {seed})"
    return Section(title, blocks, icon="🎲", key="samples")


def _sample(number: int, sample: Sample, names: dict[int, str], is_chat: bool) -> Block:
    tokens = "" if sample.tokens is None else f", {sample.tokens:,} tokens"
    caption = f"Line {place_of(sample.place, names)}{tokens}"
    if not is_chat:
        text = [Column("text", "Text")]
        return Table(f"record_{number}", text, [[sample.parts[0].text]], caption=caption)
    columns = [Column("who", "Who"), Column("says", "Says")]
    rows = [[_name(part), part.text] for part in sample.parts]
    return Table(f"record_{number}", columns, rows, caption=caption)


def _name(part: Part) -> str:
    return {"python": "code", "python_output": "output"}.get(part.kind, part.role)
