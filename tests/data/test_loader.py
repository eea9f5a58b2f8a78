"""The loader: every token once, the same rows for any number of processes, and exact continuation."""

from __future__ import annotations

import json
import random
import threading
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data import lanes
from nanochat.data.loader import make_loader, open_tokenizer
from nanochat.data.reading import Order, Position, groups
from nanochat.errors import UserError
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer

T = 48
ROWS = 24  # a step
TOKENIZER = FastTokenizer.of(sample_tokenizer())


def some_documents(count: int, seed: int) -> list[str]:
    draw, text = random.Random(seed), sample_text()
    starts = [draw.randrange(len(text) - 2_000) for _ in range(count)]
    # Each begins with its own number, so that no two are alike.
    return [f"{seed}:{i} " + text[s : s + int(draw.lognormvariate(5, 1))] for i, s in enumerate(starts)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    paths, texts = [], []
    for seed, count in enumerate((310, 5, 170, 60)):
        texts.append(some_documents(count, seed))
        paths.append(folder / f"shard_{seed:05d}.parquet")
        pq.write_table(pa.table({"text": texts[-1]}), paths[-1], row_group_size=64)
    return SimpleNamespace(
        train=paths[:3],
        validation=paths[3],
        fingerprint="abc",
        texts=[*texts[0], *texts[1], *texts[2]],
        held_out=texts[3],
    )


def loader(corpus, split="train", **more):
    return make_loader(corpus, TOKENIZER, split, ROWS, T, **{"workers": 0} | more)


def same(first, second) -> bool:
    names = ("inputs_BT", "targets_BT", "documents_BT")
    return all(torch.equal(getattr(first, name), getattr(second, name)) for name in names)


def steps_of(corpus, count: int, world: int = 1, device_batch: int | None = None, state=None) -> list:
    """The rows of the first steps, whole, put together from the batches of all processes."""
    per_process = ROWS // world
    size = device_batch or per_process
    every = [loader(corpus, rank=rank, world=world, device_batch=size, state=state) for rank in range(world)]
    steps = []
    for _ in range(count):
        rows: list[object] = [None] * ROWS
        for rank, one in enumerate(every):
            own = torch.cat(
                [
                    torch.stack([batch.inputs_BT, batch.targets_BT, batch.documents_BT.long()], dim=1)
                    for batch in islice(one, per_process // size)
                ]
            )
            rows[rank::world] = list(own)
        steps.append(torch.stack(rows))
    return [steps, [json.loads(json.dumps(one.state())) for one in every]]


# ---- what a batch holds ----


def test_targets_are_what_follows_and_documents_do_not_mix(corpus):
    batch, bos = next(make_loader(corpus, TOKENIZER, "train", ROWS, 480, workers=0)), TOKENIZER.bos
    n_whole = n_documents = 0
    for inputs, targets, documents in zip(batch.inputs_BT, batch.targets_BT, batch.documents_BT, strict=True):
        assert documents[0] == 0
        assert documents.diff().min() >= 0
        assert documents.diff().max() <= 1
        ends = torch.cat([documents.diff() > 0, torch.tensor([True])])
        assert torch.equal(targets[:-1][~ends[:-1]], inputs[1:][~ends[:-1]])
        starts = torch.cat([torch.tensor([False]), ends[:-1]])
        n_whole, n_documents = n_whole + int((inputs[starts] == bos).sum()), n_documents + int(starts.sum())
        assert ((targets == bos) <= ends).all(), "<|bos|> is predicted at the end of a document only"
    # A document begins with <|bos|>, if it is not the rest of one that was cut at an earlier row's end.
    assert n_whole > 0.9 * n_documents


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_one_pass_over_the_validation_shard_uses_every_token_once(corpus, workers):
    found = []
    for batch in loader(corpus, "validation", workers=workers, device_batch=4):
        keep = batch.targets_BT >= 0
        found += batch.targets_BT[keep].tolist()
        assert batch.inputs_BT.shape == (4, T)
    expected = [token for text in corpus.held_out for token in [*TOKENIZER.encode(text), TOKENIZER.bos]]
    assert sorted(found) == sorted(expected)


def test_the_validation_rows_do_not_depend_on_batch_processes_or_seed(corpus):
    whole = list(loader(corpus, "validation"))
    parts = loader(corpus, "validation", device_batch=2, rank=1, world=3, seed=9)
    rows = torch.cat([batch.inputs_BT for batch in whole])[1::3]
    mine = torch.cat([batch.inputs_BT for batch in parts])
    shorter = min(len(rows), len(mine))
    assert torch.equal(rows[:shorter], mine[:shorter])


@settings(max_examples=15)
@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=200), st.integers(2, 30)
)
def test_documents_come_back_whole_whatever_they_are(tmp_path_factory, texts, n_time):
    path = tmp_path_factory.mktemp("any") / "shard.parquet"
    pq.write_table(pa.table({"text": texts}), path, row_group_size=7)
    if not any(texts):
        return
    one = make_loader(
        SimpleNamespace(train=[], validation=path, fingerprint=""),
        TOKENIZER,
        "validation",
        64,
        n_time,
        workers=0,
    )
    # Row n is of lane n mod 64: the pieces of a lane, sorted by document, are its documents again.
    found = sorted(t for batch in one for t in batch.targets_BT[batch.targets_BT >= 0].tolist())
    assert found == sorted(t for text in texts if text for t in [*TOKENIZER.encode(text), TOKENIZER.bos])


def test_an_epoch_uses_every_document_once_and_the_next_has_another_order(corpus):
    texts: list[list[str]] = [[], [], []]
    for position, group in groups(corpus.train, Order(5), Position(), epochs=3):
        assert position.first == sum(map(len, texts))
        texts[position.epoch] += group
    assert [sorted(epoch) for epoch in texts] == [sorted(corpus.texts)] * 3
    assert texts[0] != texts[1] != texts[2]
    again = [text for _, group in groups(corpus.train, Order(5), Position(), epochs=1) for text in group]
    other = [text for _, group in groups(corpus.train, Order(6), Position(), epochs=1) for text in group]
    assert again == texts[0] != other


def test_reading_can_start_at_any_group(corpus):
    whole = list(groups(corpus.train, Order(5), Position(), epochs=3))
    for index, (position, _) in enumerate(whole):
        assert list(groups(corpus.train, Order(5), position, epochs=3)) == whole[index:]


def test_best_fit_begins_every_document_with_its_bos(corpus):
    for batch in islice(loader(corpus, packing="best-fit"), 10):
        documents = batch.documents_BT
        starts = torch.cat([torch.ones(ROWS, 1, dtype=torch.bool), documents.diff(dim=1) > 0], dim=1)
        assert (batch.inputs_BT[starts] == TOKENIZER.bos).all()


# ---- the same rows for any number of processes ----


@pytest.mark.parametrize(
    ("world", "device_batch"), [(1, 4), (2, 12), (2, 3), (3, 4), (4, 6), (8, 1), (12, 2)]
)
def test_the_rows_of_a_step_are_the_same_for_any_number_of_processes(corpus, world, device_batch):
    steps, _ = steps_of(corpus, 7)
    found, _ = steps_of(corpus, 7, world, device_batch)
    assert all(map(torch.equal, steps, found))


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 4), (4, 1), (2, 3), (3, 8), (24, 1), (1, 24)])
def test_a_run_continues_on_another_number_of_processes(corpus, before, after):
    steps, _ = steps_of(corpus, 12)
    first, states = steps_of(corpus, 5, before)
    rest, _ = steps_of(corpus, 7, after, state=states)
    assert all(map(torch.equal, steps, first + rest))


def test_more_processes_than_lanes(corpus, monkeypatch):
    steps, _ = steps_of(corpus, 6)
    for module in (lanes, __import__("nanochat.data.loader", fromlist=["x"])):
        monkeypatch.setattr(module, "LANES", 8)
    monkeypatch.setattr(lanes.lanes_of, "__defaults__", (8,))
    alone, _ = steps_of(corpus, 12)
    first, states = steps_of(corpus, 5, 24)
    rest, _ = steps_of(corpus, 7, 24, state=states)
    assert all(map(torch.equal, alone, first + rest))
    assert not all(map(torch.equal, alone, steps)), (
        "the number of lanes had no effect, so this tested nothing"
    )


def test_a_process_tokenizes_its_own_documents_only(corpus):
    counts = []

    class Counting(FastTokenizer):
        def encode_batch(self, texts, threads=1):
            counts.append(len(texts))
            return super().encode_batch(texts, threads)

    tokenizer = Counting.of(sample_tokenizer())
    for rank in range(4):
        counts.clear()
        one = make_loader(corpus, tokenizer, "validation", ROWS, T, rank=rank, world=4, workers=0)
        list(one)
        assert sum(counts) == len(corpus.held_out) / 4


# ---- exact continuation ----


@pytest.mark.parametrize("packing", ["documents", "best-fit"])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_next_batch_after_restoring_is_the_next_that_would_have_come(corpus, workers, packing):
    def new(state=None):
        return loader(corpus, device_batch=12, workers=workers, seed=3, packing=packing, state=state)

    with new() as one:
        states, batches = [one.state()], []
        for _ in range(250):  # beyond an epoch
            batches.append(next(one))
            states.append(json.loads(json.dumps(one.state())))
    assert min(lane["next"] for lane in states[-1]["lanes"].values()) > len(corpus.texts)
    for at in (0, 1, 2, 31, 60, 249):
        with new(states[at]) as again:
            assert again.state() == states[at]
            for expected, state in list(zip(batches[at:], states[at + 1 :], strict=True))[:20]:
                assert same(next(again), expected)
                assert again.state() == state


def test_working_ahead_changes_nothing(corpus):
    with loader(corpus, workers=3) as ahead:
        assert all(map(same, islice(ahead, 30), islice(loader(corpus), 30)))


def test_seeds_give_different_orders_also_when_they_differ_in_sign_only(corpus):
    assert not same(next(loader(corpus, seed=1)), next(loader(corpus, seed=2)))
    assert Order(1).of(100, 0) != Order(-1).of(100, 0)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"seed": 1}, "seed"), ({"packing": "best-fit"}, "packing"), ({"corpus": "fingerprint"}, "corpus")],
)
def test_a_state_of_something_else_is_refused(corpus, change, word):
    state = loader(corpus).state()
    if "corpus" in change:
        corpus, change = SimpleNamespace(**vars(corpus) | {"fingerprint": "other"}), {}
    with pytest.raises(UserError, match=f"the text cannot be continued: its {word} was"):
        loader(corpus, state=state, **change)


# ---- threads, trouble ----


def test_a_closed_loader_leaves_no_thread(corpus):
    before = threading.active_count()
    for _ in range(3):
        with loader(corpus, workers=2) as one:
            next(one)
    assert threading.active_count() == before


def test_waiting_is_measured(corpus):
    with loader(corpus, workers=1) as one:
        next(one)
        assert one.waited() > 0
        assert one.waited() == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_shard_is_one_clear_line(corpus, tmp_path, workers):
    path = tmp_path / "shard_00000.parquet"
    data = bytearray(corpus.train[0].read_bytes())
    data[200:4_000] = bytes(3_800)
    path.write_bytes(data)
    broken = SimpleNamespace(**vars(corpus) | {"train": [path]})
    with loader(broken, workers=workers) as one:
        for _ in range(2):  # asking again gives the same answer
            with pytest.raises(UserError, match=r"shard_00000\.parquet: not a readable") as error:
                list(islice(one, 100))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"text\n" * 1_000])
def test_what_is_no_parquet_is_one_clear_line(corpus, tmp_path, content):
    path = tmp_path / "shard_00000.parquet"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"shard_00000\.parquet: not a readable") as error:
        next(loader(SimpleNamespace(**vars(corpus) | {"train": [path]})))
    assert "\n" not in str(error.value)


def test_a_shard_without_texts_or_without_documents(corpus, tmp_path):
    path = tmp_path / "shard.parquet"
    pq.write_table(pa.table({"words": ["a"]}), path)
    with pytest.raises(UserError, match="no column 'text'"):
        next(loader(SimpleNamespace(**vars(corpus) | {"train": [path]})))
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), path)
    with pytest.raises(UserError, match="there is no document in"):
        next(loader(SimpleNamespace(**vars(corpus) | {"train": [path]})))


def test_a_batch_that_does_not_divide(corpus):
    with pytest.raises(ValueError, match="24 rows a step are not divisible among 5 processes"):
        loader(corpus, world=5)


def test_the_tokenizer_by_name_and_by_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no tokenizer 'mine'; train it with: .* --name mine"):
        open_tokenizer("mine")
    TOKENIZER.save(tmp_path / "tokenizer" / "mine")
    for name in ("mine", str(tmp_path / "tokenizer" / "mine")):
        found = open_tokenizer(name)
        assert found.fingerprint == TOKENIZER.fingerprint
    (tmp_path / "tokenizer" / "mine" / "tokenizer.tiktoken").write_bytes(b"x")
    with pytest.raises(UserError, match=r"tokenizer\.tiktoken"):
        open_tokenizer("mine")


def test_small_vocabularies_take_two_bytes_a_token():
    ids = np.array([1, 2], dtype=np.int32)
    assert lanes.with_bos(ids, 9, small=True).dtype == np.uint16
    assert lanes.with_bos(ids, 9, small=False).dtype == np.int32
