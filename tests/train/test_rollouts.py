"""Rollouts: what is written is graded, weighed and packed as the definition says."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.tasks.mixture import open_mixture
from nanochat.inference.engine import Engine
from nanochat.inference.request import Generation, Part, Request
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.toolbox.tools import use_calculator
from nanochat.train.distributed import World
from nanochat.train.rl_settings import RlSettings
from nanochat.train.rollouts import Reply, RolloutLoader, advantages, pack, seed_of, weigh

TOKENIZER = FastTokenizer.of(sample_tokenizer())
QUESTIONS = open_mixture("spelling", size=40)
END = TOKENIZER.special_id("<|assistant_end|>")
grades = st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=16)


def answer(text: str, request: Request) -> Generation:
    ids = tuple(TOKENIZER.encode(text))
    return Generation(request.prompt, ids, (True,) * len(ids), (Part("text", text),), "stop", END)


def loader_of(replies, **changes) -> RolloutLoader:
    """A loader whose replies are made by `replies(requests)`."""
    settings = RlSettings(from_run="x", tasks="spelling", **{"prompts": 2, "samples": 4, **changes}).checked()
    return RolloutLoader(settings, QUESTIONS, TOKENIZER, replies, seq_len=64, rows=2, world=World())


def right(number: int) -> str:
    return str(QUESTIONS[number].conversation["messages"][-1]["content"])


def test_better_than_the_group_becomes_likelier_and_worse_less_likely():
    def replies(requests):
        # Of the first question's four replies one is right; of the second's all are.
        texts = [right(0), "no", "no", "no", right(1), right(1), right(1), right(1)]
        return [answer(text, request) for text, request in zip(texts, requests, strict=True)]

    loader = loader_of(replies)
    assert loader.begin_step(0) == 1
    batch = next(loader)
    weights = batch.weights_BT[batch.targets_BT >= 0]
    assert set(weights.tolist()) == {0.75, -0.25}
    n_right, n_wrong = len(TOKENIZER.encode(right(0))) + 1, len(TOKENIZER.encode("no")) + 1
    assert (weights == 0.75).sum() == n_right
    assert (weights == -0.25).sum() == 3 * n_wrong
    tokens = n_right - 1 + 3 * (n_wrong - 1) + 4 * len(TOKENIZER.encode(right(1)))
    assert loader.figures() == {"reward": 0.625, "reply_tokens": round(tokens / 8, 3), "mixed_groups": 0.5}


def test_when_all_are_equally_good_there_is_nothing_to_learn():
    loader = loader_of(lambda requests: [answer("no", request) for request in requests])
    assert loader.begin_step(0) == 1
    batch = next(loader)
    assert (batch.targets_BT < 0).all()
    assert (batch.weights_BT == 0).all()
    assert loader.figures()["mixed_groups"] == 0


@given(grades)
def test_advantages_add_up_to_nothing(some):
    found = advantages(some)
    assert sum(found) == pytest.approx(0, abs=1e-9)
    assert [a > b for a, b in pairwise(found)] == [a > b for a, b in pairwise(some)]


def test_what_a_tool_gave_back_is_not_learnt():
    generation = Generation((1, 2), (3, 4, 5, 6), (True, False, False, True), (), "length")
    reply = weigh(generation, -0.5)
    (batch,) = pack([reply], rows=1, seq_len=8)
    assert batch.inputs_BT.tolist() == [[1, 2, 3, 4, 5, 0, 0, 0]]
    assert batch.targets_BT.tolist() == [[-1, 3, -1, -1, 6, -1, -1, -1]]
    assert batch.weights_BT.tolist() == [[-0.5] * 5 + [0.0] * 3]


@given(st.lists(st.integers(2, 70), min_size=1, max_size=30))
def test_every_reply_is_packed_once(lengths):
    replies = [Reply([n + 1] * size, [True] * size, n + 1.0) for n, size in enumerate(lengths)]
    found = pack(replies, rows=2, seq_len=64)
    for n, size in enumerate(lengths):
        places = sum(int((batch.weights_BT == n + 1.0).sum()) for batch in found)
        assert places == min(size - 1, 64)
        for batch in found:
            rows = (batch.weights_BT == n + 1.0).any(1)
            assert int(rows.sum()) <= 1
            here = batch.weights_BT == n + 1.0
            assert len(batch.documents_BT[here].unique()) <= 1


def test_the_same_step_of_the_same_run_writes_the_same():
    config = GPTConfig(
        n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=TOKENIZER.n_vocab, sequence_len=128
    )
    model = GPT(config).initialize(1)

    def written(number: int) -> list[tuple[int, ...]]:
        seen: list[Generation] = []

        def replies(requests):
            seen.extend(Engine(model, TOKENIZER, rows=8, tool=use_calculator).generate(requests))
            return seen

        loader_of(replies, max_tokens=12).begin_step(number)
        assert len({one.ids for one in seen}) == 8  # each sample drawn for itself
        return [one.ids for one in seen]

    assert written(3) == written(3)
    assert written(3) != written(4)


def test_seeds_are_all_different():
    seeds = {seed_of(*one) for one in product(range(3), range(30), range(9))}
    assert len(seeds) == 3 * 30 * 9
