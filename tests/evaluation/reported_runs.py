"""Folders of runs with chosen content, for the tests of reports: a base run, and what grew from it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nanochat.evaluation import results
from nanochat.evaluation.results import EvaluationResult
from nanochat.evaluation.task_result import TaskResult, mean_centred
from nanochat.home import run_folder
from nanochat.model.config import GPTConfig

MODEL = GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=400, sequence_len=64)
STAGES = {"base": None, "sft": "base", "rl": "sft"}  # each run is called as its stage
STEPS = 20


def line(step: int, **figures: Any) -> dict[str, Any]:
    """A line of metrics; a figure that is None is left out."""
    found = {
        "step": step, "tokens": 256 * step, "loss": 6.0 - step / 10, "seconds": 0.5, "mfu": 0.25,
        "lr": {"matrices": 0.02 * min(1, step / 4), "head": 0.004 * min(1, step / 4)},
        "grad_norm": 0.3, "tokens_per_second": 512.0, "memory_bytes": 2**30, **figures,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def lines_of(stage: str, steps: int = STEPS) -> list[dict[str, Any]]:
    """The lines of a whole run, the last one with an evaluation."""
    own = {"reward": 0.5, "reply_tokens": 12.0} if stage == "rl" else {}
    found = [line(step, **own) for step in range(1, steps + 1)]
    found[-1]["val_accuracy" if stage == "rl" else "val_bpb"] = 0.75 if stage == "rl" else 1.5
    return found


def config_of(stage: str, name: str, **changes: Any) -> dict[str, Any]:
    """A `config.json`."""
    start = STAGES[stage]
    asked = {"depth": 2} if start is None else {"from_run": start}
    found: dict[str, Any] = {
        "name": name, "stage": stage, "asked": {**asked, "name": name},
        "settings": {
            "steps": STEPS, "batch_size": 4, "dtype": "fp32", "compile": False, "seed": 7, "warmup_steps": 2,
            "warmdown": 0.65, "eval_tokens": 1_000, "prompts": 4, "samples": 8,
        },
        "model": MODEL.to_dict(), "parameters": 120_000, "flops_per_token": 700_000,
        "tokenizer": {"name": "small", "fingerprint": "f5" * 32, "vocab_size": 400},
        "machine": {"device": "CPU, 2 cores", "processes": 1},
        "made_with": {"nanochat": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
    }  # fmt: skip
    if start is None:
        found["corpus"] = {"name": "whales", "fingerprint": "0e" * 32, "text_bytes": 1_000_000}
    else:
        found["text"] = {"mixture": {"arithmetic": 200, "spelling": 100}}
        found["origin"] = {"run": start, "stage": start, "step": STEPS, "sha256": f"{start}-weights"}
    return found | changes


def put_run(
    stage: str,
    name: str | None = None,
    *,
    lines: Iterable[Mapping[str, Any]] | None = None,
    samples: Iterable[tuple[str, str]] = (("What is 2 + 3? ", "5"), ("Who are you? ", "I am small.")),
    folder: Path | None = None,
    **changes: Any,
) -> Path:
    """Write a run's folder, with what its last checkpoint says of itself."""
    folder = folder or run_folder(name or stage)
    checkpoint = folder / "checkpoints" / f"step_{STEPS:06d}"
    checkpoint.mkdir(parents=True)
    (checkpoint / "meta.json").write_text(
        json.dumps({"files": {"model.safetensors": f"{stage}-weights"}}), encoding="utf-8"
    )
    (folder / "config.json").write_text(
        json.dumps(config_of(stage, folder.name, **changes)), encoding="utf-8"
    )
    put_lines(folder / "metrics.jsonl", lines_of(stage) if lines is None else lines)
    put_lines(
        folder / "samples.jsonl", [{"step": STEPS, "prompt": asked, "text": text} for asked, text in samples]
    )
    return folder


def put_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")


def put_chain() -> Path:
    """A run of each stage; the folder of the last."""
    return [put_run(stage) for stage in STAGES][-1]


def put_score(
    stage: str, task: str, correct: float, n: int, chance: float = 0.0, step: int = STEPS, **changes: Any
) -> EvaluationResult:
    """The result of a task in the folder of the run of a stage."""
    found = TaskResult(task, correct, n, chance)
    result = EvaluationResult(**{
        "run": stage, "stage": stage, "step": step, "checkpoint": f"{stage}-weights", "task": task,
        "metric": "accuracy", "value": found.accuracy, "error": found.standard_error, "n": n,
        "command": f"nanochat eval --run={stage} --step={step} --tasks={task} --seed=0", "correct": correct,
        "accuracy": found.accuracy, "chance": chance, "centred": found.centred,
        "centred_error": found.centred_estimate.error, "interval": found.interval, "split": "test", **changes,
    })  # fmt: skip
    results.write(run_folder(stage), result)
    return result


def put_core(*tasks: tuple[str, float, int, float], stage: str = "base") -> EvaluationResult:
    """CORE, from its tasks: (name, correct, n, chance)."""
    parts = [TaskResult(*one) for one in tasks]
    mean = mean_centred(parts)
    result = EvaluationResult(
        run=stage, stage=stage, step=STEPS, checkpoint=f"{stage}-weights", task="core",
        metric="mean centred accuracy", value=mean.value, error=mean.error, n=sum(one.total for one in parts),
        command=f"nanochat eval --run={stage} --step={STEPS} --tasks=core",
        parts=tuple(one.to_dict() for one in parts),
    )  # fmt: skip
    results.write(run_folder(stage), result)
    return result
