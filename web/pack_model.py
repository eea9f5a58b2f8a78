"""From a finished run to the folder that the site ships (`web.packed_model`), and back to a run.

All that is written is there whole or not at all: a folder is made beside its place and renamed.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import nanochat
from nanochat.commands.export_onnx_loss import corpus_of
from nanochat.data.tasks.catalogue import CATALOGUE, open_task
from nanochat.errors import UserError
from nanochat.evaluation import results
from nanochat.evaluation.bits_per_byte import validation_sums
from nanochat.evaluation.generative import grader_of
from nanochat.evaluation.statistics import bits
from nanochat.evaluation.tasks import evaluate_task
from nanochat.files import file_hash, write_json
from nanochat.home import run_folder
from nanochat.inference.engine import Engine
from nanochat.model.eight_bits import pack, unpack
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE
from nanochat.toolbox.tools import make_tools
from nanochat.train import checkpoint, run_files
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.finished import OWN_TOKENIZER, FinishedRun, open_run
from nanochat.train.safe_files import tensor_file, write_tensors
from web.expected_texts import make_expected
from web.packed_model import CONFIG, EXPECTED, FORMAT, SCORES, VERSION, WEIGHTS, PackedModel, read_about

NAME = "browser"  # of the run that unpacking makes
ROWS, EVAL_TOKENS = 16, 8_192  # of the text to measure on, where the base run does not say
# What is told of a run; not where it lay.
TOLD = (
    "name", "stage", "asked", "settings", "parameters", "flops_per_token", "total_tokens", "corpus", "text",
    "machine", "made_with",
)  # fmt: skip


@dataclass(frozen=True)
class Link:
    """A run of the chain that ends with the model: base, then sft, then rl; and its weights."""

    run: FinishedRun
    step: int
    sha256: str

    def told(self) -> dict[str, Any]:
        """What config.json says of it."""
        known = {name: self.run.config[name] for name in TOLD if name in self.run.config}
        return {
            **known,
            "name": self.run.name,
            "stage": self.run.stage,
            "step": self.step,
            "sha256": self.sha256,
        }

    def scores(self) -> list[dict[str, Any]]:
        """What was measured of these weights."""
        found = [one for one in results.read_all(self.run.folder) if one.checkpoint == self.sha256]
        return [asdict(one) for one in results.newest(found).values()]


def chain_of(run: FinishedRun, step: int, sha256: str) -> list[Link]:
    """A run and those that it comes from, the first of them first."""
    found = [Link(run, step, sha256)]
    while origin := found[0].run.config.get("origin"):
        before = open_run(origin["folder"] if Path(origin["folder"]).is_dir() else origin["run"])
        found.insert(0, Link(before, origin["step"], origin["sha256"]))
    return found


# ---- packing ----


def pack_run(run: FinishedRun, step: int | None, folder: Path) -> PackedModel:
    """Write the folder of a run's model; one that is there is replaced.

    Raises `UserError` for a run without a good checkpoint, a text that is not there to measure on, and a
    place where something else lies.
    """
    if folder.exists():
        read_about(folder)  # so that no other folder is taken away
    stored, tokenizer = run.checkpoint(step), run.tokenizer()
    chain = chain_of(run, stored.step, stored.hashes[MODEL])
    before = run.model(stored, torch.device("cpu"), torch.float32)
    kept = pack(stored.model_tensors())
    plain = unpack(kept)
    after = GPT(run.model_config)
    after.load_state_dict(plain)
    after.eval()
    runs = {link.run.stage: link.scores() for link in chain}
    scores = {
        "runs": runs,
        "int8": rounded_scores(after, tokenizer, runs[run.stage]),
        "bits_per_byte": bits_per_byte(run, chain[0].run, before, after, tokenizer),
    }
    with folder_beside(folder) as new:
        write_tensors(new / WEIGHTS, kept, {"format": FORMAT, "version": str(VERSION)})
        tokenizer.save(new)
        write_json(new / SCORES, scores, indent=1)
        write_texts(new / EXPECTED, make_expected(before, after, tokenizer))
        about = describe(chain, tokenizer)
        about["sha256"] = {"trained": stored.hashes[MODEL], "unpacked": hash_of_tensors(plain)}
        names = (WEIGHTS, RANKS_FILE, SETTINGS_FILE, SCORES, EXPECTED)
        about["files"] = {name: file_hash(new / name) for name in names}
        write_json(new / CONFIG, about, indent=1)
    return PackedModel(folder, about)


def describe(chain: list[Link], tokenizer: FastTokenizer) -> dict[str, Any]:
    """What config.json says, but for the hashes."""
    last, first = chain[-1], chain[0]
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": {"name": last.run.name, "stage": last.run.stage, "step": last.step},
        "model": last.run.model_config.to_dict(),
        "parameters": last.run.config.get("parameters"),
        "tokenizer": {
            "name": tokenizer.name, "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.n_vocab
        },
        "corpus": first.run.config.get("corpus"),
        "runs": {link.run.stage: link.told() for link in chain},
        "seconds": seconds_of(first.run),
        "packed_with": {"nanochat": nanochat.__version__, "torch": torch.__version__},
    }  # fmt: skip


def seconds_of(base: FinishedRun) -> dict[str, float]:
    """How long each stage of the speedrun took, if one made these runs."""
    clock = base.folder.parents[1] / "speedrun" / f"{base.name}.json"
    if not clock.is_file():
        return {}
    return {stage: round(spent, 1) for stage, spent in run_files.read_json(clock).items()}


def bits_per_byte(
    run: FinishedRun, base: FinishedRun, before: GPT, after: GPT, tokenizer: FastTokenizer
) -> dict[str, Any] | None:
    """Bits per byte of the validation text before and after rounding: the text that the base run was measured
    on. None for a run that was trained on no corpus.
    """
    if "corpus" not in base.config:
        return None
    corpus, settings = corpus_of(run), base.config.get("settings", {})
    tokens = int(settings.get("eval_tokens") or EVAL_TOKENS)
    rows = int(settings.get("batch_size") or ROWS)
    found = {}
    for name, model in (("fp32", before), ("int8", after)):
        nats, n_bytes = validation_sums(
            model.nats_per_token, corpus, tokenizer, batch_size=rows, seq_len=model.config.sequence_len,
            tokens=tokens, device_batch=rows, device=torch.device("cpu"),
        )  # fmt: skip
        found[name] = bits(nats, n_bytes)
    return {"corpus": corpus.name, "tokens": tokens, "bytes": int(n_bytes), **found}


def rounded_scores(
    after: GPT, tokenizer: FastTokenizer, scores: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The scores of a run's tasks once more, of its weights in 8 bits: the same questions, asked alike."""
    engine = Engine(copy.deepcopy(after), tokenizer, tool=make_tools(python=False))  # lays matrices out anew
    found = []
    for score in scores:
        if score["task"] not in CATALOGUE or score["settings"].get("temperature") != 0:
            continue
        task = open_task(score["task"], score["split"])
        result = evaluate_task(engine, tokenizer, task, score["limit"], grade=grader_of(task))
        named = {"metric": score["metric"], "step": score["step"], "value": result.accuracy}
        found.append({**result.to_dict(), **named, "replies": result.replies})
    return found


def write_texts(path: Path, expected: Mapping[str, Any]) -> None:
    """The JSON of `expected.json`, a line for each text."""
    *_, (last, texts) = expected.items()
    head = json.dumps({name: value for name, value in expected.items() if name != last})[:-1]
    lines = ",\n".join(json.dumps(text, ensure_ascii=False, separators=(",", ":")) for text in texts)
    path.write_text(f'{head}, "{last}": [\n{lines}\n]}}\n', encoding="utf-8")


def hash_of_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """The SHA-256 that a file of these tensors has."""
    digest = hashlib.sha256()
    for chunk in tensor_file(tensors):
        digest.update(chunk)
    return digest.hexdigest()


# ---- unpacking ----


def unpack_run(packed: PackedModel, name: str = NAME) -> Path:
    """Make a run of a packed model, as a trainer leaves one. Raises `UserError` if that name is taken."""
    folder, step = run_folder(name), packed.about["run"]["step"]
    if folder.exists():
        raise UserError(f"there is a run {name!r} already; give another --name, or remove {folder}")
    tensors = packed.tensors()
    packed.model()  # a folder whose parts do not fit is refused before anything is written
    with folder_beside(folder) as new:
        write_json(new / run_files.CONFIG, record_of(packed, name))
        packed.tokenizer().save(new / OWN_TOKENIZER)
        checkpoint.save(new, step, tensors, {}, {"model": packed.about["model"]})
    return folder


def record_of(packed: PackedModel, name: str) -> dict[str, Any]:
    """The config.json of the run: as the last of its runs had it, but measured on the text of the first."""
    about, runs = packed.about, packed.about["runs"]
    first, last = next(iter(runs.values())), runs[about["run"]["stage"]]
    measured = {key: first.get("settings", {}).get(key) for key in ("eval_tokens", "batch_size")}
    return {
        **{key: value for key, value in last.items() if key in TOLD},
        "name": name,
        "settings": {**last.get("settings", {}), **measured, "steps": last["step"]},
        "model": about["model"],
        "tokenizer": about["tokenizer"],
        **({"corpus": about["corpus"]} if about["corpus"] else {}),
        "packed": {"sha256": about["sha256"], "runs": runs},
    }


@contextlib.contextmanager
def folder_beside(folder: Path) -> Iterator[Path]:
    """A new folder that takes the place of `folder` if all goes well, and is gone if not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new = beside / "new"  # with the rights of an ordinary folder; mkdtemp's is for its owner alone
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(beside / "old")
        new.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
