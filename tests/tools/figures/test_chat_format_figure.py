from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tools.core.json_report import figures
from tools.figures.chat_format import Question, conversation_of, run, stretches

WORDS = st.text(max_size=20)


@given(st.builds(Question, user=WORDS, before=WORDS, code=WORDS, after=WORDS, system=WORDS))
def test_tokens_and_mask_are_those_of_the_chat_format(question):
    ids, mask = render_conversation(sample_tokenizer(), conversation_of(question))
    report = run(question)
    spans = report.sections[0].blocks[0].spans
    assert [span.value for span in spans] == ids
    assert [int(span.marked) for span in spans] == mask
    shown = figures(report)["tokens"]
    assert sum(row["tokens"] for row in shown["stretches"]) == len(ids)
    assert sum(row["tokens"] for row in shown["stretches"] if row["mask"] == "learned") == sum(mask)
    assert shown["share"] == sum(mask) / len(ids)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1))))
def test_stretches_hold_everything_in_its_order(tokens):
    ids, mask = [token for token, _ in tokens], [learn for _, learn in tokens]
    found = stretches(ids, mask)
    assert [token for some, _ in found for token in some] == ids
    assert all(one[1] != other[1] for one, other in itertools.pairwise(found))


def test_the_calculator_answers_and_its_answer_is_not_learned():
    rows = figures(run(Question(code="6 * 7")))["tokens"]["stretches"]
    assert rows[2] == {"mask": "only read", "tokens": 4, "text": "<|output_start|>42<|output_end|>"}
    assert "error: " in figures(run(Question(code="1 / 0")))["tokens"]["stretches"][2]["text"].replace(
        "␣", " "
    )


def test_without_code_there_is_no_call():
    assert "python_start" not in str(figures(run(Question(code=" "))))
