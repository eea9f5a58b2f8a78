"""Settings, the plan made of them, and how a run begins: pure code, no training."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.commands.flag_parser import given_settings
from nanochat.commands.train_base import make_parser
from nanochat.errors import UserError
from nanochat.files import write_json
from nanochat.home import run_folder
from nanochat.model.memory import training_memory
from nanochat.train import run_files
from nanochat.train.depth_dial import turn_dial
from nanochat.train.fitting import Place, bytes_needed, most_that_fit
from nanochat.train.flags import flag_of
from nanochat.train.rl_settings import RlSettings
from nanochat.train.run_plan import batch_for_steps, plan_run
from nanochat.train.settings import Settings
from nanochat.train.sft_settings import SftSettings
from nanochat.train.start import BASE, begin
from tools.calculator.plan import make_plan
from tools.calculator.question import Question
from tools.core.errors import UsageError


def parse(*words: str) -> dict[str, Any]:
    return given_settings(make_parser().parse_args(list(words)), Settings)


def test_every_setting_has_a_flag_and_only_given_flags_count() -> None:
    helped = make_parser().format_help()
    for one in fields(Settings):
        assert flag_of(one.name) in helped
    assert parse("--depth", "4", "--no-compile", "--lr-scale", "0.5") == {
        "depth": 4, "compile": False, "lr_scale": 0.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("word", "number"), [("1000", 1000), ("1_000", 1000), ("1,000", 1000), ("1e3", 1000)]
)
def test_numbers_as_people_write_them(word: str, number: int) -> None:
    assert parse("--steps", word) == {"steps": number}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--depth", "x"], "--depth 'x' is not a whole number"),
        (["--depth", "4.5"], "--depth '4.5' is not a whole number"),
        (["--depth", "0"], "--depth 0 is out of range"),
        (["--depth", "-1"], "--depth -1 is out of range"),
        (["--steps", "1e400"], "--steps '1e400' is not a whole number"),
        (["--lr-scale", "nan"], "--lr-scale nan is out of range"),
        (["--ratio", "inf"], "--ratio inf is out of range"),
        (["--warmdown", "1.5"], "--warmdown 1.5 is out of range"),
        (["--dtype", "bf17"], "--dtype bf17: choose auto, bf16, fp16, fp32"),
        (["--corpus", ""], "--corpus needs a value"),
        (["--dept", "4"], "there is no --dept; did you mean --depth?"),
    ],
)
def test_a_bad_word_is_refused_by_name(words: list[str], complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(*words)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "say how large the model is to be: --depth 4"),
        ({"depth": 4, "steps": 5, "ratio": 2.0}, "--steps and --ratio both set the length"),
        ({"depth": 4, "without": "smaer"}, "--without smaer: there is no such extra"),
        ({"depth": 4, "window_pattern": "SX"}, "--window-pattern SX must be made of S and L"),
        ({"depth": 4, "kv_heads": 3}, "--kv-heads 3: n_head=2 is not divisible"),
        ({"depth": 4, "head_dim": 33}, "--head-dim 33 must be even"),
        ({"depth": 4, "batch_size": 6, "device_batch_size": 4}, "--batch-size 6 does not divide by"),
        ({"depth": 4, "steps": 5, "warmup_steps": 9}, "--warmup-steps 9 is more than the run's 5 steps"),
        ({"depth": 4, "name": "a/b"}, "the name 'a/b' cannot be a folder's"),
    ],
)
def test_what_does_not_fit_together_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        plan_run(Settings(**given), vocab_size=4_096)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_a_batch_is_refused_with_ones_that_divide() -> None:
    with pytest.raises(UserError, match="10 does not divide by 4 processes; use --batch-size 8 or 12"):
        plan_run(Settings(depth=4, batch_size=10), 4_096, Place(world=4))
    words = "times --device-batch-size 3; use --batch-size 12 or 24, or --device-batch-size 1, 2 or 4"
    with pytest.raises(UserError, match=words):
        plan_run(Settings(depth=4, batch_size=16, device_batch_size=3), 4_096, Place(world=4))


@pytest.mark.parametrize("depth", [1, 4, 5, 12, 20])
def test_the_depth_alone_means_what_the_calculator_says(depth: int) -> None:
    plan = plan_run(Settings(depth=depth), vocab_size=32_768)
    asked = make_plan(Question(arch="nanochat", depth=depth))
    assert (plan.config, plan.batch_tokens, plan.steps) == (asked.model, asked.tokens_per_step, asked.steps)
    dial = turn_dial(depth)
    assert plan.training == replace(dial, tokens=plan.steps * dial.batch_tokens)


def test_flags_of_the_calculator_mean_the_same() -> None:
    given = parse("--depth", "12", "--seq-len", "1024", "--batch-size", "48", "--total-tokens", "1000000000")
    plan = plan_run(Settings(**given), vocab_size=32_768)
    asked = make_plan(Question(arch="nanochat", depth=12, seq_len=1_024, batch_size=48, total_tokens=10**9))
    assert (plan.config, plan.batch_tokens, plan.steps) == (asked.model, asked.tokens_per_step, asked.steps)


def test_the_resolved_settings_make_the_same_plan_again() -> None:
    plan = plan_run(Settings(depth=5, ratio=3.0, kv_heads=1, without="smear,windows"), 4_096)
    assert plan_run(plan.settings, 4_096) == plan
    read = Settings.from_dict(json.loads(json.dumps(plan.settings.to_dict())), "config.json")
    assert plan_run(read, 4_096) == plan


@given(st.integers(1, 10**6))
def test_a_batch_for_a_number_of_steps_obeys_the_dials_law(steps: int) -> None:
    batch = batch_for_steps(steps)
    reference = turn_dial(12)
    law = reference.batch_tokens * (steps * batch / reference.tokens) ** 0.383
    # Down to a power of two, and the law's right side moves along with the batch.
    assert law / 1.6 < batch < law * 1.01


def test_fewer_steps_never_take_more_than_the_dials_batch() -> None:
    assert plan_run(Settings(depth=4, steps=10**6), 32_768).batch_tokens == turn_dial(4).batch_tokens
    assert plan_run(Settings(depth=4, steps=20), 32_768).batch_tokens == 2**14


def test_the_largest_batch_that_fits_fits_and_one_more_does_not() -> None:
    plan = plan_run(Settings(depth=12), 32_768)
    place = Place("cuda", free_bytes=80 * 2**30)
    for fp32 in (False, True):
        for checkpointing in (False, True):
            most = most_that_fit(plan.config, place, fp32, checkpointing)
            here, more = (bytes_needed(plan.config, n, place, fp32, checkpointing) for n in (most, most + 1))
            assert here <= place.usable_bytes < more
    assert bytes_needed(plan.config, 8, place, False, False) == training_memory(plan.config, 8, 2_048).total


def test_a_default_batch_fits_or_the_refusal_says_what_would() -> None:
    plan = plan_run(Settings(depth=12), 32_768, Place("cuda", free_bytes=24 * 2**30), "bf16")
    assert plan.device_batch_size == 16
    with pytest.raises(UserError, match=r"needs about .* GiB and this GPU has 24 GiB free; the largest that"):
        plan_run(
            Settings(depth=12, device_batch_size=256), 32_768, Place("cuda", free_bytes=24 * 2**30), "bf16"
        )
    with pytest.raises(UserError, match="not even one sequence fits: use a smaller --depth or --seq-len"):
        plan_run(Settings(depth=30), 32_768, Place("cuda", free_bytes=4 * 2**30), "bf16")


def test_a_resumed_run_keeps_what_decides_what_it_learns(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    plan = plan_run(Settings(depth=4, ratio=12.0), 4_096)
    folder = run_files.claim_folder("mine", "d4")
    settings = replace(plan.settings, name=None).to_dict()
    write_json(folder / run_files.CONFIG, {"asked": {"depth": 4, "ratio": 12.0}, "settings": settings})

    for more in ({}, {"depth": 4}, {"ratio": 12.0}, {"steps": plan.steps}, {"batch_size": plan.batch_size}):
        start = begin(BASE, {"name": "mine", **more}, resume=True)
        assert start.folder == folder
        assert plan_run(start.settings, 4_096) == replace(plan, settings=replace(plan.settings, name="mine"))
    changed = begin(BASE, {"name": "mine", "keep": 9, "eval_every": 3}, resume=True)
    assert (changed.settings.keep, changed.settings.eval_every) == (9, 3)
    for more, complaint in (
        ({"depth": 6}, "--depth 6 differs from the run's 4"),
        ({"seed": 1}, "--seed 1 differs from the run's 0"),
        ({"total_tokens": 5}, "--total-tokens 5 differs from the run's"),
    ):
        with pytest.raises(UserError, match=complaint):
            begin(BASE, {"name": "mine", **more}, resume=True)


def test_which_run_is_resumed(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    with pytest.raises(UserError, match="there is no run to resume, and no other"):
        begin(BASE, {}, resume=True)
    fresh = begin(BASE, {"depth": 4}, resume=True)
    assert fresh.folder is None
    assert fresh.note == "there is no run to resume: starting it"
    settings = {"settings": Settings(depth=4).to_dict()}
    for name in ("d4", "d4-2", "other"):
        write_json(run_files.claim_folder(name, "") / run_files.CONFIG, settings)
    (run_folder("d4-2") / run_files.METRICS).write_text("{}\n")
    assert begin(BASE, {"depth": 4}, resume=True).folder == run_folder("d4-2")
    assert begin(BASE, {"name": "other"}, resume=True).folder == run_folder("other")
    with pytest.raises(UserError, match="there is no run 'mine' to resume; there is d4, d4-2, other"):
        begin(BASE, {"name": "mine"}, resume=True)


def test_names_of_runs_do_not_collide(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    assert [run_files.claim_folder(None, "d4").name for _ in range(3)] == ["d4", "d4-2", "d4-3"]
    with pytest.raises(UserError, match="there is a run 'd4' already; continue it with --resume"):
        run_files.claim_folder("d4", "d4")


def test_lines_after_the_checkpoint_are_taken_away_and_a_cut_one_too(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = run_files.Lines(path)
    for step in range(1, 6):
        lines.add({"step": step, "text": "a\u2028b"})  # a line break of Unicode's is none of JSON's
    lines.close()
    with path.open("a") as file:
        file.write('{"step": 6, "te')
    run_files.keep_up_to(path, 3)
    assert [record["step"] for record in run_files.read_lines(path)] == [1, 2, 3]
    assert path.read_bytes().endswith(b"}\n")


def test_a_broken_line_in_the_middle_loses_itself_alone(tmp_path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [
        '{"step": 1}',
        '{"st\0\0: 2}',
        '{"step": 3}',
        "[4]",
        "",
        '{"loss": 5}',
        '{"step": 6}',
        '{"step": 7}',
    ]
    path.write_text("\n".join(lines) + "\n" + '{"step": 8, "lo')
    said: list[str] = []
    run_files.keep_up_to(path, 6, said.append)
    assert path.read_text() == '{"step": 1}\n{"step": 3}\n{"step": 6}\n'
    assert said == [
        f"{path}: lines 2, 4 and 6 are no records; they are left out, and the lines after them are kept"
    ]
    run_files.keep_up_to(path, 6, said.append)
    assert len(said) == 1


@given(
    st.lists(st.one_of(st.integers(1, 99), st.sampled_from(["{", "", "null", '{"loss": 1}']))), st.booleans()
)
def test_every_whole_line_is_read_whatever_stands_between(tmp_path_factory, parts, cut: bool) -> None:
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    text = "".join((part if isinstance(part, str) else json.dumps({"step": part})) + "\n" for part in parts)
    path.write_text(text + ('{"step": 5, "loss' if cut else ""))
    said: list[str] = []
    found = run_files.read_lines(path, said.append)
    assert [record["step"] for record in found] == [part for part in parts if isinstance(part, int)]
    assert bool(said) is any(isinstance(part, str) and part for part in parts)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"settings": {"dept": 4}}', '{"settings": {"depth": "4"}}', '{"settings": 3}', "\udcff"],
)
def test_a_damaged_config_is_one_line(tmp_path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError) as caught:
        begin(BASE, {}, config=path)
    assert "\n" not in str(caught.value)


def test_a_config_gives_its_settings_and_flags_win(tmp_path) -> None:
    path = tmp_path / "config.json"
    plan = plan_run(Settings(depth=4, batch_size=4), 4_096)
    write_json(path, {"settings": plan.settings.to_dict()})
    assert plan_run(begin(BASE, {}, config=path).settings, 4_096) == plan
    again = begin(BASE, {"seed": 3, "total_tokens": 10**6}, config=tmp_path).settings
    assert (again.seed, again.total_tokens, again.steps, again.batch_size) == (3, 10**6, None, 4)


def test_torchrun_does_not_take_a_flag_for_one_of_its_own() -> None:
    """It refuses any word of ours that is the beginning of two of its options, wherever it stands."""
    from torch.distributed.run import get_args_parser

    theirs = [word for action in get_args_parser()._actions for word in action.option_strings]
    for settings in (Settings, SftSettings, RlSettings):
        for one in fields(settings):
            clashing = [word for word in theirs if word.startswith(flag_of(one.name))]
            assert not clashing, flag_of(one.name)
