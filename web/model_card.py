"""The figures, tables and examples of the model card: all of them from the packed model's own files.

Only JSON is read, so that a page is made without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from nanochat.data.tasks.catalogue import CATALOGUE
from nanochat.data.tasks.grading import final_number, spelled_word
from nanochat.evaluation.report.markdown import escape
from nanochat.evaluation.table import in_words
from web import laptop_run
from web.performance import markdown_table

FOLDER = Path(__file__).resolve().parent.parent / "site_docs" / "browser"
STAGES = {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning"}
ANSWERS = [(stage, name) for stage, name in STAGES.items() if stage != "base"]
SHOWN = 6  # examples of what it does not know
KINDS = {
    "arithmetic": "a sum", "letters": "letters", "story": "a story", "everyday": "everyday talk",
    "completion": "the beginning of a text",
}  # fmt: skip


def read(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """One of the packed model's JSON files.

    >>> read("config.json")["format"]
    'nanochat-packed-model'
    """
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


# ---- what it is ----


def size(folder: Path = FOLDER) -> str:
    """Its shape, in a table of two columns."""
    about, model = read("config.json", folder), read("config.json", folder)["model"]
    weights = (folder / "weights.safetensors").stat().st_size
    vocabulary = f"{model['vocab_size']:,} tokens, learned from the text of pretraining"
    heads = f"{model['n_layer']} layers, {model['n_embd']} channels, {model['n_head']} heads"
    return markdown_table(
        [
            ["part", "of this model"],
            ["parameters", f"{about['parameters']:,}"],
            ["shape", heads],
            ["vocabulary", vocabulary],
            ["reads at most", f"{model['sequence_len']:,} tokens"],
            ["weights", f"{weights / 1e6:.1f} MB: 8 bits each, and a scale for every row"],
        ]
    ).replace("---:", "---")


def mixture(folder: Path = FOLDER) -> str:
    """The conversations of fine-tuning and the questions of reinforcement learning: what, how many."""
    lines = [["stage", "task", "what it is", "examples"], ["---", "---", "---", "---:"]]
    for stage in ("sft", "rl"):
        text = read("config.json", folder)["runs"].get(stage, {}).get("text", {})
        for task, count in text.get("mixture", {}).items():
            about = CATALOGUE[task].description if task in CATALOGUE else ""
            lines.append([STAGES[stage], f"`{task}`", escape(about), f"{count:,}"])
    return rows(lines)


def recipe(folder: Path = FOLDER) -> str:
    """A row for each stage: its run, its steps, what it read, its seed, its time."""
    about = read("config.json", folder)
    lines = [["stage", "steps", "tokens", "seed", "numbers", "machine", "minutes"]]
    lines.append(["---", "---:", "---:", "---:", "---", "---", "---:"])
    clock = {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement"}
    for stage, run in about["runs"].items():
        seconds = about["seconds"].get(clock[stage])
        lines.append(
            [
                STAGES[stage],
                f"{run['step']:,}",
                f"{run['total_tokens']:,}",
                f"{run['settings']['seed']}",
                run["settings"]["dtype"],
                run["machine"]["device"],
                "" if seconds is None else f"{seconds / 60:.1f}",
            ]
        )
    total = sum(about["seconds"].values())
    lines.append(["all, with text and evaluation", "", "", "", "", "", f"{total / 60:.1f}" if total else ""])
    return rows(lines)


def commands(folder: Path = FOLDER) -> str:
    """The command of each stage as it was typed, in a fence."""
    runs = read("config.json", folder)["runs"]
    lines = [f"nanochat train {stage} {flags(run['asked'])}" for stage, run in runs.items()]
    return "```bash\n" + "\n".join(lines) + "\n```"


def flags(asked: Mapping[str, Any]) -> str:
    """What was asked for, as flags.

    >>> flags({"head_dim": 64, "compile": False, "fp8": True})
    '--head-dim 64 --no-compile --fp8'
    """
    words = []
    for name, value in asked.items():
        flag = name.replace("_", "-")
        words.append(
            f"--{flag}" if value is True else f"--no-{flag}" if value is False else f"--{flag} {value}"
        )
    return " ".join(words)


# ---- how good it is ----


def bits_per_byte(folder: Path = FOLDER) -> str:
    """Bits per byte of the base model, beside the laptop's run, and of the last one in 32 and in 8 bits."""
    scores = read("scores.json", folder)
    base = score_of(scores["runs"].get("base", []), "bpb")
    laptop = json.loads(next(laptop_run.run_of("base").glob("evaluations/*-bpb.json")).read_bytes())
    lines = [["model", "numbers", "bytes read", "bits per byte"], ["---", "---", "---:", "---:"]]

    def add(model: str, bits: int, n_bytes: int, value: float) -> None:
        lines.append([model, f"{bits} bits", f"{n_bytes:,}", f"{value:.4f}"])

    if base is not None:
        add("after pretraining", 32, base["n"], base["value"])
    add(f"[the laptop's run]({LAPTOP}), after pretraining", 32, laptop["n"], laptop["value"])
    if measured := scores["bits_per_byte"]:
        add("after all stages", 32, measured["bytes"], measured["fp32"])
        add("after all stages, as the page has it", 8, measured["bytes"], measured["int8"])
    return rows(lines)


LAPTOP = "../laptop-run/"


def task_scores(folder: Path = FOLDER) -> str:
    """Held-out accuracy of each task after fine-tuning, after reinforcement learning, and in 8 bits."""
    scores = read("scores.json", folder)
    columns = {f"after {name}": scores["runs"][stage] for stage, name in ANSWERS if stage in scores["runs"]}
    columns["in 8 bits, as the page has it"] = scores["int8"]
    tasks = dict.fromkeys(
        one["task"] for column in columns.values() for one in column if one["accuracy"] is not None
    )
    lines = [["task", *columns, "questions"], ["---", *("---:" for _ in columns), "---:"]]
    for task in tasks:
        found = [score_of(column, task) for column in columns.values()]
        counts = {f"{one['n']:,}" for one in found if one is not None}
        lines.append([f"`{task}`", *(accuracy(one) for one in found), " and ".join(sorted(counts))])
    return rows(lines)


def score_of(scores: Sequence[Mapping[str, Any]], task: str) -> Mapping[str, Any] | None:
    """The score of a task, or None."""
    return next((one for one in scores if one["task"] == task), None)


def accuracy(score: Mapping[str, Any] | None) -> str:
    """An accuracy and how sure it is.

    >>> accuracy({"accuracy": 0.975, "error": 0.011}), accuracy(None)
    ('97.5 % ± 1.1', '')
    """
    return "" if score is None else f"{100 * score['accuracy']:.1f} % {in_words(score)}"


def rounding(folder: Path = FOLDER) -> str:
    """What 8 bits have changed, in a sentence."""
    found = read("expected.json", folder)["rounding"]
    return (
        f"Of {found['texts']} greedy texts, {found['equal_texts']} are the same in 8 bits. Along "
        f"the texts of the 32-bit model, no probability of the five likeliest tokens differs by more than "
        f"{found['largest_difference']:.3f}."
    )


# ---- what it writes ----


def samples(folder: Path = FOLDER) -> str:
    """The first text of each kind, as the model in 8 bits writes it."""
    texts = read("expected.json", folder)["texts"]
    firsts = {one["kind"]: one for one in reversed(texts)}
    lines = [["kind", "prompt", "it writes"], ["---", "---", "---"]]
    lines += [[name, cell(firsts[kind]["text"]), in_full(firsts[kind])] for kind, name in KINDS.items()]
    return rows(lines)


def failures(folder: Path = FOLDER) -> str:
    """Questions that it answered wrongly, of the fifty prompts and of the evaluations, and what it wrote."""
    texts = read("expected.json", folder)["texts"]
    wrong = [(one["text"], in_full(one), one["answer"]) for one in texts if is_wrong(one)]
    found = interleaved([wrong, list(wrong_replies(read("scores.json", folder)))])[:SHOWN]
    lines = [["question", "it writes", "right"], ["---", "---", "---"]]
    lines += [[cell(question), reply, cell(answer)] for question, reply, answer in found]
    return rows(lines)


def is_wrong(text: Mapping[str, Any]) -> bool:
    """Whether a text has a right answer, came to its end, and does not give it.

    >>> is_wrong({"answer": "12", "int8": {"finish": "stop", "text": "It is 13."}})
    True
    >>> is_wrong({"answer": "a p p l e", "int8": {"finish": "stop", "text": "a p p l e"}})
    False
    """
    answer, written = text["answer"], text["int8"]
    if not answer or written["finish"] != "stop":
        return False
    if answer.isdecimal():
        return final_number(written["text"]) != Fraction(answer)
    return spelled_word(written["text"]) != spelled_word(answer)


def wrong_replies(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Of the replies that the evaluations kept of the model in 8 bits, the wrong ones."""
    for score in scores["int8"]:
        for one in score["replies"]:
            if one["worth"] == 0:
                called = [part["text"] for part in one.get("parts", []) if part["type"] == "python"]
                yield one["question"], shown(one["reply"], called), one["answer"]


def interleaved(lists: Sequence[Sequence[Any]]) -> list[Any]:
    """One of each in turn.

    >>> interleaved([[1, 2, 3], ["a"]])
    [1, 'a', 2, 3]
    """
    longest = max(map(len, lists), default=0)
    return [one[place] for place in range(longest) for one in lists if place < len(one)]


def in_full(text: Mapping[str, Any]) -> str:
    """What the model in 8 bits wrote to a prompt, with its calls; cut where it was not at its end."""
    written = text["int8"]
    called = [words for kind, words in written["calls"] if kind == "python"]
    return shown(written["text"], called) + (" …" if written["finish"] == "length" else "")


def shown(reply: str, called: Sequence[str]) -> str:
    """A reply in a table's cell, with what it asked the calculator.

    >>> shown("444", ["37*12"])
    '444 (asked the calculator: 37\\\\*12)'
    """
    asked = f" (asked the calculator: {'; '.join(map(cell, called))})" if called else ""
    return f"{cell(reply.strip()) or 'nothing'}{asked}"


def cell(text: str) -> str:
    """Any text, safe in a table's cell."""
    return escape(text).replace("\n", " / ")


def rows(lines: Sequence[Sequence[str]]) -> str:
    """A table whose second line says how columns are aligned."""
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
