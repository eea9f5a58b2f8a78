"""What the site's build makes of the packed model: named by hash, the same again, right in ONNX Runtime."""

from __future__ import annotations

import gzip
import json
import shutil
import threading
import urllib.request
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from nanochat.files import file_hash
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE
from web import assets, model_files, serve
from web.embedding_map import embedding_map, is_text
from web.packed_model import FOLDER, open_packed

CLOSE = {"atol": 1e-4, "rtol": 0.0}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has the model's files and nothing else."""
    site = tmp_path_factory.mktemp("site")
    model_files.build(site, cache=tmp_path_factory.mktemp("cache"))
    assets.copy_ort(site / "assets" / "ort")
    return site


@pytest.fixture(scope="module")
def folder(site: Path) -> Path:
    return site / "assets" / "model"


@pytest.fixture(scope="module")
def listed(folder: Path) -> dict:
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


def session_of(folder: Path, listed: dict, which: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(folder / listed["files"][which]["name"], options)


def outputs_of(folder: Path, listed: dict, ids: list[int]) -> dict[str, np.ndarray]:
    """All outputs of one call without a past."""
    past = {name: np.zeros(one["shape"], one["type"]) for name, one in listed["empty_cache"].items()}
    keep = {
        name: np.ones(one["shape"], np.float32)
        for name, one in listed["inputs"].items()
        if name.startswith("keep_")
    }
    session = session_of(folder, listed, "model")
    found = session.run(None, {"ids": np.array([ids]), **past, **keep})
    return dict(zip(listed["outputs"], found, strict=True))


def test_the_list_names_every_file_with_its_size_and_hash(site, folder, listed):
    names = {one["name"] for one in listed["files"].values()}
    assert names | {"model.json"} == {path.name for path in folder.iterdir()}
    for place, files in ((folder, listed["files"]), (site / "assets" / "ort", listed["runtime"])):
        for one in files.values():
            assert (place / one["name"]).stat().st_size == one["bytes"]
            assert file_hash(place / one["name"]) == one["sha256"]
    assert all(one["sha256"][:12] in one["name"] for one in listed["files"].values())
    assert {one["plain_name"] for one in listed["files"].values()} >= {RANKS_FILE, SETTINGS_FILE}


def test_a_second_build_is_the_same_with_the_cache_and_without(folder, tmp_path):
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    for _ in range(2):
        again = model_files.build(tmp_path / "site", cache=tmp_path / "cache")
        assert {path.name: path.read_bytes() for path in again.iterdir()} == first
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_missing_or_damaged_model_stops_the_build(tmp_path):
    with pytest.raises(assets.AssetError, match="there is no packed model in"):
        model_files.build(tmp_path / "site", tmp_path / "nothing", tmp_path / "cache")
    bad = Path(shutil.copytree(FOLDER, tmp_path / "bad"))
    (bad / "scores.json").write_text("{}", encoding="utf-8")
    with pytest.raises(assets.AssetError, match=r"scores.json is not the file that was packed"):
        model_files.build(tmp_path / "site", bad, tmp_path / "cache")
    assert not (tmp_path / "site").exists()


def test_the_list_says_what_goes_in_and_comes_out(folder, listed):
    session = session_of(folder, listed, "model")
    assert [one.name for one in session.get_inputs()] == list(listed["inputs"])
    assert [one.name for one in session.get_outputs()] == list(listed["outputs"])
    config = open_packed().config
    assert listed["context"] == config.sequence_len
    assert listed["windows"] == config.windows()
    assert listed["model"] == config.to_dict()
    assert {"keep_attention", "keep_mlp"} <= listed["inputs"].keys()
    assert {f"attention_{config.n_layer - 1}", f"stream_{config.n_layer}"} <= listed["outputs"].keys()
    assert len(listed["outputs"]["logits"]["shape"]) == 3  # after every token
    lens = session_of(folder, listed, "lens")
    assert [one.name for one in lens.get_inputs()] == list(listed["lens"]["inputs"])


def test_the_fifty_texts_come_out_of_onnx_runtime_as_out_of_pytorch(folder, listed):
    for text in open_packed().expected["texts"][::5]:
        kept = text["int8"]
        ids = [*text["prompt"], *kept["ids"]][:-1]
        logits_TV = torch.from_numpy(outputs_of(folder, listed, ids)["logits"][0])
        chances_TV = torch.softmax(logits_TV[len(text["prompt"]) - 1 :].double(), dim=1)
        for chances_V, top in zip(chances_TV, kept["top"], strict=True):
            for token_id, chance in top:
                assert float(chances_V[token_id]) == pytest.approx(chance, abs=1e-4)


def test_the_lens_at_the_last_layer_gives_the_models_logits(folder, listed):
    text = open_packed().expected["texts"][0]
    found = outputs_of(folder, listed, text["prompt"])
    lens = session_of(folder, listed, "lens")

    def through(stream: int) -> torch.Tensor:
        x = found[f"stream_{stream}"][0]
        halfway = listed["lens"]["halfway"][stream]
        given = {
            "stream": x,
            "halfway": np.zeros_like(x) if halfway is None else found[f"stream_{halfway}"][0],
        }
        given = {name: given[name] for name in listed["lens"]["inputs"]}
        return torch.from_numpy(lens.run(None, given)[0])

    logits_TV = torch.from_numpy(found["logits"][0])
    torch.testing.assert_close(through(listed["n_layer"]), logits_TV, **CLOSE)
    assert not torch.allclose(through(1), logits_TV, atol=0.1)


def test_the_tokenizer_can_be_opened_under_its_plain_names(folder, listed, tmp_path):
    for name in ("ranks", "tokenizer"):
        one = listed["files"][name]
        shutil.copyfile(folder / one["name"], tmp_path / one["plain_name"])
    assert FastTokenizer.load(tmp_path).fingerprint == open_packed().tokenizer().fingerprint


# ---- embeddings ----


def test_the_map_of_embeddings(folder, listed):
    path = folder / listed["files"]["embeddings"]["name"]
    made = json.loads(path.read_text(encoding="utf-8"))
    assert len(gzip.compress(path.read_bytes(), 6)) < 150_000
    packed = open_packed()
    tokenizer = packed.tokenizer()
    assert made["ids"] == [one for one in range(tokenizer.n_vocab) if is_text(tokenizer, one)]
    assert len(made["ids"]) > 0.9 * tokenizer.n_vocab
    assert {len(made[name]) for name in made if name != "variance"} == {len(made["ids"])}
    assert made["texts"] == [tokenizer.token_bytes(one).decode() for one in made["ids"]]
    assert len(made["variance"]) == 2
    assert 1 > made["variance"][0] >= made["variance"][1] > 0
    rows_NC = packed.tensors()["embedding.weight"][made["ids"]].double()
    for place in range(0, len(made["ids"]), 500):
        cosines_N = torch.cosine_similarity(rows_NC[place : place + 1], rows_NC)
        cosines_N[place] = -1
        best = cosines_N.topk(8)
        assert made["similarity"][place] == pytest.approx(best.values.tolist(), abs=0.006)
        assert made["neighbours"][place] == [made["ids"][one] for one in best.indices.tolist()]


def test_coordinates_are_the_first_two_components():
    from nanochat.tokenizer.tokenizer import sample_tokenizer

    table_VC = np.random.default_rng(1).standard_normal((2_048, 12)).astype(np.float32)
    table_VC[:, 3] *= 9  # where nearly all of the difference is
    made = embedding_map(table_VC, sample_tokenizer())
    rows_NC = table_VC[made["ids"]]
    unit_N = rows_NC[:, 3] / np.linalg.norm(rows_NC, axis=1)
    assert abs(np.corrcoef(made["x"], unit_N)[0, 1]) > 0.999
    assert np.var(made["x"]) > 2 * np.var(made["y"])


# ---- the server ----


@pytest.mark.parametrize(("pattern", "kind", "packed"), [
    ("model/model-*.onnx", "application/octet-stream", False),
    ("model/lens-*.onnx", "application/octet-stream", False),
    ("model/tokenizer-*.tiktoken", "text/plain; charset=utf-8", True),
    ("model/embeddings-*.json", "application/json", True),
    ("ort/*.wasm", "application/wasm", True),
    ("ort/*.mjs", "text/javascript; charset=utf-8", True),
])  # fmt: skip
def test_the_server_sends_them_with_their_types(site, pattern, kind, packed):
    (path,) = (site / "assets").glob(pattern)
    server = serve.start(site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = (
            f"http://127.0.0.1:{server.server_port}/assets/{path.relative_to(site / 'assets').as_posix()}"
        )
        request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            data = answer.read()
            assert answer.headers["Content-Type"] == kind
            assert (answer.headers["Content-Encoding"] == "gzip") == packed
        assert (gzip.decompress(data) if packed else data) == path.read_bytes()
    finally:
        server.shutdown()
        server.server_close()


def test_the_runtime_is_the_plain_build_and_brings_its_licence(site):
    there = {path.name for path in (site / "assets" / "ort").iterdir()}
    assert there == {*assets.ORT, "LICENSE.txt", "ThirdPartyNotices.txt"}
    assert "Microsoft" in (site / "assets" / "ort" / "LICENSE.txt").read_text(encoding="utf-8")
    assert not any(word in name for name in there for word in ("jsep", "webgpu", "jspi", "asyncify"))


def test_the_lock_file_holds_hashes_and_no_addresses():
    lock = json.loads((assets.NPM.parent / "package-lock.json").read_text(encoding="utf-8"))
    for name, package in lock["packages"].items():
        assert not name or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name
