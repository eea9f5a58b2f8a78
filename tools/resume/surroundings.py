"""Checks of what lies around a run: corpus, tokenizer, the run it came from, the disk, who else has it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.home import checked_name
from nanochat.tokenizer.tokenizer import SETTINGS_FILE, Tokenizer
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.run_files import CONFIG
from nanochat.train.sft_plan import fingerprint_of, how_many
from nanochat.train.sft_settings import SftSettings
from tools.checkpoints.measuring import check_hashes
from tools.checkpoints.runs import RUNS, Run, is_run, open_run
from tools.checkpoints.wording import in_bytes
from tools.resume.evidence import Check, Evidence, State
from tools.resume.settings_checks import NEW_RUN, Asked

CORPUS_FILE, CORPUS_FORMAT = "corpus.json", 1
OWN_TOKENIZER = "tokenizer"
LOCK = ".lock"
PREPARED = ("classics", "climbmix", "fineweb-edu")


def surroundings(evidence: Evidence, asked: Asked, quick: bool) -> list[Check]:
    """Every check of what lies around the run; of loose files nothing around them is known."""
    if evidence.is_loose:
        names = "corpus and tokenizer" if evidence.run.stage == "base" else "the run it starts from"
        found = f"{names}, disk, lock: only files are here"
        return [Check("surroundings", "Surroundings", State.UNKNOWN, found)]
    checks = [place_check(evidence), lock_check(evidence), writing_check(evidence)]
    if evidence.base is not None and asked.settings is not None:
        if evidence.run.stage == "base":
            checks += [tokenizer_check(evidence, evidence.base), corpus_check(evidence, evidence.base)]
        else:
            checks += origin_checks(evidence, evidence.base, quick)
            if isinstance(asked.settings, SftSettings):
                checks.append(conversations_check(evidence, asked.settings))
    return checks + list(machine_checks(evidence))


# ---- the run's folder ----


def place_check(evidence: Evidence) -> Check:
    """Whether the run lies where `--resume` looks for it."""
    folder = evidence.run.folder
    if evidence.base is None:
        way = f"move it to {RUNS}/{evidence.run.name} in a base folder, where --resume looks"
        return Check("place", "Place", State.BAD, f"{folder} is not under a folder {RUNS}/", way)
    try:
        checked_name(evidence.run.name)
    except UserError as error:
        complaint, _, way = str(error).rpartition("; ")
        return Check("place", "Place", State.BAD, complaint, f"rename the folder: {way}")
    return Check("place", "Place", State.GOOD, str(folder))


def lock_check(evidence: Evidence) -> Check:
    """Whether another process is training the run: it holds a lock, which goes with it however it ends."""
    path = (evidence.run.folder or Path()) / LOCK
    if not path.exists():
        return Check("lock", "Lock", State.GOOD, "nobody is training it")
    try:
        import fcntl
    except ImportError:  # not on this system
        return Check("lock", "Lock", State.UNKNOWN, "this system cannot be asked who trains it")
    try:
        with path.open("rb") as file:
            # Shared, and given back at once: nobody who wants it meanwhile is kept from it for long.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = holder_of(path)
        by = f"process {holder}" if holder else "another process"
        way = "wait until it ends, or stop it with Ctrl-C or SIGTERM: it saves before it leaves"
        return Check("lock", "Lock", State.BAD, f"{by} is training this run now", way)
    except OSError as error:
        return Check("lock", "Lock", State.UNKNOWN, f"cannot be asked: {error.strerror}")
    return Check("lock", "Lock", State.GOOD, "nobody is training it")


def holder_of(path: Path) -> int | None:
    """The process that holds a lock, where Linux says it."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    for line in lines:
        words = line.split()
        if len(words) > 5 and words[5].endswith(f":{inode}") and words[4].isdecimal():
            return int(words[4])
    return None


def writing_check(evidence: Evidence) -> Check:
    """Whether the next checkpoint can be written: permission, and room for one more."""
    folder = evidence.run.folder or Path()
    if not os.access(folder, os.W_OK | os.X_OK):
        way = "give yourself the right to write there, as chmod or its owner can"
        return Check("writing", "Disk", State.BAD, f"{folder} cannot be written to", way)
    needed = max((step.bytes for step in evidence.steps), default=0)
    free = shutil.disk_usage(folder).free
    found = f"{in_bytes(free)} free, a checkpoint takes {in_bytes(needed)}"
    if free < needed:
        way = "free some space, or lower --keep"
        return Check("writing", "Disk", State.BAD, f"{found}: the next one could not be saved", way)
    return Check("writing", "Disk", State.GOOD, found)


# ---- text ----


def folder_of(words: str, home: Path) -> Path:
    """Where a corpus or tokenizer lies: words with a slash are a path, others a name in the base folder."""
    return Path(words).expanduser() if os.sep in words else home / words


def tokenizer_check(evidence: Evidence, base: Path) -> Check:
    """Whether the tokenizer of that name is still the one the run was trained with."""
    name = str(evidence.settings.get("tokenizer"))
    folder = Path(name) if Path(name).is_dir() else folder_of(name, base / "tokenizer")
    expected = evidence.config.get("tokenizer", {}).get("fingerprint")
    own = (evidence.run.folder or Path()) / OWN_TOKENIZER
    way = f"the run keeps its own copy: put {own} in the place of {folder}" if own.is_dir() else NEW_RUN
    if not (folder / SETTINGS_FILE).is_file():
        return Check("tokenizer", "Tokenizer", State.BAD, f"there is no tokenizer in {folder}", way)
    try:
        found = Tokenizer.load(folder)
    except (ValueError, OSError) as error:
        return Check("tokenizer", "Tokenizer", State.BAD, str(error), way)
    if found.fingerprint != expected:
        said = f"{name!r} is not the one this run was trained with"
        return Check("tokenizer", "Tokenizer", State.BAD, said, way)
    return Check("tokenizer", "Tokenizer", State.GOOD, f"{name}, {found.n_vocab:,} tokens, the same")


def corpus_check(evidence: Evidence, base: Path) -> Check:
    """Whether the corpus of that name is there, whole, and still the same."""
    name, expected = (
        str(evidence.settings.get("corpus")),
        evidence.config.get("corpus", {}).get("fingerprint"),
    )
    folder = folder_of(name, base / "corpora")
    again = f"prepare it again with: nanochat data prepare --corpus {name}"
    if name not in PREPARED:
        again = f"prepare it again with: nanochat data prepare --corpus folder PATH --name {folder.name}"
    if not (folder / CORPUS_FILE).is_file():
        return Check("corpus", "Corpus", State.BAD, f"there is no corpus in {folder}", again)
    try:
        record = json.loads((folder / CORPUS_FILE).read_text(encoding="utf-8"))
        problem = corpus_problem(folder, record)
        shards = [*record["train"], record["validation"]]
        fingerprint = hashlib.sha256("\n".join(shard["sha256"] for shard in shards).encode()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return Check("corpus", "Corpus", State.BAD, f"{folder / CORPUS_FILE} is damaged", again)
    if problem:
        return Check("corpus", "Corpus", State.BAD, problem, again)
    if fingerprint != expected:
        found = f"{name!r} is not the text this run was trained on"
        return Check("corpus", "Corpus", State.BAD, found, f"put that one back in {folder}, or {NEW_RUN}")
    return Check("corpus", "Corpus", State.GOOD, f"{name}, {len(shards):,} shards, the same")


def corpus_problem(folder: Path, record: Mapping[str, Any]) -> str:
    """Why a corpus cannot be opened; "" if it can."""
    if record["format"] != CORPUS_FORMAT:
        return f"{folder / CORPUS_FILE} was written by another version of nanochat"
    for shard in [*record["train"], record["validation"]]:
        path = folder / shard["file"]
        if not path.is_file():
            return f"{path} is missing"
        if path.stat().st_size != shard["bytes"]:
            return f"{path} has {path.stat().st_size:,} bytes where {shard['bytes']:,} were written"
    return ""


def conversations_check(evidence: Evidence, settings: SftSettings) -> Check:
    """Whether the conversations are those that the run began with."""
    expected = evidence.config.get("text", {}).get("fingerprint")
    path = settings.conversations
    try:
        now = fingerprint_of(settings, how_many(settings))
    except OSError as error:
        where = (
            ""
            if path.startswith("/")
            else " seen from this folder; start the command where the run was started"
        )
        found = f"the conversations {path} cannot be read: {error.strerror}"
        return Check("conversations", "Conversations", State.BAD, found, f"put the file back{where}")
    if now != expected:
        found = "they are not the ones that the run began with"
        return Check("conversations", "Conversations", State.BAD, found, f"give those, or {NEW_RUN}")
    return Check(
        "conversations", "Conversations", State.GOOD, "the same mixture" + (f" and {path}" if path else "")
    )


# ---- the run it came from ----


def origin_checks(evidence: Evidence, base: Path, quick: bool) -> Iterator[Check]:
    """Whether the run that this one starts from is there, with the weights it had then."""
    name, then = evidence.settings.get("from_run"), evidence.config.get("origin")
    if not isinstance(name, str) or not isinstance(then, dict):
        way = f"put {CONFIG} back as it was"
        yield Check(
            "origin", "Starts from", State.BAD, f"{CONFIG} does not say which run it starts from", way
        )
        return
    folder = Path(name) if "/" in name or Path(name).is_dir() else base / RUNS / name
    if not is_run(folder) or not (run := open_run(folder)).config:
        way = f"put {then.get('folder', folder)} back: the trainer takes tokenizer and model from it"
        yield Check("origin", "Starts from", State.BAD, f"the run {name} is not in {folder}", way)
        return
    yield weights_check(run, name, then, evidence, quick)
    yield origin_tokenizer(folder, run.config, evidence, base)


def weights_check(run: Run, name: str, then: Mapping[str, Any], evidence: Evidence, quick: bool) -> Check:
    """Whether the weights that the run began with are still the ones that would be found.

    A run that has a checkpoint of its own goes on without them, if the other's model is still the same.
    """
    from_step = evidence.settings.get("from_step") or then.get("step")
    label = f"step {then.get('step')} of {name}"
    steps = [step for step in run.steps if from_step is None or step.step == from_step]
    for step in reversed(steps):
        problems = list(step.problems)
        if not problems and not quick:
            problems = [f"{file} {why}" for file, why in check_hashes(step).items() if why]
        if problems and from_step is None:  # the trainer looks at the one before
            continue
        if problems:
            return gone(f"{label}: {problems[0]}", run, evidence)
        if step.meta and step.meta.hashes.get(MODEL) == then.get("sha256"):
            return Check("origin", "Starts from", State.GOOD, f"{label}, the same weights")
        found = f"the run began from {label}, and step {step.step} is there now with other weights"
        return Check("origin", "Starts from", State.BAD, found, f"copy that one back, or {NEW_RUN}")
    found = f"the run began from {label}, and {name} has no good checkpoint" + (
        f" of step {from_step}" if from_step is not None else ""
    )
    return gone(found, run, evidence)


def gone(found: str, run: Run, evidence: Evidence) -> Check:
    """The check of first weights that are not to be had: they are needed where no others were saved yet."""
    if evidence.steps and run.config.get("model") == evidence.config.get("model"):
        return Check("origin", "Starts from", State.NOTE, f"{found}; it goes on from its own checkpoint")
    return Check("origin", "Starts from", State.BAD, found, f"copy that one back, or {NEW_RUN}")


def origin_tokenizer(folder: Path, config: Mapping[str, Any], evidence: Evidence, base: Path) -> Check:
    """Whether the tokenizer in the folder of the run it starts from is the one that run was trained with."""
    asked = config.get("tokenizer", {})
    place = folder / OWN_TOKENIZER
    if not place.is_dir():
        place = folder_of(str(asked.get("name")), base / "tokenizer")
    try:
        found = Tokenizer.load(place)
    except (ValueError, OSError) as error:
        said = str(error) if isinstance(error, ValueError) else f"there is no tokenizer in {place}"
        own = (evidence.run.folder or Path()) / OWN_TOKENIZER
        return Check("tokenizer", "Tokenizer", State.BAD, said, f"put the copy in {own} there")
    if found.fingerprint != evidence.config.get("tokenizer", {}).get("fingerprint"):
        said = f"the one in {place} is not the one this run was trained with"
        own = (evidence.run.folder or Path()) / OWN_TOKENIZER
        return Check("tokenizer", "Tokenizer", State.BAD, said, f"put the copy in {own} there")
    return Check("tokenizer", "Tokenizer", State.GOOD, f"{found.name}, {found.n_vocab:,} tokens, the same")


# ---- this machine ----


def installed(package: str) -> str | None:
    """The version of a package that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU that programs can use; no driver is started for it."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()


def machine_checks(evidence: Evidence) -> Iterator[Check]:
    """torch and the device, against those that the run began with."""
    then = evidence.config.get("made_with", {}).get("torch")
    now = installed("torch")
    if now is None:
        found = "torch is not installed in this Python; the command needs one that has it"
        yield Check("torch", "torch", State.NOTE, found)
    elif then is not None and now != then:
        found = f"{now} now, {then} when it began: it goes on, the last digits of the loss may differ"
        yield Check("torch", "torch", State.NOTE, found)
    else:
        yield Check("torch", "torch", State.GOOD, f"{now}, as when it began")
    device = str(evidence.config.get("machine", {}).get("device", ""))
    if not device or "CPU" in device or has_gpu():
        return
    fp8, dtype = evidence.settings.get("fp8"), evidence.settings.get("dtype")
    if fp8 or dtype == "fp16":
        word = "--fp8" if fp8 else "--dtype fp16"
        found = f"it was begun on {device} with {word}, and this machine has no GPU"
        yield Check("device", "Device", State.BAD, found, "go on where there is a GPU of that kind")
    else:
        yield Check("device", "Device", State.NOTE, f"it was begun on {device}; this machine has no GPU")
