"""From documents to a corpus: no copy twice, nothing on both sides, the same for the same seed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data import build as building
from nanochat.data.build import Document, Recipe, already_built, build, validation_works
from nanochat.data.clean import digest
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.shards import documents
from nanochat.errors import UserError

DOCUMENTS = [
    Document(f"Document number {number}, of work {number // 5}.", f"work {number // 5}")
    for number in range(600)
]


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    return tmp_path


def recipe(seed: int = 0, name: str = "tales") -> Recipe:
    return Recipe(name=name, source="a test", licence="none", seed=seed)


def made(found: Iterable[Document] = DOCUMENTS, seed: int = 0, name: str = "tales") -> Corpus:
    kept = list(found)
    return build(recipe(seed, name), lambda: kept)


def train(corpus: Corpus) -> list[str]:
    return [text for path in corpus.train for text in documents(path)]


def validation(corpus: Corpus) -> list[str]:
    return list(documents(corpus.validation))


def test_every_document_is_on_one_side(base):
    corpus = made()
    assert sorted(train(corpus) + validation(corpus)) == sorted(one.text for one in DOCUMENTS)
    assert 10 <= len(validation(corpus)) <= 60
    assert sorted(os.listdir(base / "corpora")) == [".tales.lock", "tales"]
    assert sorted(os.listdir(corpus.folder)) == ["corpus.json", "shard_00000.parquet", "validation.parquet"]


def test_a_work_is_wholly_on_one_side():
    corpus = made()
    work_of = {one.text: one.work for one in DOCUMENTS}
    assert not {work_of[text] for text in train(corpus)} & {work_of[text] for text in validation(corpus)}


def test_the_seed_shuffles_training_and_leaves_validation():
    one, same, other = made(seed=1), made(seed=1, name="same"), made(seed=2, name="other")
    assert one.fingerprint == same.fingerprint
    assert train(one) != train(other)
    assert sorted(train(one)) == sorted(train(other))
    assert validation(one) == validation(other)
    assert one.validation.read_bytes() == other.validation.read_bytes()
    assert train(one) != sorted(train(one))


def test_the_order_of_reading_does_not_choose_the_validation():
    assert set(validation(made())) == set(validation(made(DOCUMENTS[::-1], name="turned")))


def test_copies_are_dropped_so_none_is_on_both_sides():
    """Also those that differ in case, space and punctuation, and those of another work."""
    copies = [Document(one.text.upper() + " !", f"copy of {one.work}") for one in DOCUMENTS]
    corpus = made([*DOCUMENTS, *copies, *DOCUMENTS])
    both = train(corpus) + validation(corpus)
    assert len(both) == len(DOCUMENTS)
    assert not {digest(text) for text in train(corpus)} & {digest(text) for text in validation(corpus)}


def test_large_corpora_are_shuffled_over_all_their_shards(monkeypatch):
    monkeypatch.setattr(building, "SHARD_TEXT", 5000)
    corpus = made()
    assert len(corpus.train) == 4
    assert sorted(train(corpus) + validation(corpus)) == sorted(one.text for one in DOCUMENTS)
    for path in corpus.train:
        numbers = [int(text.split()[2].rstrip(",")) for text in documents(path)]
        assert min(numbers) < 60
        assert max(numbers) > 540
        assert numbers != sorted(numbers)


@given(st.dictionaries(st.binary(min_size=2, max_size=2), st.integers(1, 10**6), min_size=2, max_size=200))
def test_validation_is_a_part_and_never_the_whole(works):
    kept = validation_works(works)
    assert kept
    assert kept < set(works)
    share = sum(works[one] for one in kept)
    assert share <= max(sum(works.values()) * 3 // 20, min(works.values()))


@given(st.integers(2, 300), st.integers(0, 50))
def test_works_that_come_later_seldom_move_the_others(count, more):
    """Added text moves the border among the smallest hashes, and nothing else."""
    works = {digest(str(number)): 100 for number in range(count)}
    larger = works | {digest(f"more {number}"): 100 for number in range(more)}
    few, many = validation_works(works), validation_works(larger)
    border = max(many)
    assert all(one in many for one in few if one <= border)


def test_two_documents_are_the_least():
    assert len(train(made(DOCUMENTS[:1] + DOCUMENTS[5:6]))) == 1
    with pytest.raises(UserError, match=r"0 document\(s\) of text"):
        made([])
    with pytest.raises(UserError, match=r"1 document\(s\) of text"):
        made([DOCUMENTS[0], DOCUMENTS[0]])


def test_the_same_recipe_is_found_again():
    corpus = made(seed=4)
    assert already_built(recipe(seed=4)) == corpus
    assert already_built(recipe(seed=5)) is None
    corpus.train[0].unlink()
    assert already_built(recipe(seed=4)) is None


# ---- what goes wrong ----


def failing_at(number: int) -> Callable[[], Iterable[Document]]:
    times = iter(range(10))

    def read() -> Iterable[Document]:
        second = next(times) == 1
        for place, one in enumerate(DOCUMENTS):
            if second and place == number:
                raise OSError(28, "No space left on device")
            yield one

    return read


def test_an_error_leaves_nothing_and_the_old_corpus(base):
    with pytest.raises(OSError, match="No space left"):
        build(recipe(), failing_at(300))
    assert os.listdir(base / "corpora") == [".tales.lock"]
    before = made(seed=1)
    with pytest.raises(OSError, match="No space left"):
        build(recipe(seed=2), failing_at(300))
    assert open_corpus("tales").fingerprint == before.fingerprint
    assert sorted(os.listdir(base / "corpora")) == [".tales.lock", "tales"]


def test_files_that_change_between_the_two_readings():
    readings = iter([DOCUMENTS, DOCUMENTS[:-1]])
    with pytest.raises(UserError, match="have changed while they were read"):
        build(recipe(), lambda: next(readings))


def test_what_a_killed_process_left_is_cleared_up(base):
    before = made(seed=1)
    folder = base / "corpora"
    (folder / ".tales.partial").mkdir()
    (folder / ".tales.partial" / "shard_00000.parquet").write_bytes(b"half")
    # Killed between the two renamings: the old corpus lies under another name.
    before.folder.replace(folder / ".tales.old")
    with pytest.raises(OSError, match="No space left"):
        build(recipe(seed=2), failing_at(300))
    assert open_corpus("tales").fingerprint == before.fingerprint
    assert sorted(os.listdir(folder)) == [".tales.lock", "tales"]


def test_only_one_process_prepares_a_corpus(base):
    script = (
        "from nanochat.data.build import alone\n"
        "import pathlib, sys\n"
        "with alone(pathlib.Path(sys.argv[1])): pass"
    )
    with building.alone(base / "corpora" / "tales"):
        found = subprocess.run(
            [sys.executable, "-c", script, str(base / "corpora" / "tales")],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "another process is preparing the corpus 'tales'" in found.stderr
