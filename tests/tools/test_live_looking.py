"""What the pages show of the inside of the model is what PyTorch computes."""

from __future__ import annotations

import copy
import html
import json
import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from nanochat.model.attention_weights import attention_weights
from nanochat.model.config import GPTConfig
from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.gpt import GPT
from nanochat.model.layers import norm
from nanochat.model.onnx_graph import described, save
from nanochat.model.onnx_lens import lens_model
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tests.model.exported import chance_weights
from tools.attention.reading import random_rows
from tools.attention.trace import PARTS
from tools.attention.with_model import induction_scores
from tools.core.errors import UsageError
from tools.live import looking, page
from tools.live.ablation import alone, chosen_parts, parts_of
from tools.live.looking_page import LookingPages
from tools.live.model import LiveModel
from web.model_runner import at_once, open_model

TEXT = "The sea <b>was</b> calm, and the sea was"
SIZE = {"n_layer": 3, "n_embd": 64, "n_head": 4, "n_kv_head": 2, "sequence_len": 128}


@pytest.fixture(scope="module")
def network() -> GPT:
    """All extras, no weight idle."""
    return chance_weights(GPTConfig(**SIZE, vocab_size=sample_tokenizer().n_vocab), seed=4)


@pytest.fixture(scope="module")
def model(network: GPT, tmp_path_factory: pytest.TempPathFactory) -> LiveModel:
    """The same as a page has it."""
    folder, config = tmp_path_factory.mktemp("model"), network.config
    made = onnx_model(
        config, network.state_dict(), Form(all_logits=True, attentions=True, streams=True, ablations=True)
    )
    save(made, folder / "model.onnx")
    save(lens_model(config, network.state_dict()), folder / "lens.onnx")
    sample_tokenizer().save(folder)
    names = {
        "model": "model.onnx", "lens": "lens.onnx", "ranks": "tokenizer.tiktoken",
        "tokenizer": "tokenizer_settings.json",
    }  # fmt: skip
    facts = {
        "model": config.to_dict(),
        "run": {"name": "small", "stage": "base", "step": 7},
        "inputs": described(made.graph.input),
        "empty_cache": empty_cache(config),
        "files": {key: {"name": name} for key, name in names.items()},
    }
    (folder / "model.json").write_text(json.dumps(facts))
    return open_model(folder)


def of(waited: Any) -> Any:
    return at_once(waited)


def ids_BT(reading: looking.Reading) -> torch.Tensor:
    return torch.tensor([reading.ids])


# ---- reading ----


def test_a_text_is_its_mark_and_its_tokens(model):
    reading = looking.read(model, TEXT)
    assert reading.ids == (model.bos, *sample_tokenizer().encode(TEXT))
    assert reading.tokens[0].special
    assert b"".join(token.data for token in reading.tokens[1:]).decode() == TEXT
    assert reading.n_bytes == len(TEXT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "write something first"),
        (" \n\t", "write something first"),
        (" the", "this is one token"),
        ("no no " * 40, r"the text has \d+ tokens, and this page shows 63 at most"),
    ],
)
def test_a_text_that_cannot_be_shown_is_one_line(model, text, says):
    with pytest.raises(UsageError, match=says) as caught:
        looking.read(model, text)
    assert caught.value.parameter == "text"
    assert "\n" not in str(caught.value)


def test_half_a_pair_and_marks_in_the_text_are_text(model):
    reading = looking.read(model, "a\ud83d <|bos|> 🙂")
    assert [token.special for token in reading.tokens[1:]] == [False] * (len(reading.ids) - 1)


# ---- attention ----


@torch.no_grad()
def test_the_heads_are_torchs(model, network):
    pages = LookingPages(model)
    of(pages.attention({"text": TEXT}))
    trace, reading = pages.heads.trace, pages.reading
    expected = attention_weights(network, ids_BT(reading))
    assert (trace.n_layer, trace.n_head) == (3, 4)
    for layer, weights_BHTS in enumerate(expected):
        for head in range(4):
            for place, row in enumerate(trace.weights[layer][head]):
                assert sum(row) == PARTS
                seen = weights_BHTS[0, head, place, : place + 1]
                np.testing.assert_allclose(np.array(row) / PARTS, seen, atol=1e-4)
    rows = random_rows(model.tokenizer, 0)
    np.testing.assert_allclose(trace.repeated.induction, induction_scores(network, rows), atol=1e-4)


# ---- the lens ----


@torch.no_grad()
def test_each_layer_says_what_norm_and_head_make_of_its_stream(model, network):
    network, reading = copy.deepcopy(network), looking.read(model, TEXT)
    streams = [network.first_vectors(ids_BT(reading))]
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, out_BTC: streams.append(out_BTC))
    own_TV = network(ids_BT(reading))[0]
    expected = [network.logits(norm(stream_BTC))[0] for stream_BTC in streams] + [own_TV]
    rows = of(looking.layers_say(model, reading))
    assert len(rows) == len(expected) == 5
    for row, logits_TV in zip(rows, expected, strict=True):
        chances_TV = logits_TV.softmax(-1)
        for place, one in enumerate(row):
            top = chances_TV[place].topk(looking.LIKELIEST)
            np.testing.assert_allclose([share for _, share in one.likeliest], top.values, atol=1e-4)
            for token_id, share in one.likeliest:
                assert share == pytest.approx(float(chances_TV[place, token_id]), abs=1e-4)
            if place + 1 < len(reading.ids):
                assert one.came == pytest.approx(float(chances_TV[place, reading.ids[place + 1]]), abs=1e-4)
        assert row[-1].came is None
        assert not row[-1].right


@torch.no_grad()
def test_backout_is_all_that_the_last_row_of_the_lens_lacks(model, network):
    reading = looking.read(model, TEXT)
    found = of(model.look(reading.ids, ["stream_2", "stream_3", "logits"]))
    strength = float(network.backout_strength)
    backed_out = [
        x - strength * half
        for x, half in zip(found["stream_3"].values, found["stream_2"].values, strict=True)
    ]
    logits = of(model.runner.lens(backed_out))
    assert logits.shape == found["logits"].shape
    np.testing.assert_allclose(logits.values, found["logits"].values, atol=1e-4)
    plain = of(model.runner.lens(found["stream_3"].values))
    assert np.abs(np.array(plain.values) - np.array(found["logits"].values)).max() > 0.01


# ---- losses and ablations ----


def bits(network: GPT, reading: looking.Reading) -> torch.Tensor:
    ids = ids_BT(reading)
    return network.nats_per_token(ids[:, :-1], ids[:, 1:])[0] / math.log(2)


@torch.no_grad()
@pytest.mark.parametrize("keys", [[], ["keep_attention.1.2"], ["keep_mlp.0", "keep_x0.2", "keep_smear.0"]])
def test_the_loss_without_some_parts_is_torchs(model, network, keys):
    reading, changed = looking.read(model, TEXT), copy.deepcopy(network)
    if "keep_attention.1.2" in keys:
        changed.blocks[1].attention.output.weight[:, 32:48] = 0
    elif keys:
        changed.blocks[0].mlp.down.weight.zero_()
        changed.x0_scalars[2] = 0
        changed.smear_strength.zero_()
    keep = model.switches.without((part.name, part.place) for part in chosen_parts(model, keys))
    found = of(looking.surprises(model, reading, keep))
    np.testing.assert_allclose(found, bits(changed, reading), atol=1e-3)
    if keys:
        assert np.abs(np.array(found) - bits(network, reading).numpy()).max() > 0.01


def test_parts_and_what_is_left_out_in_one_go(model):
    parts = parts_of(model)
    assert (
        len(parts) == 3 * 4 + 3 + 2 + 3 + 2
    )  # heads, MLPs, value embeddings of two layers, x0, smear and backout
    assert len({part.key for part in parts}) == len(parts)
    assert chosen_parts(model, [part.key for part in parts]) == parts
    groups = alone(model)
    assert [len(members) for members in groups.values()] == [6, 7, 12]
    labels = [group.label for members in groups.values() for group in members]
    assert len(set(labels)) == 25
    for key in ("keep_mlp.3", "keep_value_embeddings.1", "nothing", ""):
        with pytest.raises(UsageError, match="the model has no part"):
            chosen_parts(model, [key])
    with pytest.raises(ValueError, match="has no place"):
        model.switches.without([("keep_mlp", (-1,))])


# ---- the pages ----


@pytest.fixture
def pages(model) -> LookingPages:
    return LookingPages(model)


def numbers(made: str) -> list[float]:
    return [float(one) for one in re.findall(r"[+-]?\d+\.\d+", re.sub("<[^>]*>", " ", made))]


@torch.no_grad()
def test_leaving_out_each_part_alone(pages, network):
    reading, shown = looking.read(pages.model, TEXT), {"more": True}
    for done in range(1, 26):
        assert shown["more"]
        shown = of(pages.alone({"text": TEXT}))
        assert shown["says"] == f"{done} of 25 parts left out, one at a time"
    assert not shown["more"]
    assert of(pages.alone({"text": TEXT})) == shown
    changed = copy.deepcopy(network)
    changed.blocks[1].attention.output.weight.zero_()
    expected = float((bits(changed, reading) - bits(network, reading)).mean())
    line = re.search("attention of layer 2.*", shown["parts"]["alone"])
    assert numbers(line[0])[-1] == pytest.approx(expected, abs=2e-3)


def test_a_new_text_lets_go_of_the_old_ones(pages):
    of(pages.alone({"text": TEXT}))
    old = of(pages.attention({"text": TEXT}))["parts"]["maps"]
    assert len(pages.found) == 1
    new = of(pages.attention({"text": "Another text"}))["parts"]["maps"]
    assert (len(pages.found), pages.whole) == (0, None)
    assert new != old


def test_a_head_is_chosen(pages):
    shown = of(pages.attention({"text": TEXT, "layer": 2, "head": 1}))["parts"]
    assert "<h2>Head 3.2</h2>" in shown["head"]
    assert re.findall(r'data-layer="(\d)" data-head="(\d)" aria-pressed="true"', shown["maps"]) == [
        ("2", "1")
    ]
    assert shown["maps"].count("look-map") == 12
    # Every token carries what it looks at, and what that looks like.
    reading = looking.read(pages.model, TEXT)
    shades = re.findall(r'data-shades="(\d+)"', shown["head"])
    assert [len(one) for one in shades] == list(range(1, len(reading.ids) + 1))


def test_no_text_becomes_markup(pages):
    for call in (pages.attention, pages.streams, pages.ablation, pages.alone):
        made = "".join(of(call({"text": TEXT + "\"'&<script>"}))["parts"].values())
        assert "<script" not in made
        assert "<b>was" not in made
        assert "style=" not in made


def test_every_cell_of_the_lens_carries_its_five_likeliest(pages):
    table = of(pages.streams({"text": TEXT}))["parts"]["lens"]
    cells = re.findall(
        '<button[^>]*class="(look-cell[^"]*)"[^>]*data-likely="([^"]*)"[^>]*>(.*?)</button>', table
    )
    assert len(cells) == 5 * len(looking.read(pages.model, TEXT).ids)
    for _, likely, shown in cells:
        five = json.loads(html.unescape(likely))
        assert len(five) == 5
        assert f"<small>{five[0][1]}</small>" in html.unescape(shown)


@pytest.mark.parametrize(
    ("call", "asked", "says"),
    [
        ("attention", {}, "write something first"),
        ("streams", {"text": "x " * 99}, "shorten it"),
        ("ablation", {"text": TEXT, "off": ["keep_mlp.9"]}, "the model has no part"),
        ("attention", {"text": TEXT, "layer": 7, "head": 0}, "the model has no head 8.1"),
    ],
)
def test_the_worker_hears_of_an_error_in_words(model, monkeypatch, call, asked, says):
    monkeypatch.setattr(page, "MODEL", [model])
    monkeypatch.setattr(page, "_LOOKING", [])
    assert says in json.loads(of(page.answer(call, json.dumps(asked))))["error"]


def test_the_worker_gets_the_parts(model, monkeypatch):
    monkeypatch.setattr(page, "MODEL", [model])
    monkeypatch.setattr(page, "_LOOKING", [])
    shown = json.loads(of(page.answer("ablation", json.dumps({"text": TEXT, "off": ["keep_mlp.0"]}))))
    assert "Without MLP of layer 1" in shown["parts"]["loss"]
    whole, now, change = (numbers(one) for one in re.findall("<tr><th.*?</tr>", shown["parts"]["loss"])[:3])
    assert change == pytest.approx(
        [after - before for before, after in zip(whole, now, strict=True)], abs=2e-3
    )
