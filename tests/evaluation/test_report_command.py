"""The printed commands: they are ones that exist, and they plan the run again that they were made from."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat import cli
from nanochat.commands.flag_parser import given_settings
from nanochat.evaluation.report.command import flag, train_command
from nanochat.model.config import GPTConfig
from nanochat.train.fitting import Place
from nanochat.train.flags import Flags, flag_of, kind_of
from nanochat.train.rl_plan import plan_rl
from nanochat.train.rl_settings import RlSettings
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.settings import DTYPES, PACKINGS, Settings
from nanochat.train.sft_plan import plan_sft
from nanochat.train.sft_settings import SftSettings

KINDS: dict[str, type[Any]] = {"base": Settings, "sft": SftSettings, "rl": RlSettings}
MODEL = GPTConfig.from_depth(4, vocab_size=4_096, sequence_len=512)
PLACE = Place("cpu", 2, 2**40)


def plan(stage: str, settings: Any) -> RunPlan:
    """What a run of these settings does, on the machine of the tests."""
    if stage == "base":
        return plan_run(settings, 4_096, PLACE, "fp32")
    if stage == "sft":
        return plan_sft(settings, MODEL, base_batch=16, rows=3_200, place=PLACE, dtype="fp32")
    return plan_rl(settings, MODEL, PLACE, "fp32")


def config(stage: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the trainer writes down of a run that was asked so."""
    settings = plan(stage, KINDS[stage](**asked)).settings.to_dict()
    origin = {} if stage == "base" else {"origin": {"run": asked["from_run"]}}
    return {"stage": stage, "asked": asked, "settings": {**settings, "name": None}, **origin}


def parsed(command: str) -> dict[str, Any]:
    """The settings that the command's own parser reads in a command."""
    words = shlex.split(command)
    cli.check(words[words.index("nanochat") + 1 :])
    found, rest = cli.find_command(words[words.index("nanochat") + 1 :])
    options: argparse.Namespace = found.load().make_parser().parse_args(list(rest))
    return given_settings(options, KINDS[words[words.index("nanochat") + 2]])


def steps_or_tokens() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(lambda steps: {"steps": steps}, st.integers(20, 5_000)),
        st.builds(lambda tokens: {"total_tokens": tokens}, st.integers(10**5, 10**9)),
        st.builds(lambda ratio: {"ratio": ratio}, st.floats(0.01, 50)),
        st.just({}),
    )


def some(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Flags that every stage has, and some more; each may be left out."""
    optional = {
        "batch_size": st.sampled_from([2, 16, 64]), "lr_scale": st.floats(1e-3, 1e3),
        "keep": st.integers(1, 9), "warmup_steps": st.integers(0, 1), "warmdown": st.floats(0, 1),
        "dtype": st.sampled_from(DTYPES),
        "compile": st.just(False), "checkpointing": st.just(True), "seed": st.integers(0, 2**63 - 1),
        "eval_every": st.integers(0, 99), "wandb": st.sampled_from(["a b", "-x", "it's"]),
        "name": st.just("d4-2"), "workers": st.integers(0, 9),
    }  # fmt: skip
    return st.fixed_dictionaries({}, optional={**optional, **more})


BASES = st.builds(
    lambda flags, length, depth: {"depth": depth, **flags, **length},
    some(
        head_dim=st.sampled_from([32, 64]), without=st.sampled_from(["smear,x0-scalars", "all"]),
        corpus=st.sampled_from(["climbmix", "my texts"]), packing=st.sampled_from(PACKINGS),
        window_pattern=st.sampled_from(["SL", "L"]), seq_len=st.sampled_from([64, 512]),
    ),
    steps_or_tokens(), st.integers(1, 6),
)  # fmt: skip
SFTS = st.builds(
    lambda flags, steps: {"from_run": "d4", **flags, **steps},
    some(mixture=st.sampled_from(["chat", "arithmetic:2,spelling:1"]), share=st.floats(0.01, 1),
         examples=st.integers(1, 10**6), conversations=st.just("my file.jsonl")),
    st.sampled_from([{}, {"steps": 30}]),
)  # fmt: skip
RLS = st.builds(
    lambda flags, steps: {"from_run": "d4-sft", **flags, **steps},
    some(tasks=st.sampled_from(["arithmetic", "gsm8k:2,spelling:1"]), temperature=st.floats(0.1, 5),
         samples=st.integers(2, 64), prompts=st.integers(1, 64)),
    st.sampled_from([{}, {"steps": 30}]),
)  # fmt: skip
ASKED = st.one_of(
    *(st.tuples(st.just(stage), asked) for stage, asked in (("base", BASES), ("sft", SFTS), ("rl", RLS)))
)


@given(ASKED)
def test_the_command_is_parsed_to_what_was_asked_and_plans_the_same(
    asked: tuple[str, dict[str, Any]],
) -> None:
    stage, flags = asked
    written = config(stage, flags)
    found = parsed(train_command(written, "again"))
    assert found.pop("name") == "again"
    assert found == {name: value for name, value in flags.items() if name != "name"}
    again = plan(stage, KINDS[stage](**found)).settings.to_dict()
    assert {**again, "name": None} == written["settings"]


@given(ASKED)
def test_a_run_that_took_its_settings_from_another_gets_them_all_as_flags(
    asked: tuple[str, dict[str, Any]],
) -> None:
    stage, flags = asked
    written = config(stage, flags) | {"asked": {"seed": 1}}
    found = parsed(train_command(written, "again"))
    again = plan(stage, KINDS[stage](**{**found, "name": None})).settings.to_dict()
    assert again == written["settings"]


@pytest.mark.parametrize("kind", KINDS.values())
def test_flags_are_called_as_the_command_calls_them(kind: type[Flags]) -> None:
    for one in fields(kind):
        value = {bool: not one.default, int: 3, float: 0.5, str: "x"}[kind_of(one)]
        assert flag(one.name, value)[0] == flag_of(one.name)


def test_several_processes_are_started_by_torchrun() -> None:
    written = config("base", {"depth": 12}) | {"machine": {"processes": 8}}
    command = train_command(written, "d12")
    assert command == (
        "torchrun --standalone --nproc_per_node=8 -m nanochat train base --depth 12 --name d12"
    )
    assert parsed(command) == {"depth": 12, "name": "d12"}


def test_a_run_that_began_from_a_folder_is_made_from_the_run_of_that_name() -> None:
    written = config("sft", {"from_run": "/somewhere/runs/d4"}) | {"origin": {"run": "d4"}}
    assert train_command(written, "d4-sft") == "nanochat train sft --from-run d4 --name d4-sft"
