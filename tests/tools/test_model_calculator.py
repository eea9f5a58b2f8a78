"""The model calculator: the known example to the letter, the brief's commands, and every bad question."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.presets import PRESETS
from tools.core.arguments import from_arguments, make_parser, read_arguments
from tools.core.command import main
from tools.core.html import render_html
from tools.core.json_report import figures, render_json
from tools.core.page import answer
from tools.core.terminal import render_terminal
from tools.model_calculator import TOOL

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "model_calculator.py"
GOLDEN = ROOT / "tests" / "tools" / "golden" / "model_calculator-nanochat-tiny.txt"

# The two corrections: sizes are GiB and say so; 16 bytes a parameter against 2 are eight times as much.
CORRECTIONS = {" GB": " GiB", "~4x more memory": "~8x more memory"}


def run(*arguments: str, bare: bool = True) -> subprocess.CompletedProcess[str]:
    """The script as a reader starts it: with a Python that has nothing but its standard library."""
    flags = ["-I", "-S"] if bare else []
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, *flags, "-X", "utf8", str(SCRIPT), *arguments],
        capture_output=True, text=True, encoding="utf-8", env=environment, cwd="/", timeout=60, check=False,
    )  # fmt: skip


def ask(**values: object) -> dict[str, dict[str, Any]]:
    """Every figure of an answer."""
    return figures(TOOL.ask(**values))


def corrected_golden() -> list[str]:
    text = GOLDEN.read_text(encoding="utf-8")
    for wrong, right in CORRECTIONS.items():
        assert wrong in text
        text = text.replace(wrong, right)
    return text.splitlines()


def test_the_known_example_line_by_line() -> None:
    done = run("--preset", "nanochat-tiny")
    assert (done.returncode, done.stderr) == (0, "")
    *golden, frame = corrected_golden()
    lines = done.stdout.splitlines()
    assert lines[: len(golden)] == golden
    assert lines[-1] == frame
    assert lines[len(golden)] == ""  # what the example did not have follows as sections of its own


def test_without_flags_it_is_the_same() -> None:
    assert run().stdout == run("--preset", "nanochat-tiny").stdout
    assert "".join(run("--heads", "5").stderr).startswith("model_calculator: error: --hidden-dim 384 is not")


@pytest.mark.parametrize(
    "command",
    [
        "--preset nanochat-tiny",
        "--preset gpt2-small",
        "--depth 12 --hidden-dim 768 --vocab-size 32000",
        "--preset gpt2-small --batch-size 32 --total-tokens 20000000000",
    ],
)
def test_commands_of_the_brief(command: str) -> None:
    done = run(*command.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert "TOTAL PARAMETERS" in done.stdout


def test_gpt2_small() -> None:
    assert "124,439,808 params" in run("--preset", "gpt2-small").stdout
    answered = json.loads(run("--preset", "gpt2-small", "--json").stdout)
    assert answered["sections"]["parameters"]["total"] == 124_439_808
    assert answered["sections"]["operations"]["per_token"] == 854_438_400


def test_depth_alone_sets_the_rest() -> None:
    found = ask(arch="nanochat", depth=20)
    assert found["configuration"]["hidden_dim"] == 1280
    assert found["training"]["total_tokens"] == 12 * 435_160_240
    assert found["training"]["tokens_per_batch"] == 2**20
    assert ask(preset="nanochat-d20") == found
    assert ask(preset="nanochat-tiny", arch="nanochat", depth=20) == found


def test_json_has_the_figures_of_the_terminal() -> None:
    found = ask(preset="nanochat-tiny")
    assert found["parameters"] == {
        "token_embedding": 12_288_000, "attention": 589_824, "mlp": 1_179_648, "norms": 1_536,
        "layer": 1_771_008, "all_layers": 10_626_048, "final_norm": 768, "head": 12_288_000,
        "total": 35_202_816,
    }  # fmt: skip
    assert found["memory"] == {
        "weights_fp32": 140_811_264, "weights_fp16": 70_405_632, "training": 563_245_056,
        "inference": 70_405_632,
    }  # fmt: skip
    assert found["training"]["steps"] == 152_587
    assert found["training"]["seconds"] == 100_000
    assert found["training"]["flops"] == 6 * 35_202_816 * 10**10
    assert found["own_gpt"]["total"] == 72_057_086


def test_what_is_given_is_used() -> None:
    found = ask(preset="gpt2-small", throughput=50_000.0, total_tokens=10**9, batch_size=10, seq_len=100)
    assert found["training"]["steps"] == 10**6
    assert found["training"]["seconds"] == 20_000
    machine = ask(preset="gpt2-small", gpu="A100", gpus=4, mfu=0.5, price=2.0)
    speed = 312e12 * 4 * 0.5 / 854_438_400
    assert machine["training"]["throughput"] == pytest.approx(speed)
    assert machine["time_and_money"]["cost"] == pytest.approx(1e10 / speed / 3600 * 4 * 2)
    assert ask(price=0)["time_and_money"]["cost"] == 0


def test_memory_answers_agree_with_each_other() -> None:
    found = ask(preset="nanochat-d20", gpu="RTX4090")["gpu_memory"]
    assert found["fits"] is True
    assert found["device_batch_size"] <= found["largest_batch"]
    large = ask(preset="llama-3-8b", gpu="RTX4090")["gpu_memory"]
    assert (large["fits"], large["largest_batch"]) == (False, 0)
    asked = ["--preset", "llama-3-8b", "--gpu", "RTX4090", *large["way_out"].split()]
    found = read_arguments(make_parser(TOOL, "x"), asked)
    question = from_arguments(TOOL.parameters, found)
    assert figures(TOOL.report(question))["gpu_memory"]["fits"] is True


def test_the_command_to_copy() -> None:
    def command(**values: object) -> str:
        return str(ask(**values)["command"]["train"])

    assert command(arch="nanochat", depth=20, gpus=8) == (
        "torchrun --standalone --nproc_per_node=8 -m nanochat train base --depth 20 --device-batch-size 32"
    )
    assert "--nnodes=2 --nproc_per_node=8" in command(arch="nanochat", depth=20, gpus=16)
    changed = command(
        arch="nanochat", depth=4, seq_len=512, batch_size=64, total_tokens=10**6, checkpointing=True
    )
    assert changed.endswith("--seq-len 512 --batch-size 64 --total-tokens 1000000 --checkpointing")
    assert "--depth 12" in command(preset="gpt2-small")


BAD = [
    ("--depth 0", "--depth must be at least 1, not 0"),
    ("--depth -3", "--depth must be at least 1"),
    ("--hidden-dim 384 --heads 5", "--hidden-dim 384 is not divisible by --heads 5"),
    ("--preset nanochat-tiny --heads 5", "use 1, 2, 3, 4, 6, 8, 12"),
    ("--kv-heads 4", "--heads 6 is not divisible by --kv-heads 4; use 1, 2, 3 or 6"),
    ("--vocab-size -32000", "--vocab-size must be at least 1, not -32,000"),
    ("--vocab-size 1e400", "--vocab-size must be at most"),
    ("--depth 1000000000000000000000000000000", "--depth must be at most 10,000"),
    ("--total-tokens 10000000000000000000000000000000", "--total-tokens must be at most"),
    ("--total-tokens nan", "--total-tokens must be a whole number"),
    ("--throughput NaN", "--throughput must be a number"),
    ("--throughput inf", "--throughput must be a number"),
    ("--throughput 0", "--throughput must be at least"),
    ("--mfu 2", "--mfu must be at most 1"),
    ("--price -1", "--price must be at least 0"),
    ("--gpu Z80", "--gpu must be"),
    ("--preset gpt5", "--preset must be"),
    ("--arch rnn", "--arch must be textbook, gpt2, llama or nanochat"),
    ("--arch nanochat --hidden-dim 8", "below the 24 channels the smear gate reads; use --hidden-dim 24"),
    ("--arch nanochat --mlp-dim 8", "--mlp-dim cannot be set for nanochat"),
    ("--arch llama --hidden-dim 97", "use an even width"),
    ("--preset gpt2-small --seq-len 2000", "use at most 1,024"),
    ("--config nowhere.json", "--config names no file here"),
    ("--dept 3", "did you mean --depth?"),
    ("--depth", "--depth needs a value"),
    ("stray", "one argument too many"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[bad for bad, _ in BAD])
def test_a_bad_question_gets_one_line(arguments: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(TOOL, arguments.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err


FILES = {
    "truncated": (
        b'{"model_type": "llama", "hidden_si',
        "is not JSON: Unterminated string starting at line 1, column 25",
    ),
    "empty": (b"", "is not JSON"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "zeros": (b"\0" * 64, "is not JSON"),
    "list": (b"[1, 2]", "holds no JSON object"),
    "deep": (b"[" * 100_000, "too deep"),
    "long number": (b'{"model_type": "gpt2", "n_layer": ' + b"9" * 5_000 + b"}", "thousands of digits"),
    "huge number": (
        b'{"model_type": "gpt2", "n_layer": 1, "n_embd": ' + b"9" * 40 + b', "n_head": 1}',
        "n_embd",
    ),
    "NaN": (b'{"model_type": "gpt2", "n_layer": NaN}', "n_layer is nan"),
    "negative": (b'{"model_type": "gpt2", "n_layer": -1}', "n_layer is -1"),
    "wrong family": (b'{"model_type": "mamba"}', "model_type 'mamba'"),
    "too large": (b" " * 1_000_001, "larger than 1 MB"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_bad_config_gets_one_line(
    content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    assert main(TOOL, ["--config", str(path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "config.json" in err
    assert words in err


def test_a_config_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps({"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12}), "utf-8-sig"
    )
    assert ask(config=str(path))["parameters"]["total"] == 124_439_808
    assert ask(config=str(path), preset="nanochat-tiny")["parameters"]["total"] == 124_439_808
    done = run("--config", str(path), "--depth", "3")
    assert done.returncode == 2
    assert "leave out its other flags" in done.stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_on_every_face(preset: str) -> None:
    report = TOOL.ask(preset=preset)
    json.loads(render_json(report), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert "TOTAL PARAMETERS" in render_terminal(report, explain=True)
    assert "TOTAL PARAMETERS" in render_terminal(report, encoding="ascii")
    assert "<article" in render_html(report)


@pytest.mark.parametrize("preset", ["nanochat-tiny", "gpt2-small", "llama-3-8b", "nanochat-d12"])
def test_every_figure_of_the_breakdown_has_a_formula(preset: str) -> None:
    for section in TOOL.ask(preset=preset).sections:
        if section.key not in ("parameters", "memory", "operations"):
            continue
        for row in section.blocks[0].rows:  # type: ignore[union-attr]
            if row.key and not row.is_heading:
                assert row.formula, f"{section.key}.{row.key}"
                value = re.sub(r"[^0-9]", "", row.formula.split("=")[-1].split("(")[0].split(":")[-1])
                assert value == str(row.value) or row.key in ("head", "smear_gate") or "layers" in row.formula


sizes = {
    "preset": st.sampled_from(list(PRESETS)),
    "arch": st.sampled_from(["textbook", "gpt2", "llama", "nanochat"]),
    "depth": st.integers(1, 10_000),
    "hidden_dim": st.integers(1, 1_000_000),
    "heads": st.integers(1, 100_000),
    "kv_heads": st.integers(1, 64),
    "mlp_dim": st.integers(1, 10_000_000),
    "vocab_size": st.integers(1, 100_000_000),
    "total_tokens": st.integers(1, 10**18),
    "batch_size": st.integers(1, 10_000_000),
    "seq_len": st.integers(1, 100_000_000),
    "throughput": st.floats(0.001, 1e15),
    "gpu": st.sampled_from(["RTX3090", "H100", "B200"]),
    "gpus": st.integers(1, 100_000),
    "mfu": st.floats(0.001, 1),
    "price": st.floats(0, 1e6),
    "sharding": st.sampled_from(["none", "optimizer", "all"]),
    "checkpointing": st.booleans(),
    "context": st.integers(1, 100_000_000),
    "conversations": st.integers(1, 1_000_000),
}


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional=sizes))
def test_any_question_is_answered_or_refused_in_one_line(values: dict[str, Any]) -> None:
    reply = json.loads(
        answer("model-calculator", json.dumps({k.replace("_", "-"): v for k, v in values.items()}))
    )
    if reply["error"]:
        assert "\n" not in reply["error"]
        assert reply["html"] == ""
    else:
        assert "<article" in reply["html"]
        assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<[^>]*>", " ", reply["html"]))


@settings(max_examples=30, deadline=None)
@given(st.fixed_dictionaries({"preset": st.sampled_from(list(PRESETS))}, optional={
    key: sizes[key] for key in ("total_tokens", "batch_size", "gpu", "gpus", "mfu", "price", "checkpointing")
}))  # fmt: skip
def test_the_command_of_a_page_asks_the_same(values: dict[str, Any]) -> None:
    reply = json.loads(
        answer("model-calculator", json.dumps({k.replace("_", "-"): v for k, v in values.items()}))
    )
    program, script, *arguments = shlex.split(reply["command"])
    assert (program, script) == ("python", "tools/model_calculator.py")
    question = from_arguments(TOOL.parameters, read_arguments(make_parser(TOOL, "x"), arguments))
    assert figures(TOOL.report(question)) == ask(**values)


def test_examples_of_the_help_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shape = {"model_type": "gpt2", "n_layer": 1, "n_embd": 64, "n_head": 1}
    Path("config.json").write_text(json.dumps(shape), "utf-8")
    for arguments, _ in TOOL.examples:
        assert main(TOOL, shlex.split(arguments)) == 0


def test_help_and_json_are_clean_on_a_bare_python() -> None:
    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--preset gpt2-small" in shown.stdout
    assert math.isfinite(json.loads(run("--json").stdout)["sections"]["time_and_money"]["cost"])


def test_it_loads_nothing_heavy() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tools.model_calculator; "
        "print(sorted({'torch', 'numpy', 'asyncio', 'http', 'ssl', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
