"""The generators of reasoning-gym, where it is installed (with --no-deps, see the module)."""

from __future__ import annotations

import importlib.util
import sys
import threading
import types

import pytest

from nanochat.data.tasks import gym, packages
from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.grading import reply_text
from nanochat.data.tasks.gym import solution_with_calls
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer

NAMES = ["gsm-symbolic", "chain-sum", "letters-in-text", "spell-backward"]
installed = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None, reason="reasoning-gym is not installed"
)


@installed
@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_learned_and_graded(name, split):
    tokenizer = FastTokenizer.of(sample_tokenizer())
    task = open_task(name, split)
    for number in range(400):
        example = task[number]
        ids, mask = render_conversation(tokenizer, example.conversation)
        assert sum(mask) >= 2
        assert len(ids) < 2048
        assert example.answer
        right = reply_text(example)
        assert task.grade(example, right) == 1.0
        for wrong in ("", "I do not know.", f"{right}7 x"):
            assert task.grade(example, wrong) == 0.0


@installed
@pytest.mark.parametrize("name", NAMES)
def test_the_test_asks_nothing_that_training_has_shown(name):
    asked = [
        {open_task(name, split)[number].question["messages"][0]["content"] for number in range(400)}
        for split in ("train", "test")
    ]
    assert not asked[0] & asked[1]
    assert min(map(len, asked)) > 300


@installed
def test_sums_in_solutions_are_calls_and_come_out_right():
    task = open_task("gsm-symbolic")
    calls = 0
    for number in range(400):
        content = task[number].conversation["messages"][1]["content"]
        for before, code, output, after in zip(content, content[1:], content[2:], content[3:], strict=False):
            if code["type"] == "python":
                calls += 1
                assert before["text"].endswith("= ")
                assert eval(code["text"]) == pytest.approx(float(output["text"]))
                assert after["text"].lstrip("$£€").startswith(output["text"])
    assert calls > 400


@installed
def test_loading_leaves_nothing_of_the_package_behind():
    gym._generators.cache_clear()
    sentinel = types.ModuleType("reasoning_gym")
    sentinel.__spec__ = importlib.util.find_spec("reasoning_gym")
    sys.modules["reasoning_gym"] = sentinel
    try:
        open_task("chain-sum")[0]
        assert [name for name in sys.modules if name.startswith("reasoning_gym")] == ["reasoning_gym"]
        assert sys.modules["reasoning_gym"] is sentinel
    finally:
        del sys.modules["reasoning_gym"]


@installed
def test_threads_do_not_disturb_each_other():
    task = open_task("chain-sum")
    alone = [task[number] for number in range(300)]
    found: dict[int, list[object]] = {}

    def draw(thread: int) -> None:
        found[thread] = [task[number] for number in range(300)]

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as often as can be, so that they do meet
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert all(one == alone for one in found.values())


@pytest.mark.parametrize(
    ("solution", "calls"),
    [
        ("She has 3 apples + 4 apples = 7 apples.", [("3+4", "7")]),
        ("10 boxes * 2.5 kg/box = 25 kg", [("10*2.5", "25")]),
        ("6 x $20 = $120, then $120 - $20 = $100", [("6*20", "120"), ("120-20", "100")]),
        ("7 / 2 = 3.5", [("7/2", "3.5")]),
        ("7 / 2 = 3", []),  # rounded down: not what the calculator prints
        ("10 / 3 = 3.33", []),
        ("7 / 0 = 7", []),
        ("2 + 2 = 40", []),
        ("2 + 2 = 4.5", []),
        ("no sum", []),
        ("", []),
    ],
)
def test_only_sums_that_come_out_become_calls(solution, calls):
    parts = solution_with_calls(solution)
    codes = [part["text"] for part in parts if part["type"] == "python"]
    outputs = [part["text"] for part in parts if part["type"] == "python_output"]
    assert list(zip(codes, outputs, strict=True)) == calls
    assert "".join(part["text"] for part in parts if part["type"] == "text") == solution


def test_without_the_package_the_way_out_is_named(monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda _: None)
    gym._generators.cache_clear()
    with pytest.raises(UserError) as error:
        open_task("chain-sum")
    assert str(error.value) == (
        "the package reasoning-gym is not installed; install it with: "
        "pip install --no-deps reasoning-gym==0.1.25"
    )
