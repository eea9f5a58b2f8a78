"""The calculator's figures worked out once more, from the facts and without its code; its smaller words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import pytest

from nanochat import cli
from nanochat.model.shape import Shape
from tools.calculator.command_section import FIRST, launcher
from tools.core.html import render_html
from tools.core.json_report import figures
from tools.core.report import Report, Row, Rows
from tools.core.terminal import render_terminal
from tools.model_calculator import TOOL

GIB = 2**30
GPUS = {"H100": (989e12, 80), "RTX4090": (165.2e12, 24), "L4": (121e12, 24)}
VOCABULARY, CONTEXT, HEAD = 32_768, 2_048, 128


def sizes(depth: int) -> dict[str, int]:
    """Parameters and operations of this project's GPT, by the description of the architecture."""
    width = -(-64 * depth // HEAD) * HEAD
    value_layers = (depth + 1) // 2
    windows = [CONTEXT if layer % 4 == 3 or layer == depth - 1 else 512 for layer in range(depth)]
    matrices = 12 * depth * width**2 + value_layers * 12 * (width // HEAD)
    table = VOCABULARY * width
    operations = 6 * (matrices + table + 24) + 12 * width * sum(windows)
    return {
        "width": width, "matrices": matrices, "head": table, "tables": table * (1 + value_layers),
        "small": 2 * depth + 25 + 1, "operations": operations, "value_layers": value_layers,
    }  # fmt: skip


def held(depth: int, batch: int, gpus: int, checkpointing: bool, sharding: str) -> int:
    """Bytes of one GPU in training."""
    own = sizes(depth)
    matrices, head, tables, small, width = (
        own[name] for name in ("matrices", "head", "tables", "small", "width")
    )
    whole, state = (gpus if sharding == "all" else 1), (1 if sharding == "none" else gpus)
    weights = -(-4 * (matrices + head + small + tables) // whole)
    moments = sum(-(-size // state) for size in (4 * matrices, 8 * head, 8 * tables, 8 * small))
    copies = 2 * ((matrices // depth if sharding == "all" else matrices) + head)
    a_layer = 19 * width + width * own["value_layers"] // depth
    kept = depth * width + a_layer if checkpointing else depth * a_layer
    tokens = batch * CONTEXT
    loss = 4 * min(tokens, 2**27 // VOCABULARY) * VOCABULARY + 4 * head + 2 * tokens * width
    return 2 * weights + moments + copies + 2 * tokens * kept + loss


@pytest.mark.parametrize("depth", [1, 2, 5, 12, 20])
@pytest.mark.parametrize(("gpu", "gpus"), [("H100", 1), ("RTX4090", 8), ("L4", 2)])
def test_memory_and_what_just_fits(depth: int, gpu: str, gpus: int) -> None:
    usable = int(GPUS[gpu][1] * GIB * 0.9)
    for checkpointing, sharding in product((False, True), ("none", "optimizer", "all")):
        asked = {"arch": "nanochat", "depth": depth, "gpu": gpu, "gpus": gpus}
        memory = figures(TOOL.ask(**asked, checkpointing=checkpointing, sharding=sharding))["gpu_memory"]
        rest = (gpus, checkpointing, sharding)
        assert memory["total"] == held(depth, int(str(memory["device_batch_size"])), *rest)
        batch, deepest = int(str(memory["largest_batch"])), int(str(memory["largest_depth"]))
        assert batch == 0 or held(depth, batch, *rest) <= usable
        assert held(depth, batch + 1, *rest) > usable
        assert deepest == 0 or held(deepest, 1, *rest) <= usable
        assert held(deepest + 1, 1, *rest) > usable


@pytest.mark.parametrize("depth", [1, 5, 12, 26])
def test_the_dial_time_and_money(depth: int) -> None:
    found = figures(TOOL.ask(arch="nanochat", depth=depth, gpu="l4", gpus=2, price=0.5, mfu=0.3))
    own, reference = sizes(depth), sizes(12)
    tokens = 12 * (own["matrices"] + own["head"])
    growth = tokens / (12 * (reference["matrices"] + reference["head"]))
    assert found["training"]["total_tokens"] == tokens
    assert found["training"]["tokens_per_batch"] == 2 ** round(math.log2(2**19 * growth**0.383))
    assert found["operations"]["per_token"] == own["operations"]
    seconds = tokens / (121e12 * 2 * 0.3 / own["operations"])
    assert found["time_and_money"]["seconds"] == pytest.approx(seconds)
    assert found["time_and_money"]["cost"] == pytest.approx(seconds / 3600 * 2 * 0.5)


def rows_of(report: Report) -> Iterator[tuple[str, Row]]:
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Rows):
                yield from ((section.key, row) for row in block.rows if not row.is_heading)


@pytest.mark.parametrize("asked", [{"preset": "gpt2-small"}, {"arch": "nanochat", "depth": 20, "gpus": 12}])
def test_three_faces_say_the_same(asked: dict[str, object]) -> None:
    report = TOOL.ask(**asked)
    terminal = " ".join(render_terminal(report, width=1_000).split())
    page, values = render_html(report), figures(report)
    for section, row in rows_of(report):
        assert " ".join(row.shown.split()) in terminal
        assert row.shown.replace("'", "&#39;") in page
        assert not row.key or values[section][row.key] == row.value


def test_what_the_command_needs_is_said_below_it() -> None:
    report = TOOL.ask(depth=4)
    assert figures(report)["command"]["first"] == FIRST
    terminal = render_terminal(report, width=120)
    install, *commands = FIRST.splitlines()
    assert install == "pip install -e '.[train,corpus]'"
    for words in FIRST.splitlines():
        assert f"  {words}\n" in terminal
        assert words.replace("'", "&#39;") in render_html(report)
    for words in commands:
        cli.check(words.split()[1:])


@pytest.mark.parametrize(
    "asked",
    [
        {"preset": "nanochat-d12", "seq_len": 512, "batch_size": 64, "checkpointing": True},
        {"arch": "nanochat", "depth": 4, "total_tokens": 10**6},
        {"arch": "nanochat", "depth": 20, "gpus": 16},
        {"preset": "gpt2-small"},
    ],
)
def test_the_trainer_takes_the_command(asked: dict[str, object]) -> None:
    command = str(figures(TOOL.ask(**asked))["command"]["train"])
    launched, _, words = command.partition(" -m nanochat ")
    assert launched.startswith("torchrun --")
    cli.check(words.split())


@pytest.mark.parametrize("gpus", [1, 3, 8, 9, 11, 12, 16, 100])
def test_torchrun_starts_one_process_for_each_gpu(gpus: int) -> None:
    words = dict(word.removeprefix("--").split("=") for word in launcher(gpus) if "=" in word)
    assert int(words.get("nnodes", 1)) * int(words["nproc_per_node"]) == gpus


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"throughput": 0.001}, "0.001 tokens/sec"),
        ({"mfu": 0.415}, "41.5% of the peak"),
        ({"price": 12345.67}, "·12345.67 ="),
        ({"total_tokens": 1}, "211.2 MegaFLOPs"),
        ({"gpus": 3}, "64 cannot be shared out evenly among 3 GPUs"),
        ({"depth": 1, "hidden_dim": 2, "heads": 1, "vocab_size": 1}, "10,000 layers or more"),
    ],
)
def test_small_and_odd_figures_keep_their_meaning(asked: dict[str, object], words: str) -> None:
    assert words in render_terminal(TOOL.ask(**asked), width=1_000, explain=True)


def test_the_command_holds_what_the_trainer_shares() -> None:
    commands = {
        sharding: str(figures(TOOL.ask(arch="nanochat", depth=20, gpus=8, gpu="RTX4090", sharding=sharding))
                      ["command"]["train"])
        for sharding in ("optimizer", "all", "none")
    }  # fmt: skip
    assert len(set(commands.values())) == 1


def test_rotary_heads_are_even() -> None:
    with pytest.raises(ValueError, match="head_dim=63 is odd"):
        Shape("llama", n_layer=1, n_embd=64, n_head=1, vocab_size=10, head_dim=63)


def test_every_gpu_of_the_table_with_time_and_money() -> None:
    found = figures(TOOL.ask(preset="llama-2-7b", gpu="A100", gpus=8))["time_and_money"]
    rows = {row["gpu"]: row for row in found["each_gpu"]}  # type: ignore[attr-defined]
    assert len(rows) == 11
    assert rows["A100"]["hours"] * 8 == pytest.approx(found["gpu_hours"])
    assert rows["A100"]["cost"] == pytest.approx(found["cost"])
    assert (rows["RTX4090"]["fits"], rows["B200"]["fits"]) == (False, True)
