"""What the pages load of the model: `assets/model/` of the site, made from `site_docs/browser`.

    model-HASH.onnx        the model in 8 bits, with logits after each token, attention weights, the stream
                           and switches for each layer (`nanochat.model.export_onnx`)
    lens-HASH.onnx         the end of the model alone (`nanochat.model.onnx_lens`)
    embeddings-HASH.json   where each token's embedding lies, and its nearest neighbours
    tokenizer-HASH.*       the tokenizer's ranks and settings
    model.json             the names of all these and of the runtime's files (`assets/ort/`), what goes in and
                           comes out, what was measured

Names carry a hash of the content, so a browser may keep a file as long as it likes. All of it follows from
the folder and the code, so a second build takes it from `.cache/`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from nanochat.commands.export_onnx_folder import about_model
from nanochat.errors import UserError
from nanochat.files import file_hash
from nanochat.model import eight_bits, export_onnx, onnx_graph, onnx_lens
from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.onnx_graph import described, save
from nanochat.model.onnx_lens import halfway_stream, lens_model
from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE
from web import embedding_map, packed_model
from web.assets import AssetError, ort_files
from web.packed_model import PackedModel, open_packed

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "browser_model"
LIST = "model.json"
FORM = Form("int8", all_logits=True, attentions=True, streams=True, ablations=True)
# A change of any of these may change what is made.
CODE = (eight_bits, export_onnx, onnx_graph, onnx_lens, embedding_map, packed_model)


def build(site: Path, folder: Path = packed_model.FOLDER, cache: Path = CACHE) -> Path:
    """Fill `site/assets/model`, and return that folder."""
    target = site / "assets" / "model"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(made_files(folder, cache), target)
    return target


def made_files(folder: Path = packed_model.FOLDER, cache: Path = CACHE) -> Path:
    """The folder with all files. What has not changed comes from the cache."""
    try:
        packed = open_packed(folder)
        made = cache / digest(packed)
        if not made.exists():
            make(made, packed)
    except UserError as error:
        raise AssetError(str(error)) from None
    return made


def digest(packed: PackedModel) -> str:
    """A hash of everything that the files are made from."""
    sources = [Path(__file__), *(Path(str(module.__file__)) for module in CODE)]
    files = [packed.folder / name for name in (packed_model.CONFIG, *packed.about["files"])] + ort_files()
    return short_hash("".join(file_hash(path) for path in sources + files).encode())


def make(made: Path, packed: PackedModel) -> None:
    """Make all files; the folder appears only when it is whole, and takes the place of older ones."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        new = Path(scratch) / "made"
        new.mkdir()
        about = make_files(new, packed)
        (new / LIST).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        for older in made.parent.iterdir():
            if older != Path(scratch):
                shutil.rmtree(older, ignore_errors=True)
        new.rename(made)


def make_files(folder: Path, packed: PackedModel) -> dict[str, Any]:
    """The files that `model.json` names, and what it says."""
    config, tensors, tokenizer = packed.config, packed.tensors(), packed.tokenizer()
    run = packed.about["run"] | {"sha256": packed.about["sha256"]["unpacked"]}
    about = about_model(run, config, FORM, tokenizer, packed.scores["bits_per_byte"])
    metadata = {name: json.dumps(value) for name, value in about.items()}
    model, lens = onnx_model(config, tensors, FORM, metadata), lens_model(config, tensors, FORM.dtype)
    plain = folder / "plain"
    plain.mkdir()
    save(model, plain / "model.onnx")
    save(lens, plain / "lens.onnx")
    table_VC = tensors["embedding.weight"][: config.vocab_size].numpy()
    write_plain(plain / "embeddings.json", embedding_map.embedding_map(table_VC, tokenizer))
    files = {
        "model": named(plain / "model.onnx", folder),
        "lens": named(plain / "lens.onnx", folder),
        "embeddings": named(plain / "embeddings.json", folder),
        "ranks": named(packed.folder / RANKS_FILE, folder),
        "tokenizer": named(packed.folder / SETTINGS_FILE, folder),
    }
    shutil.rmtree(plain)
    return {
        "files": files,
        "runtime": {path.name: listed(path, path.name) for path in ort_files()},
        **about,
        "context": config.sequence_len,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "windows": config.windows(),
        "parameters": packed.about["parameters"],
        "inputs": described(model.graph.input),
        "outputs": described(model.graph.output),
        "empty_cache": empty_cache(config),
        "lens": {
            "inputs": described(lens.graph.input),
            "outputs": described(lens.graph.output),
            "halfway": [halfway_stream(config, stream) for stream in range(config.n_layer + 1)],
        },
        "scores": short_scores(packed),
    }


def download_bytes() -> int:
    """What a page fetches at the first question for the model: its weights and the runtime."""
    about = json.loads((made_files() / LIST).read_bytes())
    return int(about["files"]["model"]["bytes"] + sum(one["bytes"] for one in about["runtime"].values()))


def short_scores(packed: PackedModel) -> dict[str, Any]:
    """What was measured of each run, and of the weights in 8 bits: the figures, without the replies."""
    told = ("task", "metric", "value", "error", "n", "step")
    every = {**packed.scores["runs"], "int8": packed.scores["int8"]}
    return {
        which: [{name: score[name] for name in told} for score in scores] for which, scores in every.items()
    }


def named(path: Path, folder: Path) -> dict[str, Any]:
    """Copy a file to its name with a hash; that name, its size, the name that Python's modules know it by."""
    name = f"{path.stem}-{file_hash(path)[:12]}{path.suffix}"
    shutil.copyfile(path, folder / name)
    return listed(path, name)


def listed(path: Path, name: str) -> dict[str, Any]:
    """What the list says of a file that pages find by this name."""
    return {
        "name": name, "plain_name": path.name, "bytes": path.stat().st_size, "sha256": file_hash(path)
    }  # fmt: skip


def write_plain(path: Path, data: object) -> None:
    """JSON without a space too many."""
    path.write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")


def short_hash(data: bytes) -> str:
    """Twelve letters of a SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]
