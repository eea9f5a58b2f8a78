"""Checks of a checkpoint: is it whole, is it this model's, are its numbers numbers, is all there to go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat.model.config import GPTConfig
from nanochat.model.tensors import state_rows, state_shape, tensor_shapes
from nanochat.train.checkpoint_meta import LOADER, META, MODEL, OPTIMIZER, Slice
from tools.checkpoints.header import HEADER_SUFFIX, SUFFIX, BadFile, Header, read_header
from tools.checkpoints.measuring import check_hashes, engine, in_words, measure_file
from tools.checkpoints.runs import Step
from tools.resume.evidence import Check, Evidence, State
from tools.resume.settings_checks import Asked

NEEDED_IN_META = ("guard", "loss_scale", "tokens")
FIRST_ROWS = "mean/embedding.weight@0:"
STORED = "F32"  # weights and state are kept in it, whatever the products were


@dataclass
class Looked:
    """One checkpoint as it was looked at: why it is damaged, and what speaks against going on from it."""

    step: Step
    damage: list[str] = field(default_factory=list)  # the trainer passes over it
    harm: list[str] = field(default_factory=list)  # the trainer takes it, and refuses to go on
    notes: list[str] = field(default_factory=list)
    hashed: str = "no hash checked"
    scanned_by: str = ""

    @property
    def state(self) -> str:
        """How it is, in a word."""
        return "damaged" if self.damage else "not usable" if self.harm else "good"


def look_at(step: Step, asked: Asked, evidence: Evidence, quick: bool, who: str) -> Looked:
    """All that can be known of one checkpoint."""
    found = Looked(step)
    found.damage = list(step.problems)
    if not quick and step.meta is not None:
        told = " ".join(found.damage)
        hashes = check_hashes(step) if not evidence.is_loose else given_hashes(step)
        if hashes:
            whole = len(hashes) == len(step.meta.hashes)
            found.hashed = (
                "every hash checked" if whole else f"the hashes of {len(hashes)} of its files checked"
            )
        found.damage += [f"{name} {why}" for name, why in hashes.items() if why and name not in told]
    if found.damage or step.model_path is None:
        return found
    if step.meta is not None:
        found.harm += meta_problems(step.meta.meta, asked.shape)
    if asked.shape is not None:
        found.harm += weight_problems(step.header, asked.shape)
        found.harm += optimizer_problems(step, asked.shape, evidence.is_loose)
    found.harm += loader_problems(step, asked, evidence)
    if not quick and not found.harm:
        scan(found, who)
    return found


def given_hashes(step: Step) -> dict[str, str]:
    """`check_hashes` of loose files: those that were not given are not missing."""
    return {name: why for name, why in check_hashes(step).items() if why != "is not there"}


def meta_problems(meta: Mapping[str, Any], shape: GPTConfig | None) -> Iterator[str]:
    """What a checkpoint's own meta lacks, or says of another model."""
    for name in NEEDED_IN_META:
        if name not in meta:
            yield f"{META} does not say {name}"
    said, wanted = meta.get("model"), shape.to_dict() if shape else {}
    if wanted and isinstance(said, dict) and said != wanted:
        name = next((key for key, value in wanted.items() if said.get(key) != value), "a setting")
        yield f"{META} is of a model with {name} {said.get(name)}, config.json has {wanted.get(name)}"


def weight_problems(header: Header, shape: GPTConfig) -> Iterator[str]:
    """How the weights differ from the model's by its config."""
    expected = tensor_shapes(shape)
    for name, sides in expected.items():
        tensor = header.named.get(name)
        if tensor is None:
            yield f"{MODEL} lacks {name}"
        elif tensor.shape != sides:
            wanted = " × ".join(f"{side:,}" for side in sides)
            yield f"{MODEL} holds {name} as {tensor.shape_text}, and config.json makes it {wanted}"
        elif tensor.dtype != STORED:
            yield f"{MODEL} holds {name} as {tensor.dtype}, and training keeps {STORED}"
    for name in header.named:
        if name not in expected:
            yield f"{MODEL} holds {name}, which config.json's model does not have"


def optimizer_headers(step: Step) -> dict[str, Header]:
    """The headers of the optimizer's files, by name."""
    found = {}
    for name, path in step.files.items():
        if name.startswith(OPTIMIZER) and name.endswith((SUFFIX, HEADER_SUFFIX)):
            found[name] = read_header(path)
    return found


def optimizer_problems(step: Step, shape: GPTConfig, loose: bool) -> Iterator[str]:
    """What is missing of the optimizer's state, or is of another model."""
    headers = optimizer_headers(step)
    if not headers:
        if not loose:
            yield "the optimizer's state is not there"
        return
    if loose and len(headers) < processes_of(step):
        return  # a part was given: what is missing says nothing
    shapes, rows = tensor_shapes(shape), state_rows(shape)
    pieces: dict[str, list[Slice]] = {}
    for file, header in headers.items():
        for tensor in header.tensors:
            try:
                piece = Slice.of(file, tensor.name)
            except ValueError:
                yield f"{file} holds {tensor.name}, which is no state of an optimizer"
                return
            state, _, name = piece.name.partition("/")
            if piece.name not in rows:
                yield f"{file} holds the state {piece.name}, which this model's optimizer does not have"
                return
            whole = state_shape(state, shapes[name])
            if tensor.shape != (piece.last - piece.first, *whole[1:]):
                yield f"{file} holds {tensor.name} as {tensor.shape_text}, which does not fit the model"
                return
            pieces.setdefault(piece.name, []).append(piece)
    for name, count in rows.items():
        missing = first_gap(pieces.get(name, []), count)
        if missing is not None:
            yield f"the optimizer's state lacks row {missing:,} of {name}"
            return


def first_gap(pieces: list[Slice], rows: int) -> int | None:
    """The first row that no piece holds, of so many.

    >>> first_gap([Slice("f", "k", "n", 0, 4), Slice("f", "k", "n", 4, 6)], 8)
    6
    """
    at = 0
    for piece in sorted(pieces, key=lambda one: one.first):
        if piece.first > at:
            return at
        at = max(at, piece.last)
    return at if at < rows else None


def processes_of(step: Step) -> int:
    """How many processes wrote a checkpoint: `optimizer-00-of-02.safetensors` was written by two.

    The files say it, and where they are not at hand the names in `meta.json`.
    """
    names = [*(step.meta.hashes if step.meta else ()), *step.files]
    numbers = [name.split("-of-")[1].split(".")[0] for name in names if "-of-" in name]
    return max((int(number) for number in numbers if number.isdecimal()), default=1)


def machines_of(step: Step) -> int:
    """On how many machines it was written.

    The processes of one machine share the rows of the state, and all machines keep the same: so the
    rows that the first process has of the largest table say how many share it.
    """
    world, shape = processes_of(step), step.model
    first = next((name for name in step.files if name.startswith(f"{OPTIMIZER}00-of-")), None)
    if shape is None or first is None or world == 1:
        return 1
    try:
        names = read_header(step.files[first]).named
    except BadFile:
        return 1
    rows = next((Slice.of(first, name).last for name in names if name.startswith(FIRST_ROWS)), 0)
    sharing = -(-shape.padded_vocab_size // rows) if rows else world
    # A table that is too small to be shared says nothing.
    return world // sharing if sharing > 1 and world % sharing == 0 else 1


# ---- where it was in the text ----


def loader_states(step: Step) -> list[dict[str, Any]]:
    """Where each process was in the text. Raises `ValueError` for a file that says nothing."""
    names = sorted(name for name in step.files if name.startswith(LOADER))
    found = [json.loads(step.files[name].read_bytes()) for name in names]
    if not all(isinstance(state, dict) for state in found):
        raise ValueError("a file of the loader is no JSON object")
    return found


def loader_problems(step: Step, asked: Asked, evidence: Evidence) -> Iterator[str]:
    """What speaks against going on in the text where the checkpoint says."""
    try:
        states = loader_states(step)
    except (ValueError, OSError):
        yield "the position in the text (loader-…json) cannot be read"
        return
    if not states:
        if not evidence.is_loose:
            yield "the position in the text (loader-…json) is not there"
        return
    plan, stage = asked.plan, evidence.run.stage
    if stage == "rl" or plan is None:
        if stage == "rl" and step.step is not None and states[0].get("step") != step.step:
            yield f"the loader is at step {states[0].get('step')}, the checkpoint at {step.step}"
        return
    rows = {state.get("rows") for state in states}
    if len(rows) > 1:
        yield f"the processes were at different rows of the text: {sorted(map(str, rows))}"
        return
    at = rows.pop()
    if step.step is not None and at != step.step * plan.batch_size:
        yield (
            f"the text is at row {at:,}, and {step.step:,} steps of {plan.batch_size} rows make "
            f"{step.step * plan.batch_size:,}"
        )
    yield from other_text(states[0], evidence, plan.config.sequence_len, plan.settings.seed)


def other_text(state: Mapping[str, Any], evidence: Evidence, seq_len: int, seed: int) -> Iterator[str]:
    """Where the loader was in another text than config.json says."""
    config = evidence.config
    expected: dict[str, Any] = {"seq_len": seq_len}
    if evidence.run.stage == "base":
        expected |= {
            "seed": seed, "packing": evidence.settings.get("packing"),
            "corpus": config.get("corpus", {}).get("fingerprint"),
            "tokenizer": config.get("tokenizer", {}).get("fingerprint"),
        }  # fmt: skip
    else:
        expected |= {"examples": config.get("text", {}).get("fingerprint")}
    for name, value in expected.items():
        if value is not None and state.get(name) != value:
            yield f"the text cannot be continued: its {name} was {state.get(name)}, config.json says {value}"


# ---- numbers that are none ----


def scan(found: Looked, who: str) -> None:
    """Look through every number of the weights and of the optimizer's state."""
    paths: list[Path] = [path for name, path in found.step.files.items() if name.endswith(SUFFIX)]
    headers = [read_header(path) for path in paths]
    if not headers:
        return
    reader = engine(who, sum(header.file_bytes for header in headers))
    for header in headers:
        for name, measured in measure_file(header, reader):
            if not measured.is_good:
                found.harm.append(
                    f"{header.path.name} holds NaN or infinite numbers: {measured.not_finite:,} in {name}"
                )
    found.scanned_by = in_words(reader)


def checkpoint_checks(
    chosen: Looked | None, older: list[Looked], evidence: Evidence, quick: bool
) -> list[Check]:
    """The checks about the checkpoint that the trainer would take."""
    if chosen is None and not older:
        if evidence.is_loose:
            return [Check("checkpoint", "Checkpoint", State.UNKNOWN, "no file of a checkpoint was given")]
        found = "none was saved yet: --resume begins with the first step again"
        return [Check("checkpoint", "Checkpoint", State.NOTE, found)]
    if chosen is None:
        reason = older[0].damage[0]
        way = "copy one back from a backup; otherwise the run must begin anew under another --name"
        return [
            Check(
                "checkpoint",
                "Checkpoint",
                State.BAD,
                f"all are damaged; {older[0].step.title}: {reason}",
                way,
            )
        ]
    checks = []
    passed = [one for one in older if one.damage and (one.step.step or 0) > (chosen.step.step or 0)]
    for one in passed:
        found = f"{one.step.name} is damaged and passed over: {one.damage[0]}"
        checks.append(Check(f"damaged_{one.step.name}", "Newer checkpoint", State.NOTE, found))
    step, name = (
        chosen.step,
        f"step {chosen.step.step:,}" if chosen.step.step is not None else "the checkpoint",
    )
    files = [what for what in (MODEL, OPTIMIZER, LOADER, META) if not has(step, what)]
    if chosen.harm:
        for place, reason in enumerate(chosen.harm):
            key = "checkpoint" if not place else f"checkpoint_{place + 1}"
            checks.append(Check(key, "Checkpoint", State.BAD, f"{name}: {reason}", way_out_of(chosen, older)))
        return checks
    if files and evidence.is_loose:
        given = ", ".join(f"{what}…" if what.endswith("-") else what for what in files)
        checks.append(Check("not_given", "Files", State.UNKNOWN, f"{name}: not given: {given}"))
    how = chosen.hashed
    how += f", every number read by {chosen.scanned_by}" if chosen.scanned_by else ", numbers not read"
    if has(step, MODEL):
        checks.append(Check("checkpoint", "Checkpoint", State.GOOD, f"{name}: complete; {how}"))
    return checks


def has(step: Step, what: str) -> bool:
    """Whether a checkpoint has this file, or one whose name begins so."""
    return any(name == what or name == what + HEADER_SUFFIX or (what.endswith("-") and name.startswith(what))
               for name in step.files)  # fmt: skip


def way_out_of(chosen: Looked, older: list[Looked]) -> str:
    """What to do about a checkpoint that the trainer would take, and should not."""
    good = next((one for one in older if not one.damage and not one.harm), None)
    if any("config.json" in reason for reason in chosen.harm):
        return "put config.json back as it was when the run began"
    if good is None:
        return "no older one is good; start a new run under another --name"
    folder = chosen.step.folder
    return f"move {folder} away, and the run goes on from step {good.step.step:,}"
