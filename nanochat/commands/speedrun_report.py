"""What came of a run, in words: `report.md` in its folder, and the same on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanochat.train import run_files
from nanochat.train.progress import in_words, one_line

REPORT = "report.md"


def tell(folder: Path, times: Mapping[str, float]) -> None:
    """Write the report of a run, and print it."""
    config = run_files.read_json(folder / run_files.CONFIG)
    metrics = run_files.read_lines(folder / run_files.METRICS)
    samples = run_files.read_lines(folder / run_files.SAMPLES)
    text = report(folder.name, config, metrics, samples, times)
    (folder / REPORT).write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten: {folder / REPORT}", flush=True)


def report(
    name: str, config: Mapping[str, Any], metrics: list[dict[str, Any]], samples: list[dict[str, Any]],
    times: Mapping[str, float],
) -> str:  # fmt: skip
    """The report as Markdown.

    >>> config = {
    ...     "model": {"n_layer": 4, "n_embd": 256},
    ...     "parameters": 7_340_000,
    ...     "corpus": {"name": "classics"},
    ...     "tokenizer": {"name": "small", "vocab_size": 4_096},
    ...     "machine": {"device": "CPU, 2 cores"},
    ... }
    >>> metrics = [{"step": 1, "tokens": 8_192, "loss": 8.3, "tokens_per_second": 3_000.0, "val_bpb": 4.1}]
    >>> samples = [{"step": 1, "prompt": "To be", "text": " or not"}]
    >>> print(report("speedrun-laptop", config, metrics, samples, {"pretraining": 431.0}))
    # speedrun-laptop
    <BLANKLINE>
    - model: 4 layers of width 256, 7.3 million parameters
    - text: 8,192 tokens of classics, cut by small (4,096 tokens)
    - machine: CPU, 2 cores; 3,000 tokens a second
    - validation: 4.1000 bits per byte
    - time: 7:11 (pretraining 7:11)
    <BLANKLINE>
    ## Bits per byte
    <BLANKLINE>
    | step | tokens | val bpb |
    | --- | --- | --- |
    | 1 | 8,192 | 4.1000 |
    <BLANKLINE>
    ## What it writes
    <BLANKLINE>
    - **To be** or not
    <BLANKLINE>
    """
    last, model, tokenizer = metrics[-1], config["model"], config["tokenizer"]
    evaluated = [line for line in metrics if "val_bpb" in line]
    speeds = sorted(line["tokens_per_second"] for line in metrics)
    lines = [
        f"# {name}",
        "",
        f"- model: {model['n_layer']} layers of width {model['n_embd']}, "
        f"{config['parameters'] / 1e6:,.1f} million parameters",
        f"- text: {last['tokens']:,} tokens of {config['corpus']['name']}, "
        f"cut by {tokenizer['name']} ({tokenizer['vocab_size']:,} tokens)",
        f"- machine: {config['machine']['device']}; {speeds[len(speeds) // 2]:,.0f} tokens a second",
    ]
    if evaluated:
        lines.append(f"- validation: {evaluated[-1]['val_bpb']:.4f} bits per byte")
    if times:
        each = ", ".join(f"{stage} {in_words(spent)}" for stage, spent in times.items())
        lines.append(f"- time: {in_words(sum(times.values()))} ({each})")
    if evaluated:
        lines += ["", "## Bits per byte", "", "| step | tokens | val bpb |", "| --- | --- | --- |"]
        lines += [f"| {one['step']:,} | {one['tokens']:,} | {one['val_bpb']:.4f} |" for one in evaluated]
    written = [sample for sample in samples if sample["step"] == samples[-1]["step"]]
    if written:
        lines += ["", "## What it writes", ""]
        lines += [
            f"- **{one_line(sample['prompt'])}**{one_line(sample['text'], cut=False)}" for sample in written
        ]
    return "\n".join(lines) + "\n"
