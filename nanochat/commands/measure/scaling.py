"""Is the scale model right? Real training steps of 1, 2 and 4 processes on this CPU, beside what it predicts.

    python -m nanochat.commands.measure.scaling --out benchmarks/scaling-cpu.json

Each process has one thread. Measured apart: the passes through the model, the whole update, and how long gloo
takes to add up numbers of two sizes. From these and nothing else `nanochat.train.scaling` predicts a step,
which is measured too. All processes do the same at the same time, also what they do apart: processes on one
machine share its memory and, if there are more than cores, take turns, which GPUs do not. A core either
computes or copies, so nothing overlaps.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nanochat.commands.measure import machine
from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_flops
from nanochat.train.links import Cluster, Link
from nanochat.train.scaling import split_step, update_seconds

PROCESSES = (1, 2, 4)
SEQUENCES = (1, 2, 8)  # of each process; the fewer, the more of a step is spent on sending
CONFIG = GPTConfig(
    n_layer=4, n_embd=256, n_head=4, n_kv_head=4, vocab_size=4_096, sequence_len=128, window_pattern="L"
)
SIZES = (2**18, 2**23)  # numbers of four bytes that are added up
REPEATS = 20  # in turns, so that whatever else the machine does slows all of them alike
FP32 = 4


def typical(actions: dict[str, Callable[[], object]], together: Callable[[], object]) -> dict[str, float]:
    """Seconds of each action until the last process is done: the middle one of many goes, in turns."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(REPEATS + 1):
        for name, action in actions.items():
            together()
            start = time.perf_counter()
            action()
            together()
            found[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds[1:]) for name, seconds in found.items()}  # the first one warms up


def measure_here() -> list[dict[str, float]]:
    """What one of the processes measures: a row for each number of sequences."""
    import torch
    import torch.distributed as dist

    from nanochat.model.gpt import GPT
    from nanochat.train.depth_dial import plan_for
    from nanochat.train.distributed import join_world
    from nanochat.train.optimizer import make_optimizer
    from nanochat.train.schedule import Schedule

    with join_world() as world:
        torch.set_num_threads(1)
        point = Schedule(100, weight_decay=0.1).at(50)
        model, apart = GPT(CONFIG).initialize(0), GPT(CONFIG).initialize(0)
        shared = make_optimizer(model, plan_for(CONFIG), process_group=world.machine)
        whole = make_optimizer(apart, plan_for(CONFIG))
        wrapped = world.wrap(model)
        small, large = (torch.zeros(size) for size in SIZES)
        rows = []
        for sequences in SEQUENCES:
            ids_BT = torch.randint(0, CONFIG.vocab_size, (sequences, CONFIG.sequence_len))

            def passes(model: torch.nn.Module, ids_BT: torch.Tensor = ids_BT) -> None:
                model.zero_grad()
                (model(ids_BT, ids_BT) / ids_BT.numel()).backward()

            def step(passes: Callable[[torch.nn.Module], None] = passes) -> None:
                passes(wrapped)
                shared.step(point)

            actions: dict[str, Callable[[], object]] = {
                "passes": functools.partial(passes, apart),
                "update": lambda: whole.step(point),
                "step": step,
            }
            if world.size > 1:
                actions["small"] = lambda: dist.all_reduce(small)
                actions["large"] = lambda: dist.all_reduce(large)
            rows.append({"sequences": sequences, **typical(actions, world.wait_for_all)})
        return rows


def run_processes(count: int) -> list[dict[str, float]]:
    """Start so many processes through torchrun, and return what the first of them measured."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TORCHELASTIC_LOG_LEVEL": "ERROR"}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}",
         "-m", "nanochat.commands.measure.scaling", "--worker"],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    rows: list[dict[str, float]] = json.loads(done.stdout[done.stdout.index("[{") :])
    return rows


def measure() -> dict[str, Any]:
    """Everything, as it is saved."""
    return {
        "kind": "scaling",
        "command": "python -m nanochat.commands.measure.scaling --out benchmarks/scaling-cpu.json",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine.describe() | {"threads": 1},
        "settings": {"model": CONFIG.to_dict(), "repeats": REPEATS},
        "results": {str(count): run_processes(count) for count in PROCESSES},
    }


def compare(saved: dict[str, Any]) -> list[dict[str, float]]:
    """Predicted and measured seconds of every kind of step."""
    config = GPTConfig.from_dict(saved["settings"]["model"])
    return [
        {"processes": int(count), **predict(config, int(count), row), "measured": row["step"]}
        for count, rows in saved["results"].items()
        for row in rows
    ]


def predict(config: GPTConfig, processes: int, row: dict[str, float]) -> dict[str, float]:
    """The parts of a step, from passes and update as they are apart and the time of two all-reduces.

    >>> row = {"sequences": 1, "passes": 0.1, "update": 0.05, "small": 0.001, "large": 0.033}
    >>> predicted = predict(CONFIG, 2, row)
    >>> predicted["passes"], round(predicted["gradients"], 2), round(predicted["update"], 3)
    (0.1, 0.03, 0.025)
    """
    tokens = int(row["sequences"]) * config.sequence_len
    cluster = Cluster(
        gpus=processes,
        peak_flops=count_flops(config).total * tokens / row["passes"],
        mfu=1.0,
        per_node=processes,
        inside=fit_link(processes, row["small"], row["large"]) if processes > 1 else Link("none", 1.0, 0.0),
        overlaps=False,
    )
    step = split_step(config, tokens * processes, cluster, "machine", table_bytes=FP32)
    share = update_seconds(config, cluster, "machine", FP32) / update_seconds(config, cluster, "whole", FP32)
    step = replace(step, update=row["update"] * share)
    return {
        "sequences": row["sequences"], "passes": step.passes, "gradients": step.gradients,
        "update": step.update, "weights": step.weights, "predicted": step.total,
    }  # fmt: skip


def fit_link(processes: int, small: float, large: float) -> Link:
    """The link with which the model gives the measured seconds of two all-reduces, of `SIZES` numbers.

    >>> round(fit_link(2, 0.001, 0.033).bandwidth / 1e9, 2)  # GB a second
    1.02
    """
    few, many = (FP32 * size for size in SIZES)
    seconds_a_byte = (large - small) / (many - few)
    bandwidth = 2 * (processes - 1) / processes / seconds_a_byte
    latency = max(0.0, small - few * seconds_a_byte) / (2 * (processes - 1))
    return Link("gloo", bandwidth, latency)


def main() -> None:
    """Measure, say, save; as a worker, only measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="where to save the result as JSON")
    options = parser.parse_args()
    if options.worker:
        found = measure_here()
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(found))
        return
    saved = measure()
    for row in compare(saved):
        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()))
    if options.out:
        options.out.write_text(json.dumps(saved, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
