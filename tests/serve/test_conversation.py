"""Fitting a conversation into the context, whatever its turns are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.inference.request import Part
from nanochat.serve.conversation import Conversation, TooLong, content_of, fit
from nanochat.tokenizer.chat import parts_of, render_prompt
from nanochat.tokenizer.tokenizer import with_chat_specials

BYTES = with_chat_specials("bytes", {bytes([value]): value for value in range(256)})
texts = st.text("ab", max_size=30)


@given(st.lists(st.tuples(texts, texts), max_size=8), texts, texts, st.integers(8, 200), st.integers(1, 100))
def test_as_many_of_the_last_turns_as_fit(turns, question, system, context, max_tokens):
    talk = Conversation(system)
    for asked, answered in turns:
        talk.ask(asked)
        talk.answer([Part("text", answered)])
    talk.ask(question)

    def without(number: int) -> list[int]:
        kept = Conversation(system)
        kept.messages = talk.messages[2 * number :]
        return render_prompt(BYTES, kept.to_dict())

    limit = context - max(1, min(max_tokens, context // 4))
    if len(shortest := without(len(turns))) >= context:
        with pytest.raises(TooLong) as error:
            fit(BYTES, talk.to_dict(), context, max_tokens)
        assert error.value.tokens == len(shortest)
        return
    ids, left_out = fit(BYTES, talk.to_dict(), context, max_tokens)
    assert ids == without(left_out)
    assert len(ids) < context
    if left_out:  # with one turn more it would not have fitted
        assert len(without(left_out - 1)) > limit
    if left_out < len(turns):
        assert len(ids) <= limit


@given(st.lists(st.builds(Part, st.sampled_from(["text", "python", "python_output"]), texts), max_size=6))
def test_parts_keep_their_text_and_their_order(parts):
    content = content_of(parts)
    joined = parts_of({"content": content})
    assert "".join(part["text"] for part in joined) == "".join(part.text for part in parts)
    kinds = [part["type"] for part in joined]
    assert all(one != other or one != "text" for one, other in pairwise(kinds))


def test_taking_back():
    talk = Conversation()
    assert talk.take_back_question() is None
    assert not talk.take_back_answer()
    talk.ask("a")
    talk.answer([Part("text", "b")])
    talk.ask("c")
    assert not talk.take_back_answer()
    assert talk.take_back_question() == "c"
    assert talk.take_back_question() == "a"


def test_a_wrong_conversation_is_refused():
    with pytest.raises(ValueError, match="no user message"):
        fit(BYTES, {"messages": []}, 100, 10)
