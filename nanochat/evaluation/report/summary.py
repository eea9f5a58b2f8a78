"""What the model is in a sentence, its first figures, and what it took. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nanochat.evaluation.report.blocks import Block, Facts, Heading, Paragraph, Table
from nanochat.evaluation.report.record import BASE, RL, SFT, Report, StageRun
from nanochat.evaluation.report.scores import GONE
from nanochat.evaluation.report.words import NONE, duration, large, listing, one_line, plural, points


def sentence(report: Report) -> str:
    """What the model is."""
    run = report.run
    model = f"{run.name} is a transformer of {plural(run.model['n_layer'], 'layer')} and "
    model += f"{large(run.config['parameters'])} parameters"
    return f"{model}, {listing([deed(stage) for stage in report.stages])}."


def deed(stage: StageRun) -> str:
    """What was done in a stage."""
    if stage.gone:
        return {BASE: "pretrained", SFT: "fine-tuned"}.get(stage.stage, "trained") + " in a run that is gone"
    if stage.stage == BASE:
        corpus = one_line(str(stage.config.get("corpus", {}).get("name", "some text")))
        return f"pretrained on {large(stage.tokens)} tokens of {corpus}"
    if stage.stage == RL:
        questions = f" to {listing(list(parts(stage)))}" if parts(stage) else ""
        return f"then trained by rewards for its own answers{questions}"
    return f"fine-tuned on {plural(sum(parts(stage).values()), 'conversation')}"


def parts(stage: StageRun) -> Mapping[str, int]:
    """Of what a run of conversations or questions has learnt, and how many of each."""
    found = stage.config.get("text", {}).get("mixture", {})
    return {one_line(str(name)): int(count) for name, count in found.items() if count}


def facts(report: Report) -> Facts:
    """The figures that a reader wants first."""
    found = [
        ("parameters", large(report.run.config["parameters"])),
        ("tokens learnt from", large(sum(stage.tokens for stage in report.present))),
        ("operations", large(sum(stage.operations for stage in report.present))),
        ("time" if report.clock else "time in steps", duration(report.seconds)),
    ]
    if report.price is not None:
        found.append(("cost", f"{report.price.of(report.seconds):,.2f} dollars"))
    devices = dict.fromkeys(stage.device for stage in report.present)
    return Facts([*found, ("machine", one_line(listing(list(devices))))])


def time_blocks(report: Report) -> list[Block]:
    """Time, tokens, operations and cost."""
    head = ["stage", "steps", "time in steps", "tokens", "tokens a second", "MFU", "operations"]
    rows = [[stage.stage.upper(), *time_row(stage)] for stage in report.stages]
    blocks: list[Block] = [Heading(2, "Time and cost"), Table("What each stage took", head, rows)]
    if report.clock:
        clock = [[one_line(name), duration(spent)] for name, spent in report.clock.items()]
        clock.append(["all", duration(sum(report.clock.values()))])
        title = "By the speedrun's clock"
        blocks += [Heading(3, title), Table(title, ["part", "time"], clock)]
    return [*blocks, Paragraph(" ".join(remarks(report)))]


def time_row(stage: StageRun) -> list[str]:
    """The figures of a stage."""
    if not stage.lines:
        return [GONE if stage.gone else NONE, *[NONE] * 5]
    speed, mfu = stage.middle("tokens_per_second"), stage.middle("mfu")
    return [
        f"{stage.steps:,}", duration(stage.seconds), large(stage.tokens),
        NONE if speed is None else f"{speed:,.0f}", NONE if mfu is None else points(mfu),
        large(stage.operations),
    ]  # fmt: skip


def remarks(report: Report) -> Iterator[str]:
    """What the figures of time and cost mean."""
    yield (
        "Time in steps leaves out evaluations, samples and checkpoints; the first step compiles the model. "
        "Speed and MFU, the share of the machine's peak that did useful work, are those of the middle step."
    )
    if any(stage.stage == RL for stage in report.present):
        yield "In RL the time has the writing of the replies in it, the operations have not."
    if report.price is None:
        yield (
            "What it has cost is not known: this machine has no price in the table; "
            "--cost-per-hour gives it one."
        )
        return
    whole = "by the speedrun's clock" if report.clock else "in steps"
    yield (
        f"The cost is {report.price.of(report.seconds):,.2f} dollars: {duration(report.seconds)} {whole} at "
        f"{report.price.an_hour:,.2f} dollars an hour ({report.price.source})."
    )
