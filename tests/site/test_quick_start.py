"""The page *Quick start*: every command on it is run, in the page's order, in a clean environment.

The blocks come from the Markdown itself (`quick_start_page.py`), so page and test cannot drift apart.

- `test_every_command_works` shortens the long ones by flags (`SHORTER`), and takes a minute or two.
- `QUICK_START=whole pytest tests/site/test_quick_start.py` runs them exactly as they stand: half an hour.
- What needs GPUs or a cluster is read by the real parsers, and rehearsed with `--dry-run`.
- Each error of *Troubleshooting* is provoked by the command that stands above it, and its words compared.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

from nanochat import cli
from tests.site.quick_start_page import (
    KINDS,
    PAGE,
    REHEARSE,
    ROOT,
    RUN,
    SERVE,
    STAND_INS,
    STOP,
    Block,
    Shell,
    blocks,
    nanochat_words,
    shortened,
)  # fmt: skip
from tests.test_runs import commands as commands_of_script
from tests.train.small_run import prepare

QUIET = "--no-compile --eval-tokens 2000 --sample-every 0"
TINY = f"--batch-size 2 --seq-len 128 --steps 2 {QUIET}"
# A command that begins so gets these flags in the short test. The last of two equal flags counts.
SHORTER = {
    "nanochat speedrun --size laptop": f"--until pretraining -- {TINY}",
    "nanochat train base --resume": "--no-compile",
    "nanochat train base": TINY,
    "nanochat train sft": f"--batch-size 2 --examples 40 --steps 2 {QUIET}",
    "nanochat train rl": "--steps 1 --prompts 2 --samples 2 --max-tokens 8 --eval-every 0 --no-compile",
    "nanochat eval d4-rl": "--limit 2",
    "nanochat chat --prompt": "--max-tokens 8",
    "nanochat export onnx": "--eval-tokens 128",
    "nanochat bench loader": "--batches 5 --repeats 1",
    "nanochat bench infer": "--steps 2 --repeats 1",
    "torchrun": TINY,
}
LONG_ENOUGH_TO_STOP = "--steps 60"  # for the run that the page stops with Ctrl-C
WHOLE = os.environ.get("QUICK_START") == "whole"
BLOCKS = blocks()


def test_the_page_has_blocks_of_every_kind():
    assert len(BLOCKS) > 30
    assert {block.title for block in BLOCKS} == set(KINDS)
    fences = re.findall(r"^[ \t]*```(?:bash|console).*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == len(BLOCKS) + len(blocks("console")), "a fence that this test does not understand"


def test_the_short_test_only_adds_flags():
    for block in BLOCKS:
        for before, after in zip(
            block.code.splitlines(), shortened(block.code, SHORTER).splitlines(), strict=True
        ):
            assert after.startswith(before)


def test_every_command_works(tmp_path):
    """The page from top to bottom, with the flags of `SHORTER`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = SHORTER | {"nanochat serve": f"--port {port}"}
    follow(Shell(tmp_path), [shortened(block.code, flags, port) for block in BLOCKS])


@pytest.mark.skipif(not WHOLE, reason="half an hour; QUICK_START=whole asks for it")
def test_every_command_works_exactly_as_it_stands(tmp_path):
    follow(Shell(tmp_path, threads=None), [block.code for block in BLOCKS], seconds=3_600)


def follow(shell: Shell, codes: list[str], seconds: float = 300) -> None:
    """Do what the page says, block by block."""
    server = None
    try:
        for block, code in zip(BLOCKS, codes, strict=True):
            where = f"{PAGE.name}:{block.line}"
            if block.kind == SERVE:
                server = shell.start(code)
                server.wait_for("answers on http://127.0.0.1:")
            elif block.kind == STOP:
                stopped = shell.start(code.strip() if WHOLE else f"{code.strip()} {LONG_ENOUGH_TO_STOP}")
                stopped.wait_for("step 1/", seconds)
                assert stopped.ctrl_c() == 130, stopped.said
                assert "--resume continues" in stopped.said
            elif block.kind == RUN:
                start = time.monotonic()
                done = shell.run(code, seconds)
                print(f"{time.monotonic() - start:6.1f} s  {code.splitlines()[0]}")
                assert done.returncode == 0, f"{where}: {code}\n{done.stdout}\n{done.stderr}"
                look_at_what_came(code, done)
        assert server is not None
        assert server.ctrl_c() in (0, 130), server.said
        assert_left_on_disk(shell)
        assert_asked_for(shell.calls())
    finally:
        if server is not None:
            server.kill()


def look_at_what_came(code: str, done: subprocess.CompletedProcess[str]) -> None:
    """Not every command that fails says so; these must have answered."""
    if code.startswith(("curl", "nanochat chat --prompt")) or "python ask.py" in code:
        assert done.stdout.strip(), code
    if code.startswith("curl"):
        assert '"role":"assistant"' in done.stdout
    assert "Traceback" not in done.stderr, done.stderr


def assert_left_on_disk(shell: Shell) -> None:
    """What the page says each stage leaves."""
    base = shell.base
    for path in ("corpora/classics/validation.parquet", "tokenizer/default/tokenizer.tiktoken"):
        assert (base / path).is_file()
    for name in ("d4", "d4-sft", "d4-rl", "core", "mine", "d4-mine", "stopped", "rehearsal"):
        for file in ("config.json", "metrics.jsonl", "samples.jsonl", "checkpoints"):
            assert (base / "runs" / name / file).exists(), f"{name}/{file}"
    assert list((base / "runs" / "d4-rl" / "evaluations").glob("*.json"))
    assert (base / "runs" / "d4-rl" / "report.html").is_file()
    assert (shell.folder / "d4-onnx" / "model.onnx").is_file()
    assert (shell.folder / "core-hf" / "config.json").is_file()


def assert_asked_for(calls: list[str]) -> None:
    """What pip and apt-get were asked for: packages and extras that there are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pips = [call for call in calls if call.startswith("pip ")]
    assert pips
    for call in pips:
        assert call.startswith("pip install -c constraints.txt ")
        for extras in re.findall(r"\[(.*)\]", call):
            assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert any(call.startswith("sudo apt-get install --yes git python3") for call in calls)


# ---- what needs another machine ----


@pytest.mark.parametrize(
    "block",
    [block for block in BLOCKS if block.kind not in (RUN, SERVE, STOP)],
    ids=lambda block: str(block.line),
)
def test_bash_reads_what_is_typed_elsewhere(block: Block):
    subprocess.run(["bash", "-n", "-c", block.code], check=True)
    for command in block.commands:
        program = shlex.split(command)[0]
        assert program in (*STAND_INS, "nanochat", "torchrun", "bash", "export", "mkdir"), command


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh")
def test_ssh_understands_its_flags():
    lines = [line for block in BLOCKS for line in block.commands if line.startswith("ssh ")]
    assert lines
    for line in lines:
        words = shlex.split(line)
        done = subprocess.run([words[0], "-G", *words[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        if "-L" in words:
            assert "localforward 8000 [127.0.0.1]:8000" in done.stdout


def test_what_needs_gpus_is_parsed_and_rehearsed(tmp_path, monkeypatch):
    """Real parsers, and a dry run of each with a little text in the place of the large corpus."""
    from torch.distributed.run import get_args_parser

    shell = Shell(tmp_path)
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(shell.base))
    prepare("climbmix", "later")
    rehearsed = 0
    for block in (block for block in BLOCKS if block.kind == REHEARSE):
        for command in block.commands:
            words = nanochat_words(command)
            if words is None:
                check_other(command)
                continue
            cli.check(words)
            if command.startswith("torchrun"):
                launch = get_args_parser().parse_args(shlex.split(command)[1:])
                assert launch.module
                assert launch.training_script == "nanochat"
            dry = words if "--dry-run" in words else [*words, "--dry-run"]
            done = shell.run(f'. "{venv(shell)}"\n{shlex.join(["nanochat", *dry])}')
            # A machine with little memory says so, and has read all flags by then.
            assert done.returncode == 0 or "error: out of memory" in done.stderr, f"{command}\n{done.stderr}"
            rehearsed += 1
            if words[:2] == ["tokenizer", "train"]:
                name = words[words.index("--name") + 1]
                (shell.base / "tokenizer" / "later").rename(shell.base / "tokenizer" / name)
    assert rehearsed >= 6


def venv(shell: Shell) -> Path:
    """A script that steps into an environment with the project."""
    place = shell.home / "venv"
    shell.run(f"python3 -m venv {place}")
    return place / "bin" / "activate"


def check_other(command: str) -> None:
    """Programs that start the project's scripts, or look at the machine."""
    words = shlex.split(command)
    if words[0] in ("bash", "sbatch"):
        script = ROOT / words[-1]
        subprocess.run(["bash", "-n", script], check=True)
        assert commands_of_script(script)
        for inside in commands_of_script(script):
            cli.check(inside)
    else:
        assert words[0] in ("nvidia-smi", "squeue", "export")


# ---- troubleshooting ----

TROUBLES = blocks("console")
ANCHOR = re.compile(r"^#### (?P<title>.+) \{ #(?P<anchor>[\w-]+) \}$", re.MULTILINE)


def troubles() -> list[tuple[str, str]]:
    """Anchor and text of every entry."""
    text = PAGE.read_text(encoding="utf-8").split("\n## Troubleshooting\n")[1].split("\n## ")[0]
    found = list(ANCHOR.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(match["anchor"], text[match.start() : end]) for match, end in zip(found, ends, strict=True)]


def test_there_are_many_entries_and_each_says_why_and_the_way_out():
    assert len(TROUBLES) >= 12
    for anchor, text in troubles():
        assert "**Why.**" in text, anchor
        assert "**Way out.**" in text, anchor


@pytest.fixture(scope="module")
def trouble(tmp_path_factory):
    """A machine with a corpus, a tokenizer, a run, and some things that are wrong."""
    shell = Shell(tmp_path_factory.mktemp("trouble"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(shell.base))
        prepare()
    shell.folder = shell.home / "nanochat"
    shell.folder.mkdir()
    (shell.folder / "old-texts").mkdir()
    (shell.folder / "old-texts" / "latin.txt").write_bytes(b"caf\xe9\n")
    question = '{"messages": [{"role": "user", "content": "Hi"}]}\n'
    (shell.folder / "question.jsonl").write_text(question, encoding="utf-8")
    small = "--depth 1 --head-dim 32 --seq-len 512 --batch-size 1 --steps 2 --save-every 0 --eval-every 0"
    done = shell.run(
        "python3 -m venv .venv\n. .venv/bin/activate\n"
        f"nanochat train base {small} --sample-every 0 --no-compile --name d4"
    )
    assert done.returncode == 0, done.stderr
    shutil.copytree(shell.base / "runs" / "d4", shell.base / "runs" / "broken")
    for weights in (shell.base / "runs" / "broken").rglob("model.safetensors"):
        weights.write_bytes(weights.read_bytes()[:-1])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 8000))
            other.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        yield shell


@pytest.mark.parametrize("block", TROUBLES, ids=lambda block: block.code.splitlines()[0].removeprefix("$ "))
def test_an_error_of_the_page_is_what_the_command_says(trouble: Shell, block: Block):
    """`…` on the page stands for what differs from machine to machine."""
    first, *lines = block.code.rstrip("\n").split("\n")
    done = trouble.run(first.removeprefix("$ "))
    assert done.returncode != 0
    pattern = ".*".join(re.escape(part) for part in "\n".join(lines).split("…"))
    said = trouble.words(done.stdout + done.stderr).strip()
    assert re.fullmatch(pattern, said, re.DOTALL), f"{PAGE.name}:{block.line}\n{said}"


def test_the_links_to_the_code_lead_to_where_the_error_is_raised():
    linked = 0
    for anchor, text in troubles():
        for name in re.findall(r"Said\s+by\s+\[`[^`]+`\]\[([\w.]+)\]", text):
            found = resolve(name)
            assert re.search(r"Error\(|raise |-> str", inspect.getsource(found)), f"{anchor}: {name}"
            linked += 1
    assert linked >= 12


def resolve(name: str) -> object:
    """The function or method of this name."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise AssertionError(name)


def test_the_code_leads_back_to_the_page():
    """The help of `nanochat` names the section, and the reference links to it."""
    from web.reference import ROOMS

    assert "Troubleshooting" in cli.make_parser().format_help()
    leading = {room.name for room in ROOMS if "08-quick-start.md#troubleshooting" in room.guide}
    assert leading == {"nanochat.cli", "nanochat.commands"}
