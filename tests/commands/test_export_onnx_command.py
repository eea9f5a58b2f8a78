"""`nanochat export onnx` from a run to a folder that works by itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import onnx
import pytest
import tokenizers
import torch

from nanochat.cli import main
from nanochat.commands.export_onnx import DTYPES, EXAMPLES
from nanochat.commands.export_onnx_loss import Loss, pieces
from nanochat.data.corpus import open_corpus
from nanochat.data.loader import make_loader
from nanochat.evaluation.bits_per_byte import bits_per_byte
from nanochat.home import run_folder
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.model.onnx_graph import DTYPES as GRAPH_DTYPES
from nanochat.model.onnx_graph import Graph
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.train import checkpoint
from tests.model.exported import Exported, chance_weights, session_of
from tests.train.small_run import prepare

CONTEXT = 160
CONFIG = GPTConfig(n_layer=3, n_embd=64, n_head=4, n_kv_head=2, vocab_size=2_048, sequence_len=CONTEXT)
TEXT = "Call me Ishmael. Some years ago – never mind how long precisely – having little or no money"
FILES = {
    "config.json", "model.onnx", "tokenizer.json", "tokenizer.tiktoken", "tokenizer_config.json",
    "tokenizer_settings.json",
}  # fmt: skip


def make_run(name: str, seed: int = 0, **about: object) -> GPT:
    """A run's folder as the trainer leaves it."""
    tokenizer, model = FastTokenizer.of(sample_tokenizer()), chance_weights(CONFIG, seed)
    folder = run_folder(name)
    folder.mkdir(parents=True)
    tokenizer.save(folder / "tokenizer")
    of_tokenizer = {"name": "mine", "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.n_vocab}
    record = {"model": CONFIG.to_dict(), "tokenizer": of_tokenizer, **about}
    (folder / "config.json").write_text(json.dumps(record))
    for step in (5, 10):
        checkpoint.save(folder, step, model.state_dict(), {}, {"model": CONFIG.to_dict()})
    return model


@pytest.fixture
def base(tmp_path, monkeypatch) -> Path:
    """A base model `d3` with its corpus, and a chat model `d3-sft` that began with it."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    monkeypatch.chdir(tmp_path)
    prepare()
    corpus = open_corpus("classics")
    make_run("d3", corpus={"name": corpus.name, "fingerprint": corpus.fingerprint})
    make_run("d3-sft", 1, stage="sft", origin={"folder": str(run_folder("d3")), "run": "d3"})
    return tmp_path


def export(*words: str) -> int:
    return main(["export", "onnx", *words])


@torch.no_grad()
def test_a_run_to_a_folder(base, capsys):
    assert export("d3", "--out", "new/d3-onnx", "--eval-tokens", "700") == 0
    out, printed = base / "new" / "d3-onnx", capsys.readouterr()
    size = (out / "model.onnx").stat().st_size / 1e6
    assert printed.out.splitlines()[0] == f"step 10 of d3 in fp32, {size:.1f} MB: new/d3-onnx"
    assert re.fullmatch(
        r"bits per byte on 7\d\d tokens of classics: [\d.]+ in PyTorch, [\d.]+ exported \(\+0.0000\)",
        printed.out.splitlines()[1],
    )
    assert printed.err == ""
    assert {path.name for path in out.iterdir()} == FILES
    assert {path.name for path in out.parent.iterdir()} == {"d3-onnx"}
    assert len({path.stat().st_mode for path in out.iterdir()}) == 1  # all as readable as each other
    ids = tokenizers.Tokenizer.from_file(str(out / "tokenizer.json")).encode(TEXT).ids
    assert ids == sample_tokenizer().encode(TEXT) == FastTokenizer.load(out).encode(TEXT)
    model = chance_weights(CONFIG)
    found = Exported(model, session=session_of(str(out / "model.onnx"))).logits([ids])
    torch.testing.assert_close(found, model(torch.tensor([ids]))[:, -1], atol=1e-4, rtol=0)


def test_what_there_is_to_know(base):
    words = ["d3-sft", "--out", "out", "--dtype", "int8", "--step", "5", "--eval-tokens", "1"]
    assert export(*words, "--attentions", "--streams", "--ablations", "--all-logits") == 0
    about = json.loads((base / "out" / "config.json").read_text())
    session = session_of("out/model.onnx")
    for kind, values in (("inputs", session.get_inputs()), ("outputs", session.get_outputs())):
        assert [one.name for one in values] == list(about[kind])
        assert [one.shape for one in values] == [one["shape"] for one in about[kind].values()]
    assert about["outputs"]["logits"] == {"type": "float32", "shape": ["batch", "new", 2_048]}
    assert about["outputs"]["attention_2"]["shape"] == ["batch", 4, "new", "all"]
    assert about["outputs"]["stream_3"]["shape"] == ["batch", "new", 64]
    assert about["inputs"]["keep_mlp"] == {"type": "float32", "shape": [3]}
    assert about["inputs"]["keep_attention"] == {"type": "float32", "shape": [3, 4]}
    assert about["run"]["stage"] == "sft"
    assert about["run"]["step"] == 5
    assert GPTConfig.from_dict(about["model"]) == CONFIG
    inside = {one.key: json.loads(one.value) for one in onnx.load("out/model.onnx").metadata_props}
    assert inside == {key: about[key] for key in inside}
    assert about.keys() - inside.keys() == {"inputs", "outputs", "empty_cache"}


def test_the_form_of_a_chat(base):
    assert export("d3", "--out", "out", "--eval-tokens", "0") == 0
    about, tokenizer = json.loads((base / "out" / "config.json").read_text()), sample_tokenizer()
    chat, ids = about["chat"], about["special_tokens"]
    (user, user_end), (reply, reply_end), (call, call_end), (output, output_end) = (
        [ids[mark] for mark in chat[part]] for part in ("user", "assistant", "python", "python_output")
    )
    (one,) = tokenizer.encode("1")
    parts = [
        {"type": "text", "text": "1"}, {"type": "python", "text": "1"}, {"type": "python_output", "text": "1"}
    ]  # fmt: skip
    messages = [{"role": "user", "content": "1"}, {"role": "assistant", "content": parts}]
    expected, _ = render_conversation(tokenizer, {"messages": messages})
    found = [
        ids[chat["begin"]],
        user,
        one,
        user_end,
        reply,
        one,
        call,
        one,
        call_end,
        output,
        one,
        output_end,
    ]
    assert [*found, reply_end] == expected
    assert about["bos"] == expected[0]
    assert about["stops"] == [expected[-1], expected[0]]


def test_the_example_of_the_help_runs(base):
    code = re.search(r"in Python:\n((?: {6}.*\n)+)", EXAMPLES)[1]
    assert export("d3", "--out", "d4-onnx", "--eval-tokens", "0") == 0
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=base, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    model, tokenizer = chance_weights(CONFIG), sample_tokenizer()
    ids = [tokenizer.special_id("<|bos|>"), *tokenizer.encode("The sea")]
    while len(ids) < 32:
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    expected = "".join(tokenizer.decode([one]) for one in ids if one not in tokenizer.special_ids)
    assert re.sub(r"\W", "", done.stdout) == re.sub(r"\W", "", expected)


# ---- the loss ----


@torch.no_grad()
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_loss_is_that_of_the_validation_text(base, dtype):
    assert export("d3", "--out", "out", "--dtype", dtype, "--eval-tokens", "1600") == 0
    found = Loss(**json.loads((base / "out" / "config.json").read_text())["bits_per_byte"])
    tokenizer, corpus = FastTokenizer.of(sample_tokenizer()), open_corpus("classics")
    with make_loader(corpus, tokenizer, "validation", 2, CONTEXT) as loader:  # in other batches
        batches = [batch for batch, _ in zip(loader, range(5), strict=False)]
    assert any(len(pieces(row)) > 1 for batch in batches for row in batch.documents_BT)
    lengths = torch.tensor(tokenizer.byte_lengths())
    whole = bits_per_byte(chance_weights(CONFIG).nats_per_token, batches, lengths, torch.device("cpu"))
    assert found.before == pytest.approx(whole, abs=1e-6)
    if dtype == "fp32":
        assert found.after == pytest.approx(whole, abs=1e-5)
    else:
        assert 1e-6 < abs(found.after - whole) < 1e-3
    assert found.tokens == sum(int((batch.targets_BT >= 0).sum()) for batch in batches)
    assert found.text_bytes == sum(
        int((lengths[batch.targets_BT.clamp(min=0)] * (batch.targets_BT >= 0)).sum()) for batch in batches
    )


def test_a_chat_model_is_measured_on_the_text_of_its_base_model(base, capsys):
    assert export("d3-sft", "--out", "out", "--eval-tokens", "100") == 0
    assert " tokens of classics: " in capsys.readouterr().out


def test_where_there_is_no_text_the_export_goes_on(base, capsys):
    make_run("alone")
    other = {"name": "classics", "fingerprint": "0"}
    make_run("changed", corpus=other)
    make_run("gone", corpus={"name": "tale", "fingerprint": "0"})
    reasons = {
        "alone": "alone was trained on no corpus",
        "changed": "the corpus 'classics' is not the one that changed was trained with",
        "gone": "there is no corpus 'tale'; prepare it with",
    }
    for name, reason in reasons.items():
        assert export(name, "--out", f"{name}-onnx") == 0
        printed = capsys.readouterr()
        assert printed.err.startswith(f"bits per byte are not measured: {reason}")
        assert printed.out.count("\n") == printed.err.count("\n") == 1
        assert json.loads((base / f"{name}-onnx" / "config.json").read_text())["bits_per_byte"] is None


# ---- what is refused ----


def test_the_command_knows_what_a_file_can_hold():
    assert DTYPES == GRAPH_DTYPES  # named twice, so that its help needs no onnx
    with pytest.raises(ValueError, match="dtype='int4': use fp32, fp16, int8"):
        Graph("int4")


def test_what_is_refused(base, capsys):
    (base / "there").mkdir()
    damaged = next(run_folder("d3-sft").glob("checkpoints/step_000005/model.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    make_run("other")
    record = json.loads((run_folder("other") / "config.json").read_text())
    record["model"]["n_layer"] = 2
    (run_folder("other") / "config.json").write_text(json.dumps(record))
    cases = [
        (["no-such", "--out", "out"], "there is no run 'no-such'"),
        (["d3", "--out", "there"], "there is there already; choose another --out"),
        (["d3", "--out", "out", "--dtype", "int4"], "--dtype int4: use fp32, fp16, int8"),
        (["d3", "--out", "out", "--eval-tokens", "-1"], "--eval-tokens -1: 0 or more"),
        (["d3", "--out", "out", "--step", "7"], "no checkpoint of step 7; there are: 5, 10"),
        (["d3", "--out", "out", "--tokenizer", "other"], "there is no tokenizer 'other'"),
        (["d3-sft", "--out", "out", "--step", "5"], "model.safetensors is damaged"),
        (["other", "--out", "out", "--eval-tokens", "0"], "holds another model than the run's config.json"),
    ]
    for words, complaint in cases:
        assert export(*words) == 2
        line = capsys.readouterr().err
        assert complaint in line
        assert line.count("\n") == 1
    assert export("d3", "--out", "out", "--dry-run") == 0
    assert capsys.readouterr().out == "would write step 10 of d3 in fp32 to out\n"
    assert not (base / "out").exists()


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_package_that_is_not_there(base, capsys, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)  # as the import system marks what cannot be found
    assert export("d3", "--out", "out") == 2
    line = f"nanochat: nanochat export onnx needs the package {package}: pip install 'nanochat[onnx]'\n"
    assert capsys.readouterr().err.endswith(line.removeprefix("nanochat: "))


def test_a_full_disk_leaves_nothing(base, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "tokenizer.json")

    monkeypatch.setattr("nanochat.commands.export_onnx_folder.write_tokenizer", full)
    (base / "place").mkdir()
    assert export("d3", "--out", "place/out", "--eval-tokens", "100") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list((base / "place").iterdir()) == []
