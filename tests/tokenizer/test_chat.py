from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.chat import (
    PARTS,
    ConversationError,
    check_conversation,
    render_conversation,
    render_prompt,
)
from nanochat.tokenizer.tokenizer import sample_tokenizer

TOKENIZER = sample_tokenizer()
ASSISTANT_END = TOKENIZER.special_id("<|assistant_end|>")
TOOL_USE = {
    "messages": [
        {"role": "user", "content": "How many r in berry?"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Count: "},
                {"type": "python", "text": "'berry'.count('r')"},
                {"type": "python_output", "text": "2"},
                {"type": "text", "text": "Two."},
            ],
        },
    ]
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["<|user_end|>", "<|bos|>"]
)
CONTENT = TEXT | st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(list(PARTS)), "text": TEXT}), max_size=4
)


@st.composite
def conversations(draw):
    turns = draw(st.lists(st.tuples(TEXT, CONTENT), min_size=1, max_size=3))
    messages = [
        message
        for asked, answered in turns
        for message in ({"role": "user", "content": asked}, {"role": "assistant", "content": answered})
    ]
    if draw(st.booleans()):
        messages.pop()
    if draw(st.booleans()):
        messages.insert(0, {"role": "system", "content": draw(TEXT)})
    return {"messages": messages}


def learned(conversation) -> str:
    ids, mask = render_conversation(TOKENIZER, conversation)
    return TOKENIZER.decode(token_id for token_id, learn in zip(ids, mask, strict=True) if learn)


def test_what_the_model_learns_of_a_tool_use():
    ids, _ = render_conversation(TOKENIZER, TOOL_USE)
    assert TOKENIZER.decode(ids) == (
        "<|bos|><|user_start|>How many r in berry?<|user_end|><|assistant_start|>Count: "
        "<|python_start|>'berry'.count('r')<|python_end|><|output_start|>2<|output_end|>Two.<|assistant_end|>"
    )
    assert learned(TOOL_USE) == "Count: <|python_start|>'berry'.count('r')<|python_end|>Two.<|assistant_end|>"


@settings(max_examples=200, deadline=None)
@given(conversation=conversations())
def test_ids_and_mask_belong_together(conversation):
    ids, mask = render_conversation(TOKENIZER, conversation)
    assert len(ids) == len(mask)
    assert set(mask) <= {0, 1}
    answers = [message for message in conversation["messages"] if message["role"] == "assistant"]
    ends = [learn for token_id, learn in zip(ids, mask, strict=True) if token_id == ASSISTANT_END]
    assert ends == [1] * len(answers)
    # What a text spells never ends a turn: every marker in the ids was written by the renderer.
    assert ids.count(TOKENIZER.special_id("<|bos|>")) == 1
    users = [message for message in conversation["messages"] if message["role"] == "user"]
    assert ids.count(TOKENIZER.special_id("<|user_end|>")) == len(users)


@settings(max_examples=50, deadline=None)
@given(conversation=conversations(), max_tokens=st.integers(1, 60))
def test_cutting_off_keeps_the_beginning(conversation, max_tokens):
    ids, mask = render_conversation(TOKENIZER, conversation)
    assert render_conversation(TOKENIZER, conversation, max_tokens) == (ids[:max_tokens], mask[:max_tokens])


def test_a_system_message_stands_before_the_first_user_message():
    conversation = {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    }
    ids = render_prompt(TOKENIZER, conversation)
    assert TOKENIZER.decode(ids) == "<|bos|><|user_start|>Be brief.\n\nHi<|user_end|><|assistant_start|>"


def test_a_prompt_ends_with_the_users_message():
    with pytest.raises(ConversationError, match="message 2: the last message is the assistant's"):
        render_prompt(TOKENIZER, TOOL_USE)


def user(content="a"):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        (None, "this one has no list of messages"),
        ({}, "this one has no list of messages"),
        ({"messages": "hi"}, "this one has no list of messages"),
        ({"messages": []}, "the conversation has no user message"),
        ({"messages": [{"role": "system", "content": "a"}]}, "the conversation has no user message"),
        ({"messages": [user(), user()]}, "message 2: the role is 'user', expected 'assistant'"),
        ({"messages": [user(), {"role": "system", "content": "a"}]}, "message 2: the role is 'system'"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "message 1: the role is 'robot'; use"),
        ({"messages": [{"role": "user"}]}, "message 1: a message is"),
        ({"messages": ["hi"]}, "message 1: a message is"),
        ({"messages": [user(3)]}, "message 1: the content is int"),
        ({"messages": [user([])]}, "message 1: only an assistant's content may be a list"),
        ({"messages": [user(), {"role": "assistant", "content": ["x"]}]}, "message 2, part 1: a part is"),
        (
            {"messages": [user(), {"role": "assistant", "content": [{"type": ["x"], "text": "x"}]}]},
            "message 2, part 1: the type is ['x']; use text, python, python_output",
        ),
    ],
)
def test_a_wrong_conversation_is_refused_with_its_place(conversation, message):
    with pytest.raises(ConversationError, match=re.escape(message)):
        check_conversation(conversation)


def test_a_tokenizer_without_chat_tokens_says_so():
    from nanochat.tokenizer.bpe import byte_ranks
    from nanochat.tokenizer.tokenizer import Tokenizer

    with pytest.raises(ValueError, match=r"plain has no special token '<\|bos\|>'; it has none"):
        render_conversation(Tokenizer("plain", byte_ranks()), TOOL_USE)
