"""Runs whose every answer is known, and servers of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve import small_chat_run
from tests.serve.running_server import Running, serving

RICH = (Path(__file__).with_name("rich_answer.md")).read_text(encoding="utf-8")
BEFORE, CODE, RESULT = "Let me see. ", "37*12", "444"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with the runs `rich`, `endless` and `chance`; `rich` is the newest."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        small_chat_run.save_run("endless", *small_chat_run.endless(), context=16_384)
        small_chat_run.save_run("chance", *small_chat_run.chance(), stage="rl")
        rich = small_chat_run.answering(("text", BEFORE), ("python", CODE), ("text", RICH))
        small_chat_run.save_run("rich", *rich, context=1_024)
    return folder


@pytest.fixture(scope="session")
def rich(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose one answer has a call of the calculator and all of Markdown."""
    with serving(base, "--run", "rich", log=tmp_path_factory.mktemp("log") / "rich") as server:
        yield server
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def endless(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that writes two answers at a time, each without an end, and lets two more wait."""
    words = ("--run", "endless", "--rows", "2", "--queue", "2", "--deadline", "3")
    log = tmp_path_factory.mktemp("log") / "endless"
    with serving(base, *words, log=log, program="tests.serve.impatient_server") as server:
        yield server
        assert "Traceback" not in server.log.read_text(encoding="utf-8")
