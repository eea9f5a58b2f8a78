"""The tables of the page about performance, made from the saved results in `benchmarks/`.

`nanochat bench … --out benchmarks/NAME.json` saves a result with its machine and its command. Nothing on the
page is typed by hand, so a figure can always be traced to a command that anybody can run again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nanochat.commands import bench_infer, bench_loader, bench_serve, bench_tokenizer, bench_train
from nanochat.commands.measure import machine, result

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks"
COLUMNS = {
    "train": bench_train.COLUMNS,
    "tokenizer": bench_tokenizer.COLUMNS,
    "loader": bench_loader.COLUMNS,
    "infer": bench_infer.COLUMNS,
    "serve": bench_serve.COLUMNS,
}


def tables(kind: str, folder: Path = RESULTS) -> str:
    """The Markdown of all results of one kind, each with its machine and its command."""
    found = results(kind, folder)
    if not found:
        raise ValueError(f"{folder} has no result of `nanochat bench {kind}`; make one with --out")
    return "\n\n".join(section(one) for one in found) + "\n"


def results(kind: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The saved results of one kind, by the name of their file."""
    every = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [one for one in every if isinstance(one, dict) and one.get("kind") == kind]


def section(found: Mapping[str, Any]) -> str:
    """One result: what was measured and where, the command, the table."""
    where = f"{machine.in_words(found['machine'])}; measured on {found['date']}."
    table = markdown_table(result.cells(found["results"], COLUMNS[found["kind"]]))
    return f"**{what(found['settings'])}**\n{where}\n\n```bash\n{found['command']}\n```\n\n{table}"


def what(settings: Mapping[str, Any]) -> str:
    """What was measured, in a few words.

    >>> what({"corpus": "classics", "batch_size": 8, "seq_len": 512, "workers": None})
    'Corpus classics, batches of 8 × 512 tokens.'
    """
    if "n_layer" in settings:
        length = (
            f"prompts of {settings['prompt']:,} tokens, {settings['steps']} more of each timed,"
            if "prompt" in settings
            else f"steps of {settings['batch_size']} × {settings['sequence_len']:,} tokens"
        )
        return (
            f"d{settings['n_layer']}, width {settings['n_embd']}, {settings['n_head']} heads, vocabulary "
            f"{settings['vocab_size']:,}: {settings['parameters'] / 1e6:.1f} million parameters; {length} "
            f"in {settings['dtype']}."
        )
    if "clients" in settings:
        return (
            f"{settings['clients']} clients for {settings['seconds']} seconds, answers of at most "
            f"{settings['max_tokens']} tokens, {settings['rows']} written at a time."
        )
    batches = ""
    if "seq_len" in settings:
        batches = f", batches of {settings['batch_size']} × {settings['seq_len']:,} tokens"
    return f"Corpus {settings['corpus']}{batches}."


def markdown_table(lines: Sequence[Sequence[str]]) -> str:
    """A table; all columns but the first are figures.

    >>> print(markdown_table([["mode", "tokens/s"], ["eager", "1,960"]]))
    | mode | tokens/s |
    | --- | ---: |
    | eager | 1,960 |
    """
    head, *body = lines
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *body))
