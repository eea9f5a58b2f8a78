"""A trained run becomes the folder that the site ships, is checked, and becomes a run again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from nanochat import cli
from nanochat.files import file_hash
from nanochat.home import base_folder, run_folder
from nanochat.inference.engine import Engine
from nanochat.inference.request import GREEDY, Request
from nanochat.model.eight_bits import pack, unpack
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_prompt
from nanochat.toolbox.tools import use_calculator
from nanochat.train.finished import open_run
from tests.train.small_run import QUIET, everything, one_thread, prepare
from web import browser_model
from web.expected_texts import MAX_TOKENS, PROMPTS
from web.packed_model import FOLDER, open_packed

# A context that holds a question and an answer.
BASE = ["--depth", "1", "--head-dim", "32", "--seq-len", "128", "--batch-size", "4", "--no-compile"]
SFT = ["--from-run", "base", "--mixture", "arithmetic", "--examples", "200", "--no-compile"]
FILES = {
    "config.json", "expected.json", "scores.json", "tokenizer.tiktoken", "tokenizer_settings.json",
    "weights.safetensors",
}  # fmt: skip


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packed folder of a base model of a few steps that was fine-tuned for a few more."""
    base = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch, one_thread():
        patch.setenv("NANOCHAT_BASE_DIR", str(base))
        prepare()
        steps = ["--steps", "8"]
        assert cli.main(["train", "base", *BASE, *QUIET, *steps, "--name", "base"]) == 0
        assert cli.main(["eval", "base", "--tasks", "bpb"]) == 0
        assert cli.main(["train", "sft", *SFT, *QUIET, *steps, "--name", "tiny"]) == 0
        assert cli.main(["eval", "tiny", "--tasks", "arithmetic", "--limit", "4"]) == 0
        assert run("pack", "tiny", "--folder", str(base / "packed")) == 0
        yield base / "packed"


def run(*words: str) -> int:
    return browser_model.main(words)


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def about_of(folder: Path) -> dict:
    return json.loads((folder / "config.json").read_text(encoding="utf-8"))


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    return Path(shutil.copytree(packed, tmp_path / "copy"))


# ---- what is packed ----


def test_what_lies_in_the_folder(packed):
    assert {path.name for path in packed.iterdir()} == FILES
    about = about_of(packed)
    assert about["files"] == {name: file_hash(packed / name) for name in FILES - {"config.json"}}
    assert about["run"] == {"name": "tiny", "stage": "sft", "step": 8}
    assert list(about["runs"]) == ["base", "sft"]
    for stage, steps in (("base", 8), ("sft", 8)):
        assert about["runs"][stage]["settings"]["steps"] == steps
        assert about["runs"][stage]["settings"]["seed"] == 0
    assert about["corpus"]["fingerprint"] == about["runs"]["base"]["corpus"]["fingerprint"]
    assert about["tokenizer"]["fingerprint"] == open_packed(packed).tokenizer().fingerprint
    stored = open_run("tiny").checkpoint()
    assert about["sha256"]["trained"] == stored.hashes["model.safetensors"]
    text = "".join((packed / name).read_text(encoding="utf-8") for name in FILES if name.endswith(".json"))
    assert str(base_folder()) not in text  # nor where anything lay


def test_the_weights_are_those_of_the_run_rounded(packed):
    kept = pack(open_run("tiny").checkpoint().model_tensors())
    with safe_open(packed / "weights.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "nanochat-packed-model", "version": "1"}
        assert set(file.keys()) == set(kept)
        assert all(torch.equal(file.get_tensor(name), tensor) for name, tensor in kept.items())
    numbers = sum(tensor.numel() for tensor in open_packed(packed).tensors().values())
    assert (packed / "weights.safetensors").stat().st_size < 1.3 * numbers


def test_scores_are_those_of_the_weights_that_are_packed(packed):
    scores = open_packed(packed).scores
    (bpb,) = scores["runs"]["base"]
    (arithmetic,) = scores["runs"]["sft"]
    assert (bpb["task"], arithmetic["task"], arithmetic["n"]) == ("bpb", "arithmetic", 4)
    (rounded,) = scores["int8"]
    assert (rounded["task"], rounded["n"], rounded["step"]) == ("arithmetic", 4, 8)
    assert [one["question"] for one in rounded["replies"]] == [
        one["question"] for one in arithmetic["replies"]
    ]
    measured = scores["bits_per_byte"]
    assert measured["bytes"] == bpb["n"]  # the same text
    assert 0 < abs(measured["int8"] - measured["fp32"]) < 0.01
    assert measured["fp32"] != pytest.approx(bpb["value"], abs=1e-4)  # another model


def test_expected_texts_are_greedy_and_every_chance_is_one(packed):
    expected = open_packed(packed).expected
    texts = expected["texts"]
    assert len(texts) == len(PROMPTS) == expected["rounding"]["texts"] == 50
    kinds = [one["kind"] for one in texts]
    assert [kinds.count(kind) for kind in dict.fromkeys(kinds)] == [15, 8, 8, 7, 12]
    for one in texts:
        for found in (one["fp32"], one["int8"]):
            assert 0 < len(found["ids"]) <= MAX_TOKENS + 1
            assert len(found["top"]) == len(found["ids"])
            for place, (chosen, top) in enumerate(zip(found["ids"], found["top"], strict=True)):
                chances = [chance for _, chance in top]
                assert chances == sorted(chances, reverse=True)
                assert 0 < sum(chances) <= 1.00001
                if place not in found["forced"]:
                    assert chances[0] - dict(top).get(chosen, 0) < 1e-5


def test_the_right_answers_of_the_prompts_are_right():
    letters = [one for one in PROMPTS if one.kind == "letters"]
    for one in letters:
        if one.answer.isdecimal():
            letter, word = re.search(r"(?:many|letter) ([a-z])\b.* (\w+)[.?]", one.text).groups()
            assert word.count(letter) == int(one.answer), one
        else:
            assert one.answer.replace(" ", "") in one.text
    sums = {one: re.search(r"\d+ [-+*] \d+", one.text) for one in PROMPTS if one.kind == "arithmetic"}
    written = {one: use_calculator(found[0]) for one, found in sums.items() if found}
    assert len(written) >= 6
    assert all(one.answer == result for one, result in written.items())
    assert len({one.text for one in PROMPTS}) == 50


def test_packed_again_it_is_the_same_and_takes_the_place_of_the_old(packed, copy, capsys):
    before = about_of(copy)
    (copy / "old.txt").touch()
    assert run("pack", "tiny", "--folder", str(copy)) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"step 8 of tiny: {copy}, ")
    assert "of 50 texts are the same" in out
    assert about_of(copy) == before
    assert {path.name for path in copy.iterdir()} == FILES
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


# ---- checking ----


def test_a_check_tells_what_rounding_has_changed(packed, capsys):
    assert run("check", "--folder", str(packed)) == 0
    rounding = open_packed(packed).expected["rounding"]
    told = browser_model.difference_in_words(
        rounding["largest_difference"], rounding["equal_texts"], rounding["texts"]
    )
    assert capsys.readouterr().out.strip() == told


def test_another_model_does_not_pass_the_check(copy, capsys):
    """Whole files, every hash right, and weights that do not write these texts."""
    from nanochat.train.safe_files import write_tensors

    tensors = open_packed(copy).tensors()
    tensors["head.weight"] = -tensors["head.weight"]
    write_tensors(copy / "weights.safetensors", pack(tensors))
    about = about_of(copy)
    about["files"]["weights.safetensors"] = file_hash(copy / "weights.safetensors")
    (copy / "config.json").write_text(json.dumps(about))
    assert run("check", "--folder", str(copy)) == 1
    assert "is not what was packed: 0 of 50 texts are the same" in complaint(capsys)


# ---- unpacking ----


def test_unpacked_it_is_a_run_like_any_other(packed, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    prepare(tokenizer="another")
    assert run("unpack", "--folder", str(packed)) == 0
    folder = run_folder("browser")
    assert capsys.readouterr().out == f"{folder}\ntalk to it: nanochat chat --run browser\n"
    assert [path.name for path in folder.parent.iterdir()] == ["browser"]
    about = about_of(packed)
    stored = open_run("browser").checkpoint()
    assert stored.hashes["model.safetensors"] == about["sha256"]["unpacked"]

    assert cli.main(["chat", "--run", "browser", "--temperature", "0", "--prompt", "What is 3 + 4?"]) == 0
    said = capsys.readouterr().out
    tokenizer = open_packed(packed).tokenizer()
    rounded = GPT(open_packed(packed).config)
    rounded.load_state_dict(unpack(pack(tensors_of_tiny(packed))))
    prompt = render_prompt(tokenizer, {"messages": [{"role": "user", "content": "What is 3 + 4?"}]})
    (done,) = Engine(rounded.eval(), tokenizer).generate([Request(tuple(prompt), 512, GREEDY)])
    assert done.text.strip() in said
    assert len(done.text.strip()) > 1

    assert cli.main(["eval", "browser", "--tasks", "bpb"]) == 0
    measured = open_packed(packed).scores["bits_per_byte"]["int8"]
    assert f"{measured:.4f} bits per byte" in capsys.readouterr().out
    assert cli.main(["export", "onnx", "browser", "--dtype", "int8", "--out", str(tmp_path / "onnx")]) == 0


def tensors_of_tiny(packed: Path) -> dict[str, torch.Tensor]:
    """The weights that were trained; another base folder is the chosen one now."""
    return open_run(str(packed.parent / "runs" / "tiny")).checkpoint().model_tensors()


def test_two_runs_of_one_name(packed, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    assert run("unpack", "--folder", str(packed), "--name", "mine") == 0
    before = everything()
    capsys.readouterr()
    assert run("unpack", "--folder", str(packed), "--name", "mine") == 2
    assert "there is a run 'mine' already; give another --name" in complaint(capsys)
    assert everything() == before


# ---- what is refused ----


def harm_byte(folder: Path) -> None:
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)


def harm_shape(folder: Path) -> None:
    about = about_of(folder)
    about["model"]["n_layer"] += 1
    (folder / "config.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (harm_byte, "weights.safetensors is not the file that was packed; put the folder back as it was"),
        (harm_shape, "weights.safetensors holds another model than config.json describes"),
        (
            lambda folder: (folder / "tokenizer.tiktoken").unlink(),
            "tokenizer.tiktoken cannot be read (No such",
        ),
        (lambda folder: (folder / "config.json").unlink(), "it has no config.json"),
        (
            lambda folder: (folder / "config.json").write_text("[]"),
            "does not say that it is a nanochat-packed",
        ),
        (
            lambda folder: (folder / "config.json").write_text("{}"),
            "does not say that it is a nanochat-packed",
        ),
    ],
)
def test_a_folder_that_is_not_whole(copy, tmp_path, monkeypatch, capsys, harm, says):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    harm(copy)
    for action in ("check", "unpack"):
        assert run(action, "--folder", str(copy)) == 2
        assert says in complaint(capsys)
    assert not list((tmp_path / "base").rglob("*.safetensors"))


def test_what_cannot_be_packed(packed, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    cases = [
        (["no-such-run"], tmp_path / "new", "there is no run 'no-such-run'"),
        (["tiny", "--step", "7"], tmp_path / "new", "tiny has no checkpoint of step 7; there are: 6, 8"),
        (["tiny"], tmp_path / "mine", "there is no packed model in"),
        ([], tmp_path / "new", "required: RUN"),
        (["tiny", "--stpe", "7"], tmp_path / "new", "there is no --stpe"),
    ]
    for words, folder, says in cases:
        assert run("pack", *words, "--folder", str(folder)) == 2
        assert says in complaint(capsys)
    assert (tmp_path / "mine" / "letter.txt").read_text(encoding="utf-8") == "dear"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_leaves_nothing_and_the_old_folder_as_it_was(copy, packed, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "expected.json")

    monkeypatch.setattr("web.pack_model.write_texts", full)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert run("pack", "tiny", "--folder", str(copy)) == 2
    assert "expected.json: No space left on device" in complaint(capsys)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


# ---- the model that the repository ships ----


def test_the_shipped_model_writes_what_it_wrote_when_it_was_packed(capsys):
    assert run("check") == 0
    told = capsys.readouterr().out
    equal = int(re.search(r"(\d+) of 50 texts are the same", told)[1])
    assert equal >= 40
    assert (FOLDER / "weights.safetensors").stat().st_size < 16e6
