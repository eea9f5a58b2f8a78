"""The page in its order. Standard library only."""

from __future__ import annotations

from nanochat.evaluation.report.blocks import Block, Heading, Items, Paragraph, Samples
from nanochat.evaluation.report.curves import curve_blocks
from nanochat.evaluation.report.record import BASE, Report
from nanochat.evaluation.report.scores import score_blocks, score_table
from nanochat.evaluation.report.settings import again_blocks, settings_blocks
from nanochat.evaluation.report.summary import facts, sentence, time_blocks
from nanochat.evaluation.report.weaknesses import weaknesses


def contents(report: Report) -> list[Block]:
    """All blocks of the page, the title first."""
    return [
        Heading(1, report.run.name),
        Paragraph(sentence(report), lead=True),
        facts(report),
        *score_blocks(report),
        *weakness_blocks(report),
        *sample_blocks(report),
        *curve_blocks(report),
        *time_blocks(report),
        *settings_blocks(report),
        *again_blocks(report),
        *note_blocks(report),
    ]


def summary(report: Report) -> list[Block]:
    """The blocks that matter most."""
    return [
        Heading(1, report.run.name),
        Paragraph(sentence(report), lead=True),
        facts(report),
        score_table(report),
        *weakness_blocks(report),
        *note_blocks(report),
    ]


def weakness_blocks(report: Report) -> list[Block]:
    """What the numbers say against the model."""
    return [Heading(2, "Known weaknesses"), Items(weaknesses(report))]


def sample_blocks(report: Report) -> list[Block]:
    """What the model wrote last in each stage."""
    blocks: list[Block] = [Heading(2, "What it writes")]
    for stage in report.present:
        if last := stage.last_samples:
            pairs = [(one.prompt, one.text) for one in last]
            title = f"{stage.stage.upper()}, after step {last[0].step:,}"
            blocks += [Heading(3, title), Samples(pairs, answers=stage.stage != BASE)]
    return blocks if len(blocks) > 1 else []


def note_blocks(report: Report) -> list[Block]:
    """What could not be read."""
    return [Heading(2, "Left out"), Items(report.notes)] if report.notes else []
