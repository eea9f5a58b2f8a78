"""The resume helper: every refusal with its way out, on real runs that are then spoiled; pages, flags."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nanochat import cli
from nanochat.files import file_hash
from nanochat.model.config import GPTConfig
from nanochat.train.checkpoint_meta import Meta, hash_of
from nanochat.train.safe_files import write_tensors
from tests.tools.checkpoint_runs import base_folder_at, train_all
from tests.train.small_run import one_thread
from tools.checkpoints.runs import Run, Step
from tools.core import page
from tools.core.errors import UsageError
from tools.core.given import give, take_back
from tools.core.json_report import figures
from tools.resume.checkpoint_checks import machines_of
from tools.resume.command import resume_command
from tools.resume.evidence import Evidence
from tools.resume.settings_checks import KINDS, read_flags
from tools.training_resume_helper import TOOL

SCRIPT = Path(__file__).parents[2] / "tools" / "training_resume_helper.py"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base folder with a run of each stage, all finished."""
    folder = tmp_path_factory.mktemp("base")
    train_all(folder)
    return folder


@pytest.fixture
def base(trained, tmp_path):
    """A copy in which each run lacks its last checkpoint, so that something is left to do."""
    folder = tmp_path / "base"
    shutil.copytree(trained, folder)
    shutil.rmtree(folder / "runs" / "small" / "checkpoints" / "step_000008")
    shutil.rmtree(folder / "runs" / "small-sft" / "checkpoints" / "step_000008")
    shutil.rmtree(folder / "runs" / "small-rl" / "checkpoints" / "step_000002")
    with base_folder_at(folder):
        yield folder


@pytest.fixture
def whole(trained, tmp_path):
    """A copy with all checkpoints: what later stages start from is still there."""
    shutil.copytree(trained, tmp_path / "whole")
    with base_folder_at(tmp_path / "whole"):
        yield tmp_path / "whole"


def step_folder(base: Path, run: str = "small", step: int = 4) -> Path:
    return base / "runs" / run / "checkpoints" / f"step_{step:06d}"


def refusals(**values) -> list[tuple[str, str, str]]:
    """What, why, and the way out, of everything that is refused."""
    report = TOOL.ask(**values)
    rows = figures(report).get("refusals", {}).get("refusals", [])
    assert report.ok is not bool(rows)
    return [(row["what"], row["why"], row["way_out"]) for row in rows]


def refused(**values) -> str:
    """All refusals in one text, each a sentence, each with a way out."""
    rows = refusals(**values)
    assert rows
    for _, why, way in rows:
        assert (why[-1], why.count("\n"), way[-1]) == (".", 0, ".")
        assert len(way) > 10
    return " ".join(" ".join(row) for row in rows)


def trainer_refuses(*words: str) -> str:
    """What the trainer itself says to `--resume`."""
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()), one_thread():
        assert cli.main(["train", *words]) == 2
    return said.getvalue()


def rewrite(folder: Path, **tensors) -> None:
    """Change tensors of a checkpoint and write down the new hash, as a program with a bug would have."""
    path = folder / "model.safetensors"
    found = {name: tensor.clone() for name, tensor in load_file(path).items()}
    path.unlink()
    for name, change in tensors.items():
        found[name] = change(found[name])
    write_tensors(path, found)
    meta = json.loads((folder / "meta.json").read_text())
    meta.pop("sha256")
    meta["files"]["model.safetensors"] = file_hash(path)
    (folder / "meta.json").write_text(json.dumps({**meta, "sha256": hash_of(meta)}))


def edit(path: Path, **changes) -> None:
    """Change values of a config; `a__b` is `b` in `a`."""
    found = json.loads(path.read_text())
    for name, value in changes.items():
        *above, last = name.split("__")
        place = found
        for one in above:
            place = place[one]
        place[last] = value
    path.write_text(json.dumps(found))


# ---- what is good ----


@pytest.mark.parametrize(("run", "step", "steps"), [("small", 4, 8), ("small-sft", 4, 8), ("small-rl", 1, 2)])
def test_a_run_of_each_stage(trained, tmp_path, run, step, steps):
    shutil.copytree(trained, tmp_path / "base")
    with base_folder_at(tmp_path / "base"):
        shutil.rmtree(tmp_path / "base" / "runs" / run / "checkpoints" / f"step_{steps:06d}")
        report = TOOL.ask(run=run)
        found = figures(report)
    assert report.ok, found.get("refusals")
    assert (found["answer"]["from_step"], found["answer"]["steps"]) == (step, steps)
    assert found["remaining"]["steps_left"] == steps - step
    states = {row["what"]: row["state"] for row in found["checks"]["checks"]}
    assert set(states.values()) == {"good"}, states
    assert {"Config", "Processes", "Checkpoint", "Place", "Lock", "Disk", "Tokenizer", "torch"} <= set(states)
    assert ("Starts from" in states) == (run != "small")
    assert found["answer"]["command"].endswith(f"--resume --name {run}")


def test_tokens_and_time_that_remain(base):
    remaining = figures(TOOL.ask(run="small"))["remaining"]
    assert remaining["tokens_left"] == 4 * 4 * 64
    lines = [
        json.loads(line) for line in (base / "runs" / "small" / "metrics.jsonl").read_text().splitlines()
    ]
    seconds = sorted(line["seconds"] for line in lines)
    assert remaining["seconds_left"] == pytest.approx(4 * (seconds[3] + seconds[4]) / 2)
    assert remaining["done_again"] == 4


def test_the_run_that_changed_last_is_taken(base):
    os.utime(base / "runs" / "small" / "metrics.jsonl", (2e9, 2e9))
    assert figures(TOOL.ask(quick=True))["answer"]["command"].endswith("small")


def test_the_base_folder_is_in_the_command_quoted(base, tmp_path):
    moved = tmp_path / "with space"
    base.rename(moved)
    with base_folder_at(tmp_path / "elsewhere"):
        command = figures(TOOL.ask(base=str(moved), run="small"))["answer"]["command"]
    assert shlex.split(command)[0] == f"NANOCHAT_BASE_DIR={moved}"
    by_folder = figures(TOOL.ask(files=[str(moved / "runs" / "small")]))["answer"]["command"]
    assert by_folder == command


# ---- what is refused ----


def test_a_finished_run(whole):
    report = TOOL.ask(run="small")
    assert not report.ok
    assert report.says == (
        "small cannot resume: all 8 steps are trained. Go on with nanochat train sft --from-run small."
    )
    assert "command" not in figures(report)["answer"]


def test_settings_that_may_not_change(base):
    assert "--seed 1 differs from the run's 0" in refused(run="small", flags="--seed 1")
    assert "--depth 3 differs" in trainer_refuses("base", "--resume", "--name", "small", "--depth", "3")
    found = figures(TOOL.ask(run="small", flags="--lr-scale 0.5 --keep 3"))
    assert found["answer"]["command"].endswith("--name small --lr-scale 0.5 --keep 3")


@pytest.mark.parametrize("stage", KINDS)
def test_every_flag_that_may_change_is_taken_and_no_other(base, stage):
    from dataclasses import fields

    kind = KINDS[stage]
    may = {one.name for one in fields(kind) if one.metadata["may_change"]}
    assert {"lr_scale", "keep", "save_every"} <= may
    run = "small" if stage == "base" else f"small-{stage}"
    assert refusals(run=run, quick=True, flags="--save-every 9") == refusals(run=run, quick=True)
    assert "differs from the run's" in refused(run=run, quick=True, flags="--warmdown 0.11")
    assert read_flags("--no-compile --keep=4", kind) == {"compile": False, "keep": 4}


def test_a_corpus_that_is_gone_or_another(base):
    folder = base / "corpora" / "classics"
    record = json.loads((folder / "corpus.json").read_text())
    record["train"][0]["sha256"] = "0" * 64
    kept = (folder / "corpus.json").read_text()
    (folder / "corpus.json").write_text(json.dumps(record))
    assert "is not the text this run was trained on" in refused(run="small")
    assert "the corpus 'classics' is not the one" in trainer_refuses("base", "--resume", "--name", "small")
    (folder / "corpus.json").write_text(kept)
    (folder / "shard_00000.parquet").write_bytes(b"x")
    assert "has 1 bytes where" in refused(run="small")
    shutil.rmtree(folder)
    assert "prepare it again with: nanochat data prepare --corpus classics" in refused(run="small").replace(
        "Prepare", "prepare"
    )
    assert trainer_refuses("base", "--resume", "--name", "small")


def test_a_tokenizer_that_is_gone_or_another(base):
    folder = base / "tokenizer" / "default"
    settings_file = folder / "tokenizer_settings.json"
    found = json.loads(settings_file.read_text())
    found["special_tokens"] = {f"{name}x": value for name, value in found["special_tokens"].items()}
    settings_file.write_text(json.dumps(found))
    text = refused(run="small")
    assert "'default' is not the one this run was trained with" in text
    assert f"put {base / 'runs' / 'small' / 'tokenizer'} in the place of {folder}" in text
    assert trainer_refuses("base", "--resume", "--name", "small")
    shutil.rmtree(folder)
    assert "there is no tokenizer in" in refused(run="small").replace("There", "there")
    shutil.copytree(base / "runs" / "small" / "tokenizer", folder)  # the way out that it names
    assert TOOL.ask(run="small").ok


def test_another_number_of_processes(base):
    text = refused(run="small", processes=3)
    assert "does not divide by 3 processes" in text
    assert "1, 2, 4" in text
    found = figures(TOOL.ask(run="small", processes=2))
    assert found["answer"]["can_resume"]
    assert "torch" in found["answer"]["command"]
    assert "--nproc_per_node=2" in found["answer"]["command"]


def test_a_run_whose_first_weights_are_others(whole):
    shutil.rmtree(step_folder(whole, "small-sft", 8))
    rewrite(step_folder(whole, "small", 8), x0_scalars=lambda tensor: tensor + 1)
    text = refused(run="small-sft")
    assert "began from step 8 of small" in text
    assert "the run began from step 8 of small" in trainer_refuses("sft", "--resume", "--name", "small-sft")
    shutil.rmtree(step_folder(whole, "small", 8))
    found = {row["what"]: row for row in figures(TOOL.ask(run="small-sft"))["checks"]["checks"]}
    assert found["Starts from"]["state"] == "note"  # it has a checkpoint of its own
    assert "it goes on from its own checkpoint" in found["Starts from"]["found"]
    with one_thread():
        assert cli.main(["train", "sft", "--resume", "--name", "small-sft", "--dry-run"]) == 0
    shutil.rmtree(whole / "runs" / "small-sft" / "checkpoints")
    assert "has no good checkpoint of step 8" in refused(run="small-sft")
    assert "has no checkpoint of step 8" in trainer_refuses("sft", "--resume", "--name", "small-sft")
    shutil.rmtree(whole / "runs" / "small")
    assert "the run small is not in" in refused(run="small-sft").replace("The", "the")


def test_conversations_that_changed(whole, tmp_path):
    shutil.rmtree(step_folder(whole, "small-sft", 8))
    config = whole / "runs" / "small-sft" / "config.json"
    edit(config, settings__conversations=str(tmp_path / "mine.jsonl"))
    assert "mine.jsonl cannot be read" in refused(run="small-sft")
    (tmp_path / "mine.jsonl").write_text("{}\n")
    assert "not the ones that the run began with" in refused(run="small-sft")


def test_all_checkpoints_damaged(base):
    (step_folder(base) / "model.safetensors").write_bytes(b"")
    text = refused(run="small")
    assert "All are damaged; small step 4: model.safetensors is empty" in text
    assert "no other is left" in trainer_refuses("base", "--resume", "--name", "small")


@pytest.mark.parametrize("name", ["optimizer-00-of-01.safetensors", "loader-00-of-01.json", "meta.json"])
def test_a_part_that_is_missing(base, name):
    (step_folder(base) / name).unlink()
    assert name in refused(run="small")


def test_numbers_that_are_none(whole):
    """Its hash is right, so the trainer does not pass over such a checkpoint; it refuses it by name."""

    def spoil(tensor):
        tensor[0] = float("inf")
        return tensor

    rewrite(step_folder(whole, step=8), x0_scalars=spoil)
    edit(whole / "runs" / "small" / "config.json", settings__steps=12)
    text = refused(run="small")
    assert "step 8: model.safetensors holds NaN or infinite numbers: 1 in x0_scalars" in text.replace(
        "Step", "step"
    )
    assert "away, and the run goes on from step 4" in text
    assert refusals(run="small", quick=True) == []  # it was not looked for
    assert f"move the folder {step_folder(whole, step=8)} away" in trainer_refuses(
        "base", "--resume", "--name", "small"
    )
    shutil.move(step_folder(whole, step=8), whole / "step_000008")  # the way out that it names
    assert TOOL.ask(run="small").ok


def test_a_checkpoint_of_another_shape(base):
    rewrite(step_folder(base), x0_scalars=lambda tensor: tensor[:1])
    text = refused(run="small")
    assert "holds x0_scalars as 1, and config.json makes it 2" in text
    assert "holds another model than the run's config.json" in trainer_refuses(
        "base", "--resume", "--name", "small"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings__window_pattern": "L"}, "its settings make window_pattern L, its model has SSSL"),
        ({"settings__depth": 3}, "is not divisible by"),
        ({"model__n_layer": 0}, "describes no model that can be"),
        ({"settings__depht": 3}, "there is no setting 'depht'"),
        ({"settings": []}, "it has no settings"),
        ({"stage": "rlhf"}, "there is no stage 'rlhf'"),
        ({"settings__batch_size": 8}, "the text is at row 16, and 4 steps of 8 rows make 32"),
        ({"corpus__fingerprint": "0"}, "the text cannot be continued: its corpus was"),
    ],
)
def test_a_config_that_was_changed(base, changes, said):
    edit(base / "runs" / "small" / "config.json", **changes)
    assert said in refused(run="small").replace("The text", "the text")


def test_a_config_that_is_gone(base):
    (base / "runs" / "small" / "config.json").unlink()
    assert "config.json is not there" in refused(run="small").replace("Config", "config")


def test_a_run_outside_of_a_base_folder(base, tmp_path):
    shutil.move(base / "runs" / "small", tmp_path / "lost")
    text = refused(files=[str(tmp_path / "lost")])
    assert "is not under a folder runs/" in text
    assert "where --resume looks" in text


def test_a_state_of_the_optimizer_that_belongs_to_another_model(base):
    """Shapes of the optimizer's state are held against the config's own, row by row."""
    from tools.checkpoints.runs import of_step
    from tools.resume.checkpoint_checks import optimizer_problems

    step = of_step(step_folder(base))
    assert list(optimizer_problems(step, step.model, loose=False)) == []
    other = GPTConfig.from_dict({**step.model.to_dict(), "n_layer": 1})
    assert "does not have" in next(optimizer_problems(step, other, loose=False))
    larger = GPTConfig.from_dict({**step.model.to_dict(), "n_layer": 4})
    assert "lacks row 2 of mean/residual_scalars" in next(optimizer_problems(step, larger, loose=False))


# ---- questions that are wrong ----


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "smal"], "did you mean small?"),
        (["--run", "../x"], "there is no file or run ../x"),
        (["small", "small-sft"], "these are 2 runs"),
        (["--run", "small", "--flags", "--depht 4"], "nanochat train has no --depht"),
        (["--run", "small", "--flags", "--keep"], "--keep needs a value"),
        (["--run", "small", "--flags", "--name x"], "the name is in the command already"),
        (["--run", "small", "--flags", "--keep many"], "--keep 'many' is not a whole number"),
        (["--processes", "0"], "--processes must be at least 1"),
    ],
)
def test_wrong_questions_are_one_line(base, words, said):
    done = subprocess.run([sys.executable, "-I", SCRIPT, *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_without_any_run(tmp_path):
    with base_folder_at(tmp_path), pytest.raises(UsageError, match="there is no run in"):
        TOOL.ask()


def test_exit_codes(base):
    codes = []
    for words in (["--run", "small"], ["--run", "small", "--flags=--seed 3"], ["--run", "nobody"]):
        codes.append(subprocess.run([sys.executable, "-I", SCRIPT, *words], capture_output=True).returncode)
    assert codes == [0, 1, 2]


# ---- pages and examples ----


def drop(files: dict[str, Path], folder: Path) -> list[str]:
    """Put files into a folder, as a page mounts what was dropped, and give it to the tool."""
    folder.mkdir()
    for name, path in files.items():
        shutil.copy(path, folder / name)
    return sorted(files)


def test_dropped_files_give_the_same_answer_as_far_as_they_allow(base, tmp_path):
    step = step_folder(base)
    files = {path.name: path for path in step.iterdir()}
    files |= {name: base / "runs" / "small" / name for name in ("config.json", "metrics.jsonl")}
    names = drop(files, tmp_path / "dropped")
    give("files", str(tmp_path / "dropped"), names)
    answer = page.answer_for(TOOL, {"files": names})
    take_back("files")
    assert answer["error"] is None
    found = figures(TOOL.ask(files=[str(tmp_path / "dropped" / name) for name in names]))
    there = figures(TOOL.ask(run="small"))
    assert found["remaining"] == there["remaining"]
    for key in ("can_resume", "from_step", "steps", "processes"):
        assert found["answer"][key] == there["answer"][key]
    assert found["answer"]["command"] == "nanochat train base --resume --name small"
    states = {row["what"]: row["state"] for row in found["checks"]["checks"]}
    assert states["Checkpoint"] == "good"
    assert states["Surroundings"] == "not known"


@pytest.mark.parametrize("left_out", ["config.json", "metrics.jsonl", "meta.json", "model.safetensors"])
def test_what_was_not_given_is_said(base, tmp_path, left_out):
    files = {path.name: path for path in step_folder(base).iterdir()}
    files |= {name: base / "runs" / "small" / name for name in ("config.json", "metrics.jsonl")}
    del files[left_out]
    names = drop(files, tmp_path / "dropped")
    report = TOOL.ask(files=[str(tmp_path / "dropped" / name) for name in names])
    assert report.ok
    unknown = [row["found"] for row in figures(report)["checks"]["checks"] if row["state"] == "not known"]
    assert any(left_out in found for found in unknown), unknown


def test_a_dropped_file_that_is_damaged(base, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((step_folder(base) / "model.safetensors").read_bytes()[:-1])
    report = TOOL.ask(files=[str(path), str(base / "runs" / "small" / "config.json")])
    assert not report.ok
    assert "is cut short" in report.says


@pytest.mark.parametrize(
    ("name", "step", "ok"), [("stopped", 120, True), ("damaged", 80, True), ("finished", 180, False)]
)
def test_examples_say_the_same_everywhere(name, step, ok):
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT, "--example", name, "--json"], capture_output=True, text=True
    )
    assert done.returncode == (0 if ok else 1), done.stderr
    told = json.loads(done.stdout)
    report = TOOL.ask(example=name)
    assert told["sections"] == json.loads(json.dumps(figures(report)))
    assert told["sections"]["answer"]["from_step"] == step
    answer = page.answer_for(TOOL, {"example": name})
    assert (answer["error"], answer["says"]) == (None, report.says)
    assert sys.executable not in answer["html"]


# ---- the command ----


@pytest.mark.parametrize(
    ("world", "sharing", "machines"), [(16, 8, 2), (8, 8, 1), (32, 8, 4), (4, 4, 1), (2, 1, 1)]
)
def test_machines_are_told_by_who_shares_the_state(tmp_path, world, sharing, machines):
    rows = -(-2_048 // sharing)
    name = f"optimizer-00-of-{world:02d}.safetensors"
    write_tensors(tmp_path / name, {f"mean/embedding.weight@0:{rows}": torch.zeros(rows, 4)})
    told = Meta(8, {"model": GPTConfig(vocab_size=2_048).to_dict()}, {name: ""})
    step = Step("step_000008", {name: tmp_path / name}, Run("d20"), None, told)
    assert machines_of(step) == machines
    command = resume_command(Evidence(Run("d20"), [step], is_loose=True), world)
    assert (f"--nnodes={machines} --nproc_per_node={world // machines}" in command) == (machines > 1)
    assert ("--standalone" in command) == (machines == 1)


def test_flags_are_quoted_again(base):
    command = figures(TOOL.ask(run="small", quick=True, flags="--keep=3 --wandb 'a; b'"))["answer"]["command"]
    assert command.endswith("--keep 3 --wandb 'a; b'")


def test_a_dropped_folder_is_looked_at_alone(base):
    give("files", str(base / "runs"), ["small"])
    answer = page.answer_for(TOOL, {"files": "small"})
    take_back("files")
    assert answer["error"] is None
    assert "small can resume as far as these files say, from step 4" in answer["says"]


def test_broken_metrics_are_a_note(base):
    path = base / "runs" / "small" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 9, "lo')  # killed while it wrote: no complaint
    assert not [row for row in figures(TOOL.ask(run="small"))["checks"]["checks"] if row["what"] == "Metrics"]
    path.write_text(path.read_text().replace('{"step": 9, "lo', "").replace('{"step": 2,', "{step 2,"))
    told = figures(TOOL.ask(run="small"))
    rows = {row["what"]: row for row in told["checks"]["checks"]}
    assert "metrics.jsonl:2: not JSON" in rows["Metrics"]["found"]
    assert "resuming leaves such lines out and keeps the others" in rows["Metrics"]["found"]
    assert told["remaining"]["done_again"] == 4  # the lines after it were read
    path.write_text("not json\n")
    rows = {row["what"]: row for row in figures(TOOL.ask(run="small"))["checks"]["checks"]}
    assert (rows["Metrics"]["state"], "metrics.jsonl:1: not JSON" in rows["Metrics"]["found"]) == (
        "note",
        True,
    )
