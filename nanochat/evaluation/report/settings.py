"""What the model is made of, how each stage was trained, and how to do it again. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nanochat.evaluation.report.blocks import Block, Commands, Heading, Paragraph, Table
from nanochat.evaluation.report.command import train_command
from nanochat.evaluation.report.record import BASE, RL, Report, StageRun
from nanochat.evaluation.report.scores import GONE, heads
from nanochat.evaluation.report.summary import parts
from nanochat.evaluation.report.words import NONE, large, listing, one_line, plural, three_digits

EXTRAS = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout")
HASH_SHOWN = 12


def settings_blocks(report: Report) -> list[Block]:
    """Model, machine, software and settings."""
    return [
        Heading(2, "Configuration"),
        Heading(3, "The model"),
        Table("The model", ["", "value"], model_rows(report.run), words=True),
        Heading(3, "How each stage was trained"),
        stage_table("How each stage was trained", TRAINING, report),
        *rates_blocks(report),
        Heading(3, "Machine and software"),
        stage_table("Machine and software", MACHINE, report),
    ]


def model_rows(run: StageRun) -> list[list[str]]:
    """The shape."""
    model = run.model
    extras = [name.replace("_", " ") for name in EXTRAS if model.get(name)]
    return [
        ["layers", f"{model['n_layer']:,}"],
        ["width", f"{model['n_embd']:,}"],
        ["heads", f"{model['n_head']:,}, {model['n_kv_head']:,} for keys and values"],
        ["vocabulary", f"{model['vocab_size']:,} tokens"],
        ["context", f"{model['sequence_len']:,} tokens"],
        ["windows", one_line(str(model.get("window_pattern", NONE)))],
        ["extras", listing(extras) if extras else "none"],
        ["parameters", f"{run.config['parameters']:,}"],
        ["operations a token", f"{run.config['flops_per_token']:,} to learn from it"],
    ]


# ---- a column for each stage ----


def batch(stage: StageRun) -> str:
    """What a step takes."""
    settings = stage.settings
    if stage.stage == RL:
        return f"{settings.get('prompts')} questions × {settings.get('samples')} replies"
    context = int(stage.model["sequence_len"])
    size = int(settings["batch_size"])
    return f"{size:,} × {context:,} = {size * context:,} tokens"


def learnt(stage: StageRun) -> str:
    """From what."""
    if stage.stage == BASE:
        return one_line(str(stage.config.get("corpus", {}).get("name", NONE)))
    return ", ".join(f"{count:,} {name}" for name, count in parts(stage).items()) or NONE


def precision(stage: StageRun) -> str:
    """What is multiplied, and how."""
    settings = stage.settings
    words = ["FP8" if settings.get("fp8") else str(settings.get("dtype"))]
    words += ["compiled"] if settings.get("compile") else []
    return ", ".join(words)


def memory(stage: StageRun) -> str:
    """The most that was held."""
    most = max((value for _, value in stage.series("memory_bytes")), default=None)
    return NONE if most is None else f"{most / 2**30:.2f} GiB"


def setting(name: str) -> Callable[[StageRun], str]:
    """A setting as it is."""
    return lambda stage: one_line(str(stage.settings.get(name, NONE)))


def version(name: str) -> Callable[[StageRun], str]:
    """The version of what it was made with."""
    return lambda stage: one_line(str(stage.config["made_with"].get(name, NONE)))


TRAINING: Mapping[str, Callable[[StageRun], str]] = {
    "run": lambda stage: stage.name,
    "learns from": learnt,
    "a step": batch,
    "steps": lambda stage: f"{stage.steps:,} of {stage.steps_planned:,}",
    "tokens": lambda stage: large(stage.tokens),
    "warm-up": lambda stage: plural(int(stage.settings.get("warmup_steps") or 0), "step"),
    "warm-down": lambda stage: f"{100 * float(stage.settings.get('warmdown') or 0):.0f} % of the steps",
    "seed": setting("seed"),
    "precision": precision,
}
MACHINE: Mapping[str, Callable[[StageRun], str]] = {
    "machine": lambda stage: one_line(stage.device),
    "processes": lambda stage: str(stage.config["machine"].get("processes", 1)),
    "memory, at most": memory,
    "nanochat": version("nanochat"),
    "torch": version("torch"),
    "Python": version("python"),
}


def stage_table(name: str, rows: Mapping[str, Callable[[StageRun], str]], report: Report) -> Table:
    """Rows that each stage has a value for."""
    found = [[label, *(shown(stage, value) for stage in report.stages)] for label, value in rows.items()]
    return Table(name, ["", *heads(report)], found, words=True)


def shown(stage: StageRun, value: Callable[[StageRun], str]) -> str:
    """A value; settings of another version of nanochat may be of another kind."""
    if stage.gone:
        return GONE
    try:
        return value(stage)
    except (TypeError, ValueError, KeyError, AttributeError):
        return NONE


def rates_blocks(report: Report) -> list[Block]:
    """The learning rate of each group of parameters: the highest, and that of the last step."""
    stages = [stage for stage in report.present if any(line.rates for line in stage.lines)]
    groups = list(dict.fromkeys(name for stage in stages for line in stage.lines for name in line.rates))
    if not groups:
        return []
    rows = [[name.replace("_", " "), *(rate(stage, name) for stage in report.stages)] for name in groups]
    title = "Learning rates, from the highest to the last"
    return [Heading(3, title), Table(title, ["", *heads(report)], rows)]


def rate(stage: StageRun, group: str) -> str:
    """Of one group: AdamW's, but Muon's for the matrices."""
    found = [line.rates[group] for line in stage.lines if group in line.rates]
    return f"{three_digits(max(found))} → {three_digits(found[-1])}" if found else NONE


# ---- again ----


def again_blocks(report: Report) -> list[Block]:
    """The commands that train the same model."""
    entries = [(stage.stage.upper(), train_command(stage.config, stage.name)) for stage in report.present]
    return [Heading(2, "Make it again"), Commands(entries), Paragraph(" ".join(needed(report)))]


def needed(report: Report) -> list[str]:
    """What the commands must find."""
    found = []
    for stage in report.present:
        corpus: Any = stage.config.get("corpus")
        if isinstance(corpus, dict):
            found.append(f"the corpus {corpus.get('name')} ({fingerprint(corpus)})")
    tokenizer = report.run.config["tokenizer"]
    found.append(
        f"the tokenizer {tokenizer.get('name')} of {report.run.model['vocab_size']:,} tokens "
        f"({fingerprint(tokenizer)})"
    )
    return [
        f"They need {one_line(listing(found))}; another text or vocabulary makes another model.",
        "On the same machine, with the same versions, they come to the same figures or very near; others add "
        "numbers up in another order.",
    ]


def fingerprint(thing: Mapping[str, Any]) -> str:
    """What tells a text or a tokenizer from others."""
    return f"fingerprint {str(thing.get('fingerprint', 'unknown'))[:HASH_SHOWN]}"
