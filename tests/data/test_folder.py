"""The reader's own files: what can be read is, what cannot is refused by file and line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nanochat import cli
from nanochat.data import folder as folders
from nanochat.data.corpus import open_corpus
from nanochat.data.folder import find_files, prepare_folder
from nanochat.data.shards import documents
from nanochat.errors import UserError


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    path = tmp_path / "my-texts"
    path.mkdir()
    return path


def all_of(name: str = "my-texts") -> list[str]:
    corpus = open_corpus(name)
    return sorted(text for path in [*corpus.train, corpus.validation] for text in documents(path))


def jsonl(path: Path, *rows: object) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_all_four_kinds_in_all_folders(texts):
    below = texts / "below" / "deeper"
    below.mkdir(parents=True)
    (texts / "a.txt").write_bytes("\ufeffEin Märchen.\r\n\r\n\r\nEnde.  ".encode())
    (below / "B.MD").write_text("# Title\n\nMark.", encoding="utf-8")
    jsonl(below / "c.jsonl", {"text": "Row one."}, {"text": "Row two.", "id": 2}, {"text": "  "})
    pq.write_table(
        pa.table({"text": ["Column one.", None, "Column two."], "id": [1, 2, 3]}), texts / "d.parquet"
    )
    (texts / "e.pdf").write_bytes(b"\xff\xfe")
    (texts / ".hidden.txt").write_text("hidden")
    (texts / ".git").mkdir()
    (texts / ".git" / "f.txt").write_text("hidden too")
    corpus = prepare_folder(texts)
    assert all_of() == [
        "# Title\n\nMark.", "Column one.", "Column two.", "Ein Märchen.\n\nEnde.", "Row one.", "Row two."
    ]  # fmt: skip
    assert corpus.settings["files"] == 4


def test_one_long_text_is_cut_and_split(texts):
    (texts / "book.txt").write_text(
        "\n\n".join(f"Chapter {number}. " + f"Sentence {number} of many. " * 40 for number in range(900))
    )
    corpus = prepare_folder(texts / "book.txt", name="book")
    assert corpus.documents > 150
    validation = list(documents(corpus.validation))
    assert 0.02 < len(validation) / (corpus.documents + len(validation)) < 0.15
    assert max(len(text) for text in documents(corpus.train[0])) < 8000


def test_asked_again_it_is_found_and_changed_files_are_seen(texts, monkeypatch):
    jsonl(texts / "a.jsonl", *({"text": f"Row {number}."} for number in range(50)))
    first = prepare_folder(texts)
    with monkeypatch.context() as patch:
        patch.setattr(folders, "build", None)
        assert prepare_folder(texts) == first
    jsonl(texts / "a.jsonl", *({"text": f"Row {number}!?"} for number in range(51)))
    second = prepare_folder(texts)
    assert second.fingerprint != first.fingerprint
    assert len(all_of()) == 51


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.txt",
            b"fine\nna\xefve",
            r"a\.txt, line 2: not UTF-8 \(byte 0xef\); convert it, for instance with: iconv",
        ),
        ("a.md", b"zero \0 byte", r"a\.md: holds NUL bytes"),
        ("a.txt", "utf-16".encode("utf-16"), r"a\.txt, line 1: not UTF-8"),
        ("a.jsonl", b'{"text": "fine"}\n{"text": "cut', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", b'{"text": "fine"}\n\n["text"]', r"a\.jsonl, line 3: not an object"),
        ("a.jsonl", b'{"body": "b", "id": 1}', r"line 1: no field 'text'; choose one with --field: body, id"),
        ("a.jsonl", b'{"text": 7}', r"line 1: its field 'text' is no text"),
        ("a.jsonl", b'{"text": "\xff"}', r"line 1: not UTF-8"),
        ("a.jsonl", b'{"text": "\\ud800"}', r"line 1: half of a surrogate pair"),
        ("a.jsonl", b"[" * 100_000, r"line 1: not JSON"),
        ("a.parquet", b"PAR1 not", r"a\.parquet: not a readable parquet file"),
        ("a.txt", b"", r"0 document\(s\) of text"),
        ("a.txt", b"one short text", r"1 document\(s\) of text, where two are the least"),
        ("a.doc", b"Word", r"no \.txt, \.md, \.jsonl or \.parquet file in it"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_writes_nothing(texts, tmp_path, capsys, name, content, words):
    (texts / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        prepare_folder(texts)
    assert cli.main(["data", "prepare", "--corpus", "folder", str(texts)]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    left = tmp_path / "base" / "corpora"
    assert not left.exists() or os.listdir(left) == [".my-texts.lock"]


def test_a_parquet_file_without_the_column(texts):
    pq.write_table(pa.table({"content": ["one", "two"], "id": [1, 2]}), texts / "a.parquet")
    with pytest.raises(UserError, match="no column 'text'; choose one with --field: content, id"):
        prepare_folder(texts)
    with pytest.raises(UserError, match="its column 'id' is no text but int64"):
        prepare_folder(texts, field="id")
    assert prepare_folder(texts, field="content").documents == 1


def test_a_folder_that_is_not_there(texts):
    with pytest.raises(UserError, match="there is no such folder"):
        find_files(texts / "none")


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
def test_links_are_followed_to_files_and_not_in_circles(texts):
    (texts / "circle").symlink_to(texts)
    (texts / "a.txt").write_text("one")
    (texts / "b.txt").symlink_to(texts / "a.txt")
    (texts / "broken.txt").symlink_to(texts / "none")
    assert [path.name for path in find_files(texts)] == ["a.txt", "b.txt"]


def test_names(texts, tmp_path):
    jsonl(texts / "a.jsonl", {"text": "one"}, {"text": "two"})
    with pytest.raises(UserError, match="is the name of a public corpus"):
        prepare_folder(texts, name="climbmix")
    odd = tmp_path / "my texts"
    texts.rename(odd)
    with pytest.raises(UserError, match="give one with --name"):
        prepare_folder(odd)
    assert prepare_folder(odd, name="mine").name == "mine"


# ---- the words of the command ----


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--corpus", "classic"], "no corpus 'classic' to prepare; did you mean classics?"),
        (["--corpus", "folder"], "wants the path of a folder"),
        (["somewhere"], "a path goes with --corpus folder, not with classics"),
        (
            ["--corpus", "classics", "--shards", "3"],
            "--shards is for climbmix and fineweb-edu, not for classics",
        ),
        (["--corpus", "climbmix", "--seed", "3"], "--seed is for classics and folder, not for climbmix"),
        (["--corpus", "climbmix", "--shards", "0"], "--shards 0: at least 1"),
        (["--corpus", "climbmix", "--shards", "9999"], "climbmix has 6,542 shards to train on"),
        (["--corpus", "climbmix", "--shards", "x"], "invalid int value"),
        (["--corpus", "climbmix", "--shard", "2"], "there is no --shard; did you mean --shards?"),
    ],
)
def test_words_that_make_no_sense_are_one_line(texts, capsys, words, error):
    assert cli.main(["data", "prepare", *words]) == 2
    printed = capsys.readouterr()
    assert error in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_dry_run_writes_nothing(texts, tmp_path, capsys):
    jsonl(texts / "a.jsonl", {"text": "one"}, {"text": "two"})
    assert cli.main(["data", "prepare", "--corpus", "folder", str(texts), "--name", "mine", "--dry-run"]) == 0
    assert "1 files, 0.0 MB; written to" in capsys.readouterr().out
    assert not (tmp_path / "base").exists()
    assert cli.main(["data", "prepare", "--corpus", "folder", str(texts), "--name", "mine"]) == 0
    assert "mine: 1 documents" in capsys.readouterr().out
