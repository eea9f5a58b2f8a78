"""Multiple choice: how it looks, and that the reply is a token of the question."""

from __future__ import annotations

import pytest

from nanochat.data.tasks.choice import MOST, choice_example, letters
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer


def test_the_question_the_choices_and_what_to_reply():
    example = choice_example("Which melts at 0 °C?\n", ["iron", " ice ", "sand"], 1, {"subject": "physics"})
    question, reply = example.conversation["messages"]
    assert question["content"] == (
        "Which melts at 0 °C?\nA. iron\nB. ice\nC. sand\n\nWhich one is right? Reply with its letter alone."
    )
    assert reply == {"role": "assistant", "content": "B"}
    assert (example.answer, example.choices, example.details) == (
        "B",
        ("A", "B", "C"),
        {"subject": "physics"},
    )


def test_the_reply_is_one_token_that_the_question_has():
    tokenizer = sample_tokenizer()
    for right in range(4):
        ids, mask = render_conversation(
            tokenizer, choice_example("Which?", ["one", "two", "three", "four"], right).conversation
        )
        learned = [token for token, learn in zip(ids, mask, strict=True) if learn]
        assert len(learned) == 2  # the letter, and the end of the turn
        assert learned[0] in ids[: mask.index(1)]


@pytest.mark.parametrize("count", [0, 1, MOST + 1])
def test_too_few_or_too_many_choices(count):
    with pytest.raises(ValueError, match=f"{count} choices; a question has 2 to 26"):
        letters(count)


@pytest.mark.parametrize("right", [-1, 2])
def test_a_right_choice_that_is_none(right):
    with pytest.raises(ValueError, match=f"right={right} for 2 choices"):
        choice_example("Which?", ["one", "two"], right)
