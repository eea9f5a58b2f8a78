"""transformers is the judge: what is exported gives our logits, loaded by its own code."""

from __future__ import annotations

import json

import pytest
import torch
import transformers

from nanochat.cli import main
from nanochat.errors import UserError
from nanochat.model.config import GPTConfig
from nanochat.model.export import check_exportable, extras_on, huggingface_config, huggingface_tensors
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.train import checkpoint

TEXT = "Call me Ishmael. Some years ago – never mind how long precisely – having little or no money"
CORE = {"n_layer": 3, "n_embd": 64, "n_head": 4, "n_kv_head": 2, "vocab_size": 2_048, "sequence_len": 64}


def model_with_weights(config: GPTConfig) -> GPT:
    """Zero output projections, as a model begins with, would hide every mistake behind them."""
    model = GPT(config).initialize(0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * parameter.shape[-1] ** -0.5)
    return model


@torch.no_grad()
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vocab_size": 1_999, "n_kv_head": 4},  # rows that pad the vocabulary; no grouped queries
        {"rope_base": 100_000.0, "logit_softcap": 5.0, "n_kv_head": 1, "n_layer": 1},
    ],
)
def test_the_same_logits(changes):
    config = GPTConfig.core(**(CORE | changes))
    ours = model_with_weights(config)
    settings = transformers.AutoConfig.for_model(**huggingface_config(config))
    theirs = transformers.AutoModelForCausalLM.from_config(settings).eval()
    theirs.load_state_dict(huggingface_tensors(config, ours.state_dict()), strict=True)
    ids_BT = torch.randint(config.vocab_size, (2, 64), generator=torch.Generator().manual_seed(2))
    expected_BTV, found_BTV = ours(ids_BT), theirs(ids_BT).logits
    assert found_BTV.shape == expected_BTV.shape == (2, 64, config.vocab_size)
    assert expected_BTV.std() > 0.5  # so that 1e-4 means something
    torch.testing.assert_close(found_BTV, expected_BTV, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("changes", "extra"),
    [
        ({"smear": True}, "smear"),
        ({"backout": True}, "backout"),
        ({"x0_scalars": True}, "x0-scalars"),
        ({"residual_scalars": True}, "residual-scalars"),
        ({"value_embeddings": True}, "value-embeddings"),
        ({"qk_scale": 1.2}, "qk-scale"),
        ({"window_pattern": "SL", "sequence_len": 1_024}, "windows"),
    ],
)
def test_a_model_with_an_extra_is_refused_by_name(changes, extra):
    config = GPTConfig.core(**(CORE | changes))
    assert extras_on(config) == [extra]
    with pytest.raises(UserError, match=f"has no {extra}; .* --without all"):
        check_exportable(config)
    with pytest.raises(UserError, match=extra):
        huggingface_tensors(config, {})


def test_a_window_as_long_as_the_context_is_none():
    assert not extras_on(GPTConfig.core(**CORE, window_pattern="SSSL"))


def test_every_tensor_has_its_place():
    config = GPTConfig.core(**CORE)
    with pytest.raises(UserError, match=r"has no place for the tensor smear_gate\.weight"):
        huggingface_tensors(config, {"smear_gate.weight": torch.zeros(1)})


# ---- the command ----


def make_run(base, name: str, config: GPTConfig, own_tokenizer: bool = True) -> GPT:
    """A run's folder as the trainer leaves it."""
    run, tokenizer = base / "runs" / name, FastTokenizer.of(sample_tokenizer())
    run.mkdir(parents=True)
    model = model_with_weights(config)
    about = {"name": "mine", "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.n_vocab}
    (run / "config.json").write_text(json.dumps({"model": config.to_dict(), "tokenizer": about}))
    tokenizer.save(run / "tokenizer" if own_tokenizer else base / "tokenizer" / "mine")
    for step in (5, 10):
        checkpoint.save(run, step, model.state_dict(), {}, {"model": config.to_dict()})
    return model


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    return tmp_path / "base"


@torch.no_grad()
@pytest.mark.parametrize("own_tokenizer", [True, False])
def test_the_command(base, tmp_path, capsys, own_tokenizer):
    ours = make_run(base, "core", GPTConfig.core(**CORE), own_tokenizer)
    out = tmp_path / "new" / "core-hf"
    assert main(["export", "hf", "core", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"step 10 of core, for transformers: {out}\n"
    theirs = transformers.AutoModelForCausalLM.from_pretrained(out)
    assert type(theirs).__name__ == "NanoChatForCausalLM"
    assert theirs.dtype == torch.float32
    tokenizer = transformers.AutoTokenizer.from_pretrained(out)
    ids_BT = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    assert ids_BT[0].tolist() == sample_tokenizer().encode(TEXT)
    torch.testing.assert_close(theirs(ids_BT).logits, ours(ids_BT), atol=1e-4, rtol=0)
    assert theirs.generation_config.eos_token_id == [2043, 2039]
    assert {path.name for path in out.parent.iterdir()} == {"core-hf"}
    assert len({path.stat().st_mode for path in out.iterdir()}) == 1  # all as readable as each other
    written = theirs.generate(ids_BT, max_new_tokens=8, do_sample=False, eos_token_id=-1)[0].tolist()
    expected = ids_BT
    for _ in range(8):
        expected = torch.cat([expected, ours(expected)[:, -1:].argmax(-1)], dim=1)
    assert written == expected[0].tolist()  # its key-value cache agrees with our full passes


def test_another_dtype_and_step(base, tmp_path, capsys):
    make_run(base, "core", GPTConfig.core(**CORE))
    out = tmp_path / "bf16"
    assert main(["export", "hf", "core", "--out", str(out), "--dtype", "bf16", "--step", "5"]) == 0
    assert "step 5 of core" in capsys.readouterr().out
    assert transformers.AutoModelForCausalLM.from_pretrained(out).dtype == torch.bfloat16


def test_what_is_refused(base, tmp_path, capsys):
    make_run(base, "core", GPTConfig.core(**CORE), own_tokenizer=False)
    make_run(base / "elsewhere", "full", GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2))
    there = tmp_path / "there"
    there.mkdir()
    out = str(tmp_path / "out")
    full = str(base / "elsewhere" / "runs" / "full")
    cases = [
        (["no-such", "--out", out], "there is no run 'no-such'"),
        (["core", "--out", str(there)], "is there already; choose another --out"),
        (["core", "--out", out, "--dtype", "int8"], "--dtype int8: use fp32, bf16, fp16"),
        (["core", "--out", out, "--step", "7"], "no checkpoint of step 7; there are: 5, 10"),
        (["core", "--out", out, "--tokenizer", "other"], "there is no tokenizer 'other'"),
        ([full, "--out", out], "has no backout, residual-scalars, smear, value-embeddings, windows"),
    ]
    for words, complaint in cases:
        assert main(["export", "hf", *words]) == 2
        line = capsys.readouterr().err
        assert complaint in line
        assert line.count("\n") == 1
    assert main(["export", "hf", "core", "--out", out, "--dry-run"]) == 0
    assert capsys.readouterr().out == f"would write step 10 of core to {out}\n"
    changed = FastTokenizer.of(sample_tokenizer())
    FastTokenizer("mine", changed.ranks, changed.pattern, {"<|bos|>": 2039}).save(
        base / "tokenizer" / "mine", overwrite=True
    )
    assert main(["export", "hf", "core", "--out", out]) == 2
    assert "is not the one that core was trained with" in capsys.readouterr().err
    (base / "runs" / "core" / "config.json").write_text("{}")
    assert main(["export", "hf", "core", "--out", out]) == 2
    assert "is not the record of a run" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(base, tmp_path, capsys, monkeypatch):
    make_run(base, "core", GPTConfig.core(**CORE))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "model.safetensors")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    (tmp_path / "place").mkdir()
    assert main(["export", "hf", "core", "--out", str(tmp_path / "place" / "out")]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert list((tmp_path / "place").iterdir()) == []
