"""CORE's scores: on a model of which every answer is known, and against one plain forward pass a prompt."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nanochat.errors import UserError
from nanochat.evaluation.core import evaluate_core, evaluate_core_task
from nanochat.evaluation.core_bundle import Bundle, CoreTask, read_tasks
from nanochat.evaluation.core_prompts import ORDER_SEED, SHOTS_SEED, Prompt, order, prompts_of, shots_for
from nanochat.evaluation.reading import CPU_TOKENS, alike, logits_after, of_fixed_shapes, streams, thoughts_on
from nanochat.evaluation.task_result import Alone, mean_centred
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tests.evaluation.small_bundle import RIGHT, knowing_model, write_bundle
from tests.inference.small_models import CONTEXT, chance_model

TOKENIZER = sample_tokenizer()
CHANCE_MODEL = chance_model(TOKENIZER.n_vocab)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CoreTask]:
    folder = write_bundle(tmp_path_factory.mktemp("bundle"))
    return {task.label: task for task in read_tasks(folder)}


def test_a_model_that_knows_so_many_answers_gets_so_many_points(tasks: dict[str, CoreTask]) -> None:
    bundle, told = Bundle(Path(), "", tuple(tasks.values())), []
    found = evaluate_core(knowing_model(TOKENIZER), TOKENIZER, bundle, say=lambda *words: told.append(words))
    assert {one.name: (one.correct, one.total) for one in found} == RIGHT
    assert told == [("colours", 10, 10), ("names", 4, 4), ("counting", 5, 5)]
    colours, names, counting = found
    assert colours.centred == pytest.approx((0.7 - 0.25) / 0.75)
    assert names.centred == pytest.approx((0.25 - 0.5) / 0.5)
    assert counting.standard_error == pytest.approx(math.sqrt(0.6 * 0.4 / 5))
    assert mean_centred(found).value == pytest.approx((0.6 - 0.5 + 0.6) / 3)
    assert [one.replies[0]["reply"] for one in found[:2]] == ["blue", "Then he"]


def test_a_limit_asks_the_first_of_the_order(tasks: dict[str, CoreTask]) -> None:
    model = knowing_model(TOKENIZER)
    for limit in (1, 4, 10, 99):
        found = evaluate_core_task(model, TOKENIZER, tasks["colours"], limit)
        assert found.total == min(limit, 10)
        assert found.correct == sum(number < 7 for number in order(10)[:limit])


@pytest.mark.parametrize("size", [2, 3, 20])
def test_processes_share_the_questions(size: int, tasks: dict[str, CoreTask]) -> None:
    """Twenty have more processes than questions."""
    for task in tasks.values():
        whole = evaluate_core_task(CHANCE_MODEL, TOKENIZER, task)
        parts = [
            evaluate_core_task(CHANCE_MODEL, TOKENIZER, task, processes=Alone(rank, size))
            for rank in range(size)
        ]
        assert sum(one.correct for one in parts) == whole.correct
        assert sum(one.total for one in parts) == whole.total


# ---- against plain code ----


def plainly(model: GPT, task: CoreTask) -> list[bool]:
    """Right or wrong, question by question, each prompt alone, every logit made."""
    items = list(task.read())
    random.Random(ORDER_SEED).shuffle(items)
    found = []
    for number, item in enumerate(items):
        others = [one for one in items if one is not item]
        shots = random.Random(SHOTS_SEED + number).sample(others, task.shots)
        prompts = prompts_of(task.kind, item, shots, task.delimiter, TOKENIZER, CONTEXT)
        losses = []
        for prompt in prompts:
            with torch.no_grad():
                log_p_TV = model(torch.tensor([prompt.ids]))[0].log_softmax(dim=1)
            nats = [-log_p_TV[at - 1, prompt.ids[at]].item() for at in range(prompt.start, len(prompt.ids))]
            greedy = [log_p_TV[at - 1].argmax().item() for at in range(prompt.start, len(prompt.ids))]
            losses.append(sum(nats) / len(nats))
        if task.kind == "language_modeling":
            found.append(greedy == list(prompts[0].ids[prompts[0].start :]))
        else:
            found.append(losses.index(min(losses)) == item["gold"])
    return found


@pytest.mark.parametrize("label", ["colours", "names", "counting"])
def test_the_same_as_plain_code(label: str, tasks: dict[str, CoreTask]) -> None:
    for model in (CHANCE_MODEL, chance_model(TOKENIZER.n_vocab, seed=1), knowing_model(TOKENIZER)):
        expected = plainly(model, tasks[label])
        assert evaluate_core_task(model, TOKENIZER, tasks[label]).correct == sum(expected)


ids = st.integers(0, TOKENIZER.n_vocab - 1)


@given(st.lists(st.lists(ids, min_size=2, max_size=CONTEXT), min_size=1, max_size=9), st.data())
def test_thoughts_do_not_depend_on_the_company(rows: list[list[int]], data: st.DataObject) -> None:
    prompts = [Prompt(tuple(row), data.draw(st.integers(1, len(row) - 1))) for row in rows]
    for prompt, thought in zip(prompts, thoughts_on(CHANCE_MODEL, prompts), strict=True):
        with torch.no_grad():
            log_p_TV = CHANCE_MODEL(torch.tensor([prompt.ids]))[0, prompt.start - 1 : -1].log_softmax(dim=1)
        wanted_T = torch.tensor(prompt.ids[prompt.start :])
        nats_T = -log_p_TV.gather(1, wanted_T[:, None])
        assert thought.mean_nats == pytest.approx(nats_T.mean().item(), abs=1e-4)
        best, second = log_p_TV.topk(2, dim=1).values.unbind(dim=1)
        if (best - second).min() > 1e-4:
            assert thought.as_written == bool((log_p_TV.argmax(dim=1) == wanted_T).all())


@given(
    st.lists(st.lists(ids, min_size=1, max_size=CONTEXT), min_size=1, max_size=9), st.lists(ids, min_size=1)
)
def test_logits_after_a_text_are_those_of_a_plain_pass(rows: list[list[int]], words: list[int]) -> None:
    found_BL = logits_after(CHANCE_MODEL, rows, words)
    for row, found_L in zip(rows, found_BL, strict=True):
        with torch.no_grad():
            expected_V = CHANCE_MODEL(torch.tensor([row]))[0, -1]
        assert torch.allclose(found_L, expected_V[words], atol=1e-4)


@given(st.lists(st.integers(1, 2_048), max_size=200))
def test_every_text_is_in_one_batch_that_holds_it(lengths: list[int]) -> None:
    for cut in (alike(lengths), of_fixed_shapes(lengths, 2_048)):
        assert sorted(number for numbers, _, _ in cut for number in numbers) == list(range(len(lengths)))
        for numbers, n_rows, n_time in cut:
            assert 1 <= len(numbers) <= n_rows
            assert max(lengths[number] for number in numbers) <= n_time <= 2_048
    assert all(n_rows * n_time <= CPU_TOKENS or n_rows == 1 for _, n_rows, n_time in alike(lengths))
    assert len({(rows, time) for _, rows, time in of_fixed_shapes(lengths, 2_048)}) <= 5


def test_batches_filled_up_for_a_gpu_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [[1, 2, 3], [4] * 40, [5]]
    expected = {number: x_BTC[row, : len(texts[number])] for number, row, x_BTC in flat(texts)}
    monkeypatch.setattr(
        "nanochat.evaluation.reading.alike", lambda lengths: of_fixed_shapes(lengths, CONTEXT)
    )
    monkeypatch.setattr("nanochat.evaluation.reading.GPU_TOKENS", 2 * CONTEXT)
    monkeypatch.setattr("nanochat.evaluation.reading.SHORTEST", 16)
    shapes = [tuple(x_BTC.shape[:2]) for _, x_BTC in streams(CHANCE_MODEL, texts)]
    assert shapes == [(12, 16), (3, 64)]
    for number, row, x_BTC in flat(texts):
        assert torch.allclose(x_BTC[row, : len(texts[number])], expected[number], atol=1e-5)


def flat(texts: list[list[int]]) -> list[tuple[int, int, torch.Tensor]]:
    return [
        (number, row, x_BTC)
        for numbers, x_BTC in streams(CHANCE_MODEL, texts)
        for row, number in enumerate(numbers)
    ]


# ---- prompts that are too long ----


def test_a_question_longer_than_the_context_is_cut_and_still_judged(tmp_path: Path) -> None:
    """Its shots and its beginning go; what decides stands at the end."""
    long = "word " * 2 * CONTEXT
    items = [{"query": long + "Q", "choices": ["green", "blue"], "gold": number % 2} for number in range(4)]
    file = tmp_path / "long.jsonl"
    file.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    task = CoreTask("long", "multiple_choice", file, 2, "\nAnswer: ", 0.5)
    asked = task.read()
    shots = [asked[one] for one in shots_for(0, 4, 2)]
    assert {
        len(one.ids) for one in prompts_of(task.kind, asked[0], shots, task.delimiter, TOKENIZER, 96)
    } == {96}
    found = evaluate_core_task(knowing_model(TOKENIZER), TOKENIZER, task)
    assert (found.correct, found.total) == (2, 4)


def test_a_damaged_line_ends_it_with_file_and_line(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, counting='{"context": "a", "continuation": "b"}\n{"context": "a"}\n')
    task = read_tasks(folder)[2]
    with pytest.raises(UserError, match=r"counting.jsonl, line 2: there is no 'continuation'"):
        evaluate_core_task(CHANCE_MODEL, TOKENIZER, task)
