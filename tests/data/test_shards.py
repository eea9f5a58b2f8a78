"""Shards and corpora on disk: what is written can be read; what is damaged is refused in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data import shards
from nanochat.data.corpus import Corpus, corpus_folder, open_corpus
from nanochat.data.shards import (
    ROW_GROUP,
    ShardWriter,
    documents,
    inspect_shard,
    read_row_group,
    read_row_groups,
    row_group_sizes,
    write_shard,
)
from nanochat.errors import UserError

TEXTS = [f"Document {number}. Ünïcode ☃ \U0001f600\n\n" for number in range(2 * ROW_GROUP + 5)]


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shard") / "shard_00000.parquet"
    write_shard(path, TEXTS)
    return path


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    folder = tmp_path / "corpora" / "tales"
    folder.mkdir(parents=True)
    made = Corpus(
        name="tales",
        folder=folder,
        train_shards=(
            write_shard(folder / "shard_00000.parquet", ["one", "two"]),
            write_shard(folder / "shard_00001.parquet", ["three"]),
        ),
        validation_shard=write_shard(folder / "validation.parquet", ["four ☃"]),
        source="a test",
        licence="none",
        seed=3,
        version="1",
        settings={"field": "text"},
    )
    made.save()
    return made


# ---- shards ----


def test_what_is_written_is_read(shard):
    assert list(documents(shard)) == TEXTS
    assert [text for group in read_row_groups(shard) for text in group] == TEXTS
    assert row_group_sizes(shard) == [ROW_GROUP, ROW_GROUP, 5]
    assert read_row_group(shard, 1) == TEXTS[ROW_GROUP : 2 * ROW_GROUP]
    assert list(read_row_groups(shard, start=2)) == [TEXTS[2 * ROW_GROUP :]]


@pytest.mark.parametrize("start", [0, 1, ROW_GROUP - 1, ROW_GROUP, ROW_GROUP + 1, 2 * ROW_GROUP + 4, 9999])
def test_reading_can_begin_anywhere(shard, start):
    assert list(documents(shard, start)) == TEXTS[start:]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=20))
def test_any_text_survives(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("any") / "a.parquet"
    record = write_shard(path, texts)
    assert list(documents(path)) == texts
    assert record.documents == len(texts)
    assert record.text_bytes == sum(len(text.encode()) for text in texts)
    assert record == inspect_shard(path, "a.parquet", record.sha256)


def test_a_plain_parquet_reader_finds_the_layout(shard):
    file = pq.ParquetFile(shard)
    assert file.schema_arrow.names == ["text"]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_books_in_place_of_pages_make_smaller_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 1000)
    write_shard(tmp_path / "a.parquet", ["x" * 400] * 5)
    assert row_group_sizes(tmp_path / "a.parquet") == [2, 2, 1]


def test_an_error_while_writing_leaves_nothing(tmp_path):
    def texts():
        yield "one"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_shard(tmp_path / "a.parquet", texts())
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_the_old_shard(tmp_path):
    write_shard(tmp_path / "a.parquet", ["old"])
    with pytest.raises(ValueError, match="surrogate"), ShardWriter(tmp_path / "a.parquet") as writer:
        writer.write("\ud800")
    assert list(documents(tmp_path / "a.parquet")) == ["old"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing(tmp_path):
    """In a process of its own that may not write files of more than 100 kB."""
    script = (
        "import random, pathlib\n"
        "from nanochat.data.shards import write_shard\n"
        f"path = pathlib.Path({str(tmp_path)!r}, 'a.parquet')\n"
        "try:\n"
        "    write_shard(path, (random.randbytes(300).hex() for _ in range(5000)))\n"
        "except OSError as error:\n"
        "    print('full:', error.errno)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    found = subprocess.run(
        [sys.executable, "-c", script], preexec_fn=limit, capture_output=True, text=True, check=False
    )
    assert found.stdout.startswith("full:"), found.stderr
    assert list(tmp_path.iterdir()) == []


def test_unreadable_shards_are_named(tmp_path, shard):
    whole = shard.read_bytes()
    path = tmp_path / "bad.parquet"
    for content in (b"", b"no parquet at all", whole[:-500], whole[:100] + b"\0" * 500 + whole[600:]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"bad\.parquet: not a readable parquet file") as error:
            list(documents(path))
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="no such shard"):
        list(documents(tmp_path / "none.parquet"))


def test_another_column_or_type_is_named(tmp_path):
    pq.write_table(pa.table({"content": ["one"], "id": [1]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="no column 'text'; its columns are: content, id"):
        list(documents(tmp_path / "a.parquet"))
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "b.parquet")
    with pytest.raises(UserError, match="is no text but int64"):
        list(documents(tmp_path / "b.parquet"))


def test_nulls_are_empty_documents(tmp_path):
    pq.write_table(pa.table({"text": ["one", None]}), tmp_path / "a.parquet")
    assert list(documents(tmp_path / "a.parquet")) == ["one", ""]


# ---- a corpus ----


def test_a_corpus_is_found_by_name_and_by_path(corpus):
    for place in ("tales", corpus.folder, str(corpus.folder)):
        found = open_corpus(place)
        assert found == corpus
        assert found.fingerprint == corpus.fingerprint
    assert [path.name for path in corpus.train] == ["shard_00000.parquet", "shard_00001.parquet"]
    assert corpus.documents == 3
    assert corpus.text_bytes == len("onetwothree")
    assert list(documents(corpus.validation)) == ["four ☃"]
    corpus.verify()


def test_the_fingerprint_is_of_the_text_and_its_order(corpus):
    turned = dataclasses.replace(corpus, train_shards=corpus.train_shards[::-1])
    assert turned.fingerprint != corpus.fingerprint


def test_what_is_not_there(corpus):
    # The way out is a command that will be taken: only the public corpora have their name for --corpus.
    ways = {"climbmix": "climbmix", "story": "folder PATH --name story"}
    for name, way in ways.items():
        with pytest.raises(UserError, match=f"no corpus '{name}'; prepare .* data prepare --corpus {way}$"):
            open_corpus(name)
    with pytest.raises(UserError, match="there is no corpus; nanochat data prepare makes one"):
        open_corpus("/nowhere/at/all")
    with pytest.raises(UserError, match="cannot be a folder's"):
        open_corpus("..")
    assert corpus_folder("~/texts") == Path.home() / "texts"


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("corpus.json", None, "was not finished"),
        ("corpus.json", b"{", r"corpus\.json: damaged"),
        ("corpus.json", b"\xff\xfe", r"corpus\.json: damaged"),
        ("corpus.json", b"[]", r"corpus\.json: damaged"),
        ("corpus.json", b'{"format": 99, "name": "tales"}', "another version"),
        ("shard_00001.parquet", None, r"shard_00001\.parquet: the shard is missing"),
        ("shard_00001.parquet", b"half", "4 bytes where"),
        ("validation.parquet", None, r"validation\.parquet: the shard is missing"),
    ],
)
def test_a_damaged_corpus_is_refused_with_the_way_out(corpus, file, content, words):
    path = corpus.folder / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words) as error:
        open_corpus("tales")
    assert "nanochat data prepare --corpus folder PATH --name tales" in str(error.value)


def test_a_record_cannot_point_elsewhere(corpus):
    path = corpus.folder / "corpus.json"
    record = json.loads(path.read_text())
    record["train"][0]["file"] = "../../secret.parquet"
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match="names a shard outside its folder"):
        open_corpus("tales")


def test_changed_bytes_of_the_same_size_are_found_by_verify(corpus):
    path = corpus.train[0]
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"shard_00000\.parquet: its bytes have changed"):
        open_corpus("tales").verify()
