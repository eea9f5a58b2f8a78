"""Files, pipes and vocabularies of every kind, given to the tokenizer playground."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nanochat import home
from nanochat.tokenizer import ranks
from nanochat.tokenizer.tokenizer import SETTINGS_FILE, sample_tokenizer
from tools.core.json_report import figures
from tools.core.tool import ToolError
from tools.tokenizer_playground import TOOL

SCRIPT = str(Path(__file__).resolve().parents[2] / "tools" / "tokenizer_playground.py")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", line.replace("TOOL", shlex.join([sys.executable, str(SCRIPT)]))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


@pytest.mark.parametrize(
    "line",
    [
        "TOOL --json --compare gpt2 --train 1 --file <(echo hello hello)",
        "echo hello hello | TOOL --json --file /dev/stdin",
        "echo hello hello | TOOL --json --file -",
    ],
)
def test_a_pipe_is_read_once_and_used_often(line: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    if "ranks of gpt2" in done.stderr:
        pytest.skip("the ranks of gpt2 are not here")
    assert done.stderr == ""
    assert json.loads(done.stdout)["sections"]["text"]["characters"] == 12


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("TOOL --ranks /dev/null", 1, "lacks the byte 0x00"),
        ("TOOL --ranks /dev/zero", 1, "larger than 100 MB"),
        ("TOOL --chat-file /dev/zero", 1, "larger than 10 MB"),
        ("TOOL --file /dev/zero", 1, "holds zero bytes"),
        ("TOOL $'caf\\xe9'", 1, "--text is no UTF-8 text: it holds the byte 0xe9 after 'caf'"),
        ("TOOL hi --word $'\\xff'", 1, "--word is no UTF-8 text"),
        ("TOOL hi --second-text $'\\xff'", 1, "--second-text is no UTF-8 text"),
        ("TOOL --word ''", 2, "--word needs a value"),
        ("TOOL --file - <&-", 0, ""),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(line: str, code: int, words: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (code, int(code > 0))
    assert words in done.stderr


@pytest.mark.parametrize("rank", [b"-7", b"1_000", b"1" + b"0" * 21])
def test_a_rank_that_is_none_is_refused_by_its_line(rank: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.tiktoken"
    file.write_bytes(ranks.write(sample_tokenizer().ranks) + b"AAAAAAA= " + rank + b"\n")
    with pytest.raises(ToolError, match=r"line 2040: .* is not `base64 rank`"):
        TOOL.ask(ranks=str(file))


@pytest.mark.parametrize(
    "change",
    [
        {"special_tokens": {"<|bos|>": "x"}},
        {"special_tokens": {"<|bos|>": -5}},
        {"special_tokens": {"": 5000}},
        {"special_tokens": ["a"]},
        {"special_tokens": 7},
        {"special_tokens": None},
        {"name": 7},
        {"ranks_sha256": None},
        {"pattern": "../../x"},
        {"pattern": [1]},
    ],
)
def test_damaged_settings_are_one_line(change: dict[str, object], tmp_path: Path) -> None:
    sample_tokenizer().save(tmp_path)
    settings = tmp_path / SETTINGS_FILE
    settings.write_text(json.dumps(json.loads(settings.read_text()) | change))
    with pytest.raises(ToolError, match="is not the settings of a tokenizer"):
        TOOL.ask(ranks=str(tmp_path / "tokenizer.tiktoken"), vocabulary=True)


def test_a_user_without_a_home_has_a_base_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "NANOCHAT_BASE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert home.base_folder().name == "nanochat"


def test_rows_and_colours_are_cut_apart() -> None:
    found = figures(TOOL.ask(text="ab " * 3_000, rows=5_000, colored=10))
    assert len(found["table"]["tokens"]) == found["text"]["n_tokens"] > 3_000  # type: ignore[arg-type]
    assert len(found["text"]["tokens"]) == 10  # type: ignore[arg-type]
    few = figures(TOOL.ask(text="ab " * 20, colored=1))["text"]
    assert len(json.loads(str(few["ids"]))) == few["n_tokens"]


def test_the_name_of_a_file_keeps_its_letters(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("hi")
    assert TOOL.ask(file=str(file)).sections[0].title.startswith("README.md: ")
