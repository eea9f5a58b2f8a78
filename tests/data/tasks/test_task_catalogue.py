"""The catalogue: every name opens what it says, or says what is missing."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from nanochat.data.tasks.catalogue import CATALOGUE, ROOM, download_task, entry_of, open_task
from nanochat.data.tasks.hub_files import HUB_TASKS
from nanochat.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
HUB = [name for name, entry in CATALOGUE.items() if entry.needs_download]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_entry_has_an_opener_and_one_line_of_description(name):
    entry = entry_of(name)
    module, function = entry.opener.split(":")
    assert callable(getattr(importlib.import_module(f"{ROOM}.{module}"), function))
    assert 10 < len(entry.description) < 70
    assert "\n" not in entry.description


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_split_that_a_task_does_not_have(name):
    with pytest.raises(UserError, match=f"the task {name} has no split 'dev'; it has: "):
        open_task(name, "dev")
    for split in CATALOGUE[name].splits:
        assert split in ("train", "test", "validation")


@pytest.mark.parametrize("name", HUB)
def test_a_task_that_is_not_here_names_the_command_that_fetches_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    for split in CATALOGUE[name].splits:
        with pytest.raises(UserError) as error:
            open_task(name, split)
        assert str(error.value) == (
            f"the task {name} is not on this machine; fetch it with: nanochat data prepare --task {name}"
        )
    assert list(tmp_path.iterdir()) == []


def test_what_comes_from_the_hub_is_marked():
    # HumanEval is also in a package; the sample of MMLU comes through pip.
    assert {*HUB} == {*HUB_TASKS} - {"humaneval"} | {"mmlu-offline"}


@pytest.mark.parametrize("name", ["arithmetics", "gsm8", "nothing", ""])
def test_a_name_that_is_not_there(name):
    for ask in (open_task, download_task, entry_of):
        with pytest.raises(
            UserError, match=f"there is no task {name!r}; (did you mean|there are: arithmetic, )"
        ):
            ask(name)


def test_a_task_that_needs_nothing_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    said: list[str] = []
    download_task("arithmetic", said.append)
    assert said == ["arithmetic: there is nothing to fetch"]
    assert list(tmp_path.iterdir()) == []


def test_opening_the_catalogue_imports_nothing_heavy():
    program = (
        "import sys, nanochat.data.tasks.catalogue, nanochat.data.tasks.mixture as m\n"
        "m.open_mixture('classroom', 50)[7]\n"
        "print(sorted({'torch', 'numpy', 'pyarrow', 'huggingface_hub', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
