"""The checkpoint browser on what the real trainer leaves: every stage, every damage, any two compared."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_parameters
from nanochat.model.gpt import GPT
from nanochat.train.parts import ACCURACY, BITS_PER_BYTE
from nanochat.train.safe_files import write_tensors
from tests.tools.checkpoint_runs import base_folder_at, train_all
from tools.checkpoint_browser import TOOL
from tools.checkpoints import scores
from tools.checkpoints.scores import HIGHER, LOWER, Score, better_of
from tools.core import page
from tools.core.errors import ToolError, UsageError
from tools.core.given import give, take_back
from tools.core.json_report import figures

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "checkpoint_browser.py"


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory):
    """A base folder with a run of each stage; nothing here changes it."""
    folder = tmp_path_factory.mktemp("base")
    train_all(folder)
    with base_folder_at(folder):
        yield folder


@pytest.fixture
def copy(base, tmp_path):
    """A base folder to break."""
    shutil.copytree(base / "runs", tmp_path / "copy" / "runs")
    return tmp_path / "copy"


def step_folder(base: Path, run: str = "small", step: int = 8) -> Path:
    return base / "runs" / run / "checkpoints" / f"step_{step:06d}"


def loaded(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file that is to be written anew: in memory, not mapped from it."""
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def ask(**values) -> dict[str, dict]:
    return figures(TOOL.ask(**values))


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The tool as a reader runs it: by its path, with a bare Python."""
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *map(str, arguments)], capture_output=True, text=True
    )


# ---- the list ----


def test_every_run_and_step_of_every_stage_is_found():
    report = ask()
    rows = report["runs"]["checkpoints"]
    assert [(row["run"], row["stage"], row["step"]) for row in rows] == [
        ("small", "base", 4), ("small", "base", 8), ("small-sft", "sft", 4), ("small-sft", "sft", 8),
        ("small-rl", "rl", 1), ("small-rl", "rl", 2),
    ]  # fmt: skip
    assert [report["folder"][f"stage_{stage}"] for stage in ("base", "sft", "rl")] == [1, 1, 1]
    assert {row["state"] for row in rows} == {"complete"}
    assert {row["state"] for row in ask(verify=True)["runs"]["checkpoints"]} == {"hashes good"}


def test_sizes_are_those_on_disk(base):
    for row in ask()["runs"]["checkpoints"]:
        folder = step_folder(base, row["run"], row["step"])
        assert row["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_the_figure_of_a_run_is_the_one_its_metrics_say(base):
    rows = {(row["run"], row["step"]): row["figure"] for row in ask()["runs"]["checkpoints"]}
    for (run, step), value in rows.items():
        lines = [
            json.loads(line) for line in (base / "runs" / run / "metrics.jsonl").read_text().splitlines()
        ]
        line = next(line for line in lines if line["step"] == step)
        assert value == line["val_accuracy" if run == "small-rl" else "val_bpb"]


def test_any_folder_can_be_looked_through(base, tmp_path):
    elsewhere = tmp_path / "backup" / "deep"
    elsewhere.mkdir(parents=True)
    shutil.copytree(base / "runs" / "small", elsewhere / "old")
    found = ask(files=[str(tmp_path)])["runs"]["checkpoints"]
    assert [(row["run"], row["step"]) for row in found] == [("old", 4), ("old", 8)]


def test_a_base_folder_without_runs_and_without_a_folder(tmp_path):
    (tmp_path / "runs").mkdir()
    assert ask(base=str(tmp_path))["folder"]["runs"] == 0
    with pytest.raises(ToolError, match="there is no folder"), base_folder_at(tmp_path / "nowhere"):
        TOOL.ask()


def test_a_run_without_a_checkpoint_or_a_config_is_listed(copy):
    shutil.rmtree(copy / "runs" / "small" / "checkpoints")
    (copy / "runs" / "small-sft" / "config.json").write_text("{")
    report = TOOL.ask(base=str(copy))
    rows = figures(report)["runs"]["checkpoints"]
    assert next(row for row in rows if row["run"] == "small")["state"] == "no checkpoint yet"
    assert {row["stage"] for row in rows if row["run"] == "small-sft"} == {""}
    assert not report.ok


# ---- one checkpoint ----


def test_the_parts_are_what_counting_says(base):
    parts = {row["part"]: row for row in ask(run="small-sft")["parts"]["parts"]}
    config = json.loads((base / "runs" / "small-sft" / "config.json").read_text())
    counted = count_parameters(GPTConfig.from_dict(config["model"]))
    assert {name: row["parameters"] for name, row in parts.items() if name != "together"} == {
        part.name: part.total for part in counted.parts
    }
    assert (
        parts["together"]["parameters"]
        == parts["together"]["counted"]
        == counted.total
        == config["parameters"]
    )


def test_the_table_of_tensors_is_the_models(base):
    table = ask(run="small")["tensors"]["tensors"]
    real = load_file(step_folder(base) / "model.safetensors")
    assert {row["name"]: (row["shape"], row["parameters"], row["bytes"]) for row in table} == {
        name: (" × ".join(f"{side:,}" for side in one.shape), one.numel(), 4 * one.numel())
        for name, one in real.items()
    }


def test_the_table_as_csv(tmp_path, base):
    path = tmp_path / "tensors.csv"
    assert command("--base", base, "--run", "small", "--csv", path).returncode == 0
    lines = path.read_text().splitlines()
    assert lines[0] == "tensor,part,dtype,shape,parameters,bytes,first_byte,last_byte"
    assert len(lines) == 1 + len(load_file(step_folder(base) / "model.safetensors"))
    again = command("--base", base, "--run", "small", "--csv", path)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


def test_figures_of_a_step_come_from_its_line_and_its_evaluations(base):
    told = {row["figure"]: row for row in ask(run="small-rl", step=2)["measured"]["figures"]}
    line = json.loads((base / "runs" / "small-rl" / "metrics.jsonl").read_text().splitlines()[1])
    assert told["reward"]["value"] == line["reward"]
    assert told["loss"]["value"] == line["loss"]
    assert (told["arithmetic"]["value"], told["arithmetic"]["error"]) == (0.75, 0.03)
    assert (told["reward"]["better"], told["loss"]["better"]) == (
        "higher",
        "",
    )  # the policy's loss says little


def test_no_name_of_a_figure_is_made_up(base):
    """Reading metric names that no run writes is how such a tool shows empty tables."""
    written = {
        key for path in base.glob("runs/*/metrics.jsonl") for line in path.read_text().splitlines()
        for key in json.loads(line)
    }  # fmt: skip
    assert {BITS_PER_BYTE.key, ACCURACY.key} <= written
    assert set(scores.LABELS) == written - {"step", "lr"}
    assert set(scores.BETTER) - {"bits per byte", "accuracy", "mean centred accuracy"} <= written


# ---- which is better ----

RIGHT_WAYS = {
    "loss": LOWER, "val_bpb": LOWER, "val_accuracy": HIGHER, "reward": HIGHER, "bits per byte": LOWER,
    "accuracy": HIGHER, "mean centred accuracy": HIGHER, "tokens_per_second": HIGHER, "mfu": HIGHER,
    "seconds": LOWER, "memory_bytes": LOWER, "wait_share": LOWER,
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT_WAYS)
def test_arrows_point_to_the_better_one(name):
    way = scores.BETTER[name]
    assert way == RIGHT_WAYS[name]
    small, large = Score(name, name, 0.1, way), Score(name, name, 0.9, way)
    better = small if way == LOWER else large
    assert better_of(small, large) == (1 if better is small else 2)
    assert better_of(large, small) == (2 if better is small else 1)
    assert better_of(small, small) == 0


def test_every_way_is_tested_and_the_trainers_own_agree():
    assert dict(scores.BETTER) == RIGHT_WAYS
    for measure in (BITS_PER_BYTE, ACCURACY):
        assert scores.BETTER[measure.key] == (HIGHER if measure.higher_is_better else LOWER)


def test_what_was_measured_on_other_texts_has_no_arrow():
    one, two = Score("loss", "loss", 4.0, LOWER, "texts"), Score("loss", "loss", 0.3, LOWER, "conversations")
    assert better_of(one, two) is None
    rows = {row["figure"]: row for row in ask(files=["small", "small-sft"])["figures"]["figures"]}
    assert (rows["loss"]["better"], rows["loss"]["why"]) == (None, "not the same test")
    assert (rows["val bpb"]["better"], rows["val bpb"]["why"]) == (None, "not the same test")


def test_two_steps_of_a_run():
    report = ask(files=["small:4", "small"])
    rows = {row["figure"]: row for row in report["figures"]["figures"]}
    bpb = rows["val bpb"]
    assert bpb["better"] == ("second" if bpb["second"] < bpb["first"] else "first")
    assert report["config_differences"]["same"] == "No setting that both have differs."


def test_an_evaluation_of_two_runs_and_settings_that_differ():
    report = ask(files=["small-sft", "small-rl"])
    row = next(row for row in report["figures"]["figures"] if row["figure"] == "arithmetic")
    assert (row["first"], row["second"], row["better"], row["why"]) == (
        0.25,
        0.75,
        "second",
        "higher is better",
    )
    told = {
        row["setting"]: (row["first"], row["second"]) for row in report["config_differences"]["differences"]
    }
    assert told["stage"] == ("sft", "rl")
    assert told["settings.from_run"] == ("small", "small-sft")
    assert not any(name.startswith("model.") for name in told)


def test_a_small_difference_may_be_chance():
    one, two = (Score("accuracy", "spelling", value, HIGHER, "", 0.03, 200) for value in (0.50, 0.55))
    assert scores.is_sure(one, two) is False
    assert better_of(one, two) == 2


# ---- distance ----


@pytest.mark.parametrize("who", ["python", "torch"])
def test_the_distance_is_torchs(base, who):
    report = ask(files=["small:4", "small"], weights=True, measure_with=who)["distance"]
    one, two = (load_file(step_folder(base, step=step) / "model.safetensors") for step in (4, 8))
    told = {row["tensor"]: row for row in report["tensors"]}
    assert told.keys() == one.keys()
    for name, row in told.items():
        a, b = one[name].double().flatten(), two[name].double().flatten()
        assert row["relative"] == pytest.approx(float((a - b).norm() / a.norm()))
        assert row["cosine"] == pytest.approx(float(a @ b / a.norm() / b.norm()))
        assert row["first_norm"] == pytest.approx(float(a.norm()))
    apart = torch.cat([(one[name] - two[name]).double().flatten() for name in one]).norm()
    length = torch.cat([one[name].double().flatten() for name in one]).norm()
    assert report["relative"] == pytest.approx(float(apart / length))


def test_a_checkpoint_is_no_distance_from_itself():
    report = TOOL.ask(files=["small", "small:8"], weights=True)
    assert figures(report)["distance"]["relative"] == 0
    assert any("number for number" in note for note in report.notes)


def test_models_of_two_sizes(tmp_path):
    for name, n_layer in (("a", 1), ("b", 2)):
        config = GPTConfig(n_layer=n_layer, n_embd=64, n_head=2, n_kv_head=2, vocab_size=300)
        write_tensors(tmp_path / f"{name}.safetensors", GPT(config).initialize(0).state_dict())
    report = ask(files=[str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors")], weights=True)
    differ = {row["tensor"]: row for row in report["tensor_differences"]["differences"]}
    assert differ["blocks.1.mlp.up.weight"]["first"] == "not there"
    assert differ["value_embeddings.0.weight"]["second"] == "not there"
    assert "head.weight" not in differ


def test_a_number_that_is_none_is_named(copy):
    path = step_folder(copy) / "model.safetensors"
    tensors = loaded(path)
    tensors["head.weight"][3, 5] = float("nan")
    write_tensors(path, tensors)
    report = TOOL.ask(base=str(copy), run="small", weights=True)
    assert not report.ok
    reasons = [row["reason"] for row in figures(report)["damaged"]["damaged"]]
    place = 3 * 128 + 5
    assert reasons == [
        f"tensor head.weight holds NaN or infinite numbers: 1 of them, the first at place {place:,}"
    ]


# ---- damage ----


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "a cut file": (lambda step: cut(step / "model.safetensors"), "model.safetensors is cut short"),
    "a file that is gone": (lambda step: (step / "loader-00-of-01.json").unlink(),
                            "loader-00-of-01.json is not there"),
    "a changed meta": (lambda step: (step / "meta.json").write_text(
        (step / "meta.json").read_text().replace('"step": 8', '"step": 9')), "meta.json has been changed"),
    "no meta": (lambda step: (step / "meta.json").unlink(), "meta.json is not there"),
    "an empty optimizer": (lambda step: (step / "optimizer-00-of-01.safetensors").write_bytes(b""),
                           "optimizer-00-of-01.safetensors is empty"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_with_its_reason(copy, name):
    harm, reason = DAMAGES[name]
    harm(step_folder(copy))
    for done in (command("--base", copy), command("--base", copy, "--run", "small", "--step", 8)):
        assert (done.returncode, done.stderr) == (1, ""), done.stderr
        assert reason.split(" is ")[0] in done.stdout
        assert "DAMAGED" in done.stdout
    reasons = [row["reason"] for row in ask(base=str(copy))["damaged"]["damaged"]]
    assert any(one.startswith(reason) for one in reasons), reasons
    states = {
        row["step"]: row["state"]
        for row in ask(base=str(copy))["runs"]["checkpoints"]
        if row["run"] == "small"
    }
    assert states == {4: "complete", 8: "damaged"}


def test_one_changed_bit_is_found_by_its_hash_alone(copy):
    flip(step_folder(copy) / "model.safetensors")
    assert TOOL.ask(base=str(copy), run="small").ok
    report = TOOL.ask(base=str(copy), run="small", verify=True)
    assert not report.ok
    told = {row["file"]: row["hash"] for row in figures(report)["files"]["files"]}
    assert told["model.safetensors"] == "was cut short or changed: its SHA-256 is another"
    assert told["optimizer-00-of-01.safetensors"] == "good"


def test_a_model_other_than_its_config_is_named(copy):
    tensors = loaded(step_folder(copy) / "model.safetensors")
    del tensors["x0_scalars"]
    tensors["head.weight"] = tensors["head.weight"][:-1].contiguous()
    tensors["extra"] = torch.ones(2)
    save_file(tensors, step_folder(copy) / "model.safetensors")
    reasons = " ".join(row["reason"] for row in ask(base=str(copy), run="small")["damaged"]["damaged"])
    for sentence in (
        "tensor x0_scalars is missing",
        "tensor extra is none that the config's model has",
        "by the config it should",
    ):
        assert sentence in reasons


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 50, b"PK\x03\x04 a pickle in a zip", "naïve".encode("latin-1") * 9]
)
def test_a_file_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    done = command(tmp_path / "x.safetensors")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "x.safetensors" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--run", "smal"], 2, "did you mean small?"),
        (["small:5"], 2, "small has no checkpoint of step 5; there are: 4, 8"),
        (["--step", "3"], 2, "--step goes with --run"),
        (["small", "small-sft", "small-rl"], 2, "these are 3 checkpoints"),
        (["../etc"], 2, "there is no file or run ../etc"),
        (["--csv", "-"], 2, "name one"),
        (["--rows", "0"], 2, "--rows must be at least 1"),
    ],
)
def test_wrong_questions_are_one_line(base, words, code, said):
    done = command("--base", base, *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert said in done.stderr


def test_a_folder_without_permission(copy):
    """Nothing is forbidden to root, so the tool becomes nobody when it has imported what it needs."""
    (copy / "runs").chmod(0)
    for folder in (copy, *copy.parents[:3]):
        folder.chmod(0o755)
    program = (
        "import contextlib, io, os, sys\n"
        "from tools.checkpoint_browser import TOOL\n"
        "from tools.core.command import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(TOOL, ['--example', 'base'])\n"
        "if os.getuid() == 0: os.seteuid(65534)\n"
        f"sys.exit(main(TOOL, ['--base', {str(copy)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    (copy / "runs").chmod(0o755)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "runs cannot be read: Permission denied" in done.stderr


def test_broken_metrics_are_said_and_the_rest_is_shown(copy):
    path = copy / "runs" / "small" / "metrics.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], lines[2][:20], *lines[3:]]) + "\n")
    with pytest.raises(ToolError, match=r"metrics\.jsonl:3: not JSON"):
        TOOL.ask(base=str(copy), run="small")
    report = figures(TOOL.ask(base=str(copy)))
    assert {row["run"] for row in report["runs"]["checkpoints"]} == {"small", "small-sft", "small-rl"}


# ---- pages, JSON, examples ----


def test_dropped_files_make_a_checkpoint(base, tmp_path):
    """As a page mounts them: flat, under their names."""
    for name in ("model.safetensors", "meta.json"):
        shutil.copy(step_folder(base) / name, tmp_path / name)
    shutil.copy(base / "runs" / "small" / "config.json", tmp_path / "config.json")
    shutil.copy(base / "runs" / "small" / "metrics.jsonl", tmp_path / "metrics.jsonl")
    names = sorted(path.name for path in tmp_path.iterdir())
    give("files", str(tmp_path), names)
    answer = page.answer_for(TOOL, {"files": names, "verify": "true"})
    take_back("files")
    assert answer["error"] is None
    found = ask(files=[str(tmp_path / name) for name in names], verify=True)
    assert (found["checkpoint"]["run"], found["checkpoint"]["step"]) == ("small", 8)
    assert found["measured"]["figures"] == [
        row for row in ask(run="small")["measured"]["figures"] if "bits per byte" not in row["figure"]
    ]
    assert "small step 8" in answer["html"]


def test_two_dropped_files_go_with_their_own_meta(base, tmp_path):
    for step in (4, 8):
        folder = step_folder(base, step=step)
        shutil.copy(folder / "model.safetensors", tmp_path / f"at{step}.safetensors")
        shutil.copy(folder / "meta.json", tmp_path / f"at{step}.json")
    names = ["at8.safetensors", "at4.json", "at8.json", "at4.safetensors"]
    pair = ask(files=[str(tmp_path / name) for name in names])["pair"]
    assert (pair["first"], pair["second"]) == ("step 8", "step 4")
    report = TOOL.ask(files=[str(tmp_path / name) for name in names])
    row = figures(report)["figures"]["figures"][0]
    assert (row["figure"], row["why"]) == ("val bpb", "lower is better, on the same test")
    assert any("Without config.json nothing says" in note for note in report.notes)


def test_two_dropped_folders(base):
    names = ["step_000004", "step_000008"]
    give("files", str(base / "runs" / "small" / "checkpoints"), names)
    answer = page.answer_for(TOOL, {"files": names})
    take_back("files")
    assert (answer["error"], "Two checkpoints" in answer["html"]) == (None, True)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(ToolError, match="this is none of the files read here"):
        TOOL.ask(files=[str(tmp_path / "notes.txt")])
    with pytest.raises(ToolError, match=r"neither a meta\.json nor a config\.json"):
        TOOL.ask(files=[str(tmp_path / "list.json")])
    write_tensors(tmp_path / "a.safetensors", {"w": torch.ones(2)})
    with pytest.raises(UsageError, match="compares hashes with those in meta"):
        TOOL.ask(files=[str(tmp_path / "a.safetensors")], verify=True)


@pytest.mark.parametrize("name", ["base", "sft-and-rl", "same-run"])
def test_examples_run_and_say_the_same_everywhere(name):
    done = command("--example", name, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sections"] == json.loads(json.dumps(ask(example=name)))
    answer = page.answer_for(TOOL, {"example": name})
    assert answer["error"] is None
    assert answer["command"] == f"python tools/checkpoint_browser.py --example {name}"


def test_numbers_of_a_header_alone_are_refused_in_one_line():
    done = command("--example", "base", "--weights")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is a header alone" in done.stderr


def test_a_gigabyte_is_not_read_for_its_header(tmp_path):
    """2 GiB that the disk does not hold."""
    text = json.dumps({"w": {"dtype": "F32", "shape": [2**29], "data_offsets": [0, 2**31]}}).encode()
    path = tmp_path / "large.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with path.open("r+b") as file:
        file.truncate(8 + len(text) + 2**31)
    assert ask(files=[str(path)])["checkpoint"]["parameters"] == 2**29
