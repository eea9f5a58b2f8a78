"""Rows of whole conversations: nothing cut, nothing lost, the same for any number of processes, resumable."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data.conversation_loader import (
    ConversationPacker,
    Place,
    make_conversation_loader,
    rows_for,
)
from nanochat.data.loader import Batch
from nanochat.data.packing import fill_row_whole
from nanochat.data.tasks.mixture import open_mixture
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer

TOKENIZER = sample_tokenizer()
T = 64


def chat(question: str, answer: str) -> Example:
    return Example(
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
    )


EXAMPLES = [chat("why " * (n % 7 + 1), f"because {n} " * (n % 5 + 1)) for n in range(40)]


def batches(count: int | None = None, **how) -> list[Batch]:
    how = {"endless": False, "device_batch": 2, **how}
    with make_conversation_loader(EXAMPLES, TOKENIZER, 4, T, **how) as loader:
        return list(islice(loader, count))


def pieces(found: list[Batch]) -> list[tuple[list[int], list[int]]]:
    """Inputs and targets of every document, padding left out."""
    pairs = []
    for batch in found:
        for inputs, targets, documents in zip(
            batch.inputs_BT, batch.targets_BT, batch.documents_BT, strict=True
        ):
            for number in range(int(documents.max()) + 1):
                here = documents == number
                if (targets[here] >= 0).any():
                    pairs.append((inputs[here].tolist(), targets[here].tolist()))
    return pairs


def expected_pieces() -> list[tuple[list[int], list[int]]]:
    pairs = []
    for example in EXAMPLES:
        ids, mask = render_conversation(TOKENIZER, example.conversation)
        learnt = [token_id if learn else -1 for token_id, learn in zip(ids[1:], mask[1:], strict=True)]
        pairs.append((ids[:-1], learnt))
    return pairs


@pytest.mark.parametrize("ahead", [False, True])
def test_every_conversation_once_whole_with_its_mask(ahead):
    assert sorted(pieces(batches(ahead=ahead))) == sorted(expected_pieces())


def test_a_row_is_full_of_documents_and_padding_is_not_learnt():
    for batch in batches():
        assert batch.inputs_BT.shape == batch.targets_BT.shape == batch.documents_BT.shape == (2, T)
        for documents, targets in zip(batch.documents_BT, batch.targets_BT, strict=True):
            assert (documents.diff() >= 0).all()
            assert (documents.diff() <= 1).all()
            last = documents == documents[-1]
            assert (targets[last] < 0).all() or int(last.sum()) > 1


@pytest.mark.parametrize("world", [2, 4])
def test_several_processes_learn_from_the_same_rows(world):
    alone = torch.cat([batch.inputs_BT for batch in batches(8, endless=True, device_batch=1)])
    together = [
        batches(8 // world, endless=True, device_batch=1, rank=rank, world=world) for rank in range(world)
    ]
    rows = [together[number % world][number // world].inputs_BT for number in range(8)]
    assert torch.cat(rows).equal(alone)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("seen", [0, 1, 5, 23])
def test_it_goes_on_where_it_was(seen, ahead):
    whole = batches(30, endless=True)
    loader = make_conversation_loader(EXAMPLES, TOKENIZER, 4, T, device_batch=2, ahead=ahead)
    for _ in range(seen):
        next(loader)
    state = loader.state()
    loader.close()
    rest = batches(30 - seen, endless=True, state=state)
    for one, other in zip(whole[seen:], rest, strict=True):
        assert one.inputs_BT.equal(other.inputs_BT)
        assert one.targets_BT.equal(other.targets_BT)
        assert one.documents_BT.equal(other.documents_BT)


def test_other_conversations_are_not_gone_on_with():
    loader = make_conversation_loader(EXAMPLES, TOKENIZER, 4, T, fingerprint="a", ahead=False)
    with pytest.raises(UserError, match="not the ones that were begun with"):
        make_conversation_loader(EXAMPLES, TOKENIZER, 4, T, fingerprint="b", state=loader.state())


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), max_size=20), st.integers(1, 50))
def test_a_row_takes_whole_ones_and_leaves_none_that_would_fit(waiting, room):
    taken = fill_row_whole(waiting, room)
    assert len(set(taken)) == len(taken)
    left = room - sum(waiting[index] for index in taken)
    assert left >= 0
    if waiting and waiting[0] <= room:
        assert taken[0] == 0
        assert all(size > left for index, size in enumerate(waiting) if index not in taken)


def test_what_is_longer_than_a_row_is_cut_to_it():
    packer = ConversationPacker([chat("short?", "word " * 200)], TOKENIZER, T, Place(), endless=False)
    inputs, targets, documents = packer.next_row()
    ids, _ = render_conversation(TOKENIZER, chat("short?", "word " * 200).conversation)
    assert inputs.tolist() == ids[:T]
    assert targets[-1] == ids[T]
    assert packer.cut == 1
    assert set(documents.tolist()) == {0}
    assert packer.next_row() is None


def test_conversations_without_an_answer_in_reach_are_refused():
    long_questions = [chat("why " * 300, "so")] * 5
    packer = ConversationPacker(long_questions, TOKENIZER, T, Place(), endless=True)
    with pytest.raises(UserError, match=f"no answer of the conversations begins within {T} tokens"):
        packer.next_row()


def test_nothing_to_learn_from():
    with pytest.raises(UserError, match="there is no conversation"):
        make_conversation_loader([], TOKENIZER, 4, T)
    with pytest.raises(ValueError, match="4 rows a step are not divisible"):
        make_conversation_loader(EXAMPLES, TOKENIZER, 4, T, device_batch=3)


def test_the_rows_of_a_mixture_are_guessed_from_its_beginning():
    mixture = open_mixture("arithmetic:1,spelling:1", size=600)
    assert rows_for(mixture, TOKENIZER, 128, sample=300) == pytest.approx(
        rows_for(mixture, TOKENIZER, 128, sample=600), rel=0.05
    )
