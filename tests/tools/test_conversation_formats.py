"""Conversations in other formats and as typed text: what carries over, is lost or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tools.conversation.check import doubts, problem_of
from tools.conversation.plain_text import TypedError, read_typed, write_typed
from tools.conversation.read_formats import read_record, recognise
from tools.conversation.turns import FormatError, tidy
from tools.conversation.write_formats import WRITERS, line_of, write_record

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\r")
# Lines that a reader of typed text could take for something else come up often.
texts = st.lists(
    st.sampled_from(
        ["", " ", "user: x", "Assistant:", "\\", "\\user: y", "asistant: z", "{{a}}", "[", '{"a": 1}']
    )
    | st.text(letters, max_size=12),
    max_size=4,
).map("\n".join)
parts = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "python", "python_output"]), "text": texts}),
    max_size=6,
)


@st.composite
def conversations(draw: Any, answers: Any = texts | parts) -> dict[str, Any]:
    """Any conversation that the trainer takes."""
    messages = [{"role": "system", "content": draw(texts)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(texts)})
        messages.append({"role": "assistant", "content": draw(answers)})
    return {"messages": messages}


def calls_are_answered(conversation: dict[str, Any]) -> bool:
    """Every output follows its code, and no code waits for one while other code comes."""
    for message in tidy(conversation)["messages"]:
        kinds = [part["type"] for part in message["content"]] if isinstance(message["content"], list) else []
        pairs = list(zip(["", *kinds], kinds, strict=False))
        if any(kind == "python_output" and before != "python" for before, kind in pairs):
            return False
        if ("python", "python") in pairs:
            return False
    return True


# ---- round trips ----


@settings(max_examples=150, deadline=None)
@given(conversation=conversations())
def test_own_formats_lose_nothing(conversation):
    assert problem_of(conversation) == ""
    for kind in ("messages", "array"):
        record, lost = write_record(conversation, kind)
        assert (read_record(json.loads(line_of(record)), "auto").conversation, lost) == (
            tidy(conversation),
            (),
        )


@settings(max_examples=150, deadline=None)
@given(conversation=conversations().filter(calls_are_answered), kind=st.sampled_from(["openai", "sharegpt"]))
def test_tools_survive_the_way_there_and_back(conversation, kind):
    record, _ = write_record(conversation, kind)
    again = read_record(json.loads(line_of(record)), kind)
    assert again.conversation == tidy(conversation)
    assert again.lost == ()


@settings(max_examples=100, deadline=None)
@given(conversation=conversations(answers=texts))
def test_alpaca_there_and_back(conversation):
    record, _ = write_record(conversation, "alpaca")
    found = read_record(json.loads(line_of(record)), "alpaca").conversation
    system = conversation["messages"][0]
    if system["role"] == "system" and not system["content"]:  # Alpaca writes no system and an empty one alike
        found["messages"].insert(0, system)
    assert found == conversation


@settings(max_examples=200, deadline=None)
@given(conversation=conversations())
def test_typed_text_there_and_back(conversation):
    assert read_typed(write_typed(conversation)).conversation == tidy(conversation)


@settings(max_examples=60, deadline=None)
@given(conversation=conversations())
def test_folded_is_the_same_to_the_model(conversation):
    """The trainer folds the system message by itself: the tokens and the mask must be the same."""
    folded, _ = write_record(conversation, "folded")
    assert all(message["role"] != "system" for message in folded["messages"])
    render = [render_conversation(sample_tokenizer(), one) for one in (folded, tidy(conversation))]
    assert render[0] == render[1]


@settings(max_examples=60, deadline=None)
@given(conversation=conversations(), kind=st.sampled_from(sorted(WRITERS)))
def test_what_is_written_is_read_as_valid_or_refused(conversation, kind):
    try:
        record, _ = write_record(conversation, kind)
    except FormatError:
        return
    reader = "messages" if kind in ("messages", "array", "folded") else kind
    assert problem_of(read_record(json.loads(line_of(record)), reader).conversation) == ""


def test_an_output_belongs_to_the_call_before_it_though_an_earlier_one_has_none():
    words = [("python", "1"), ("text", "so"), ("python", "2"), ("python_output", "2")]
    parts = [{"type": kind, "text": text} for kind, text in words]
    conversation = {"messages": [HI, {"role": "assistant", "content": parts}]}
    for kind in ("openai", "sharegpt"):
        record, _ = write_record(conversation, kind)
        assert read_record(record, kind).conversation == conversation


# ---- OpenAI ----


def call(code: str, name: str = "python", number: int = 1) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps({"code": code})}
    return {"id": f"call_{number}", "type": "function", "function": function}


def openai(*messages: dict[str, Any], **fields: Any) -> Any:
    return read_record({"messages": list(messages), **fields}, "openai")


HI = {"role": "user", "content": "Hi"}


def test_developer_messages_content_parts_and_refusals():
    found = openai(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
        {"role": "assistant", "content": None, "refusal": "No."},
    )
    assert found.conversation["messages"] == [
        {"role": "system", "content": "Be brief.\n\nBe kind."}, HI, {"role": "assistant", "content": "No."},
    ]  # fmt: skip
    assert found.lost == ("where one system message ends and the next begins",)


def test_calls_made_at_once_each_keep_their_own_result():
    found = openai(
        HI,
        {"role": "assistant", "content": None, "tool_calls": [call("1+1"), call("2+2", number=2)]},
        {"role": "tool", "tool_call_id": "call_2", "content": "4"},
        {"role": "tool", "tool_call_id": "call_1", "content": "2"},
        {"role": "assistant", "content": "2 and 4"},
    )
    written = [part["text"] for part in found.conversation["messages"][1]["content"]]
    assert written == ["1+1", "2", "2+2", "4", "2 and 4"]
    assert "made at once" in found.lost[0]


def test_what_is_lost_is_said():
    found = openai(
        HI | {"name": "Ada"},
        {"role": "assistant", "content": "Ho", "weight": 0},
        tools=[{"type": "function"}],
    )
    assert set(found.lost) == {
        "the field tools", "the message's field name",
        "weight 0: nanochat learns every answer of the assistant",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "message 1, part 1: 'image_url'",
        ),
        (
            [HI, {"role": "assistant", "content": None, "tool_calls": [call("x", "get_weather")]}],
            "'get_weather'",
        ),
        ([HI, {"role": "tool", "tool_call_id": "call_9", "content": "4"}], "a tool that nobody called"),
        (
            [HI, {"role": "assistant", "content": "Ho"}, {"role": "system", "content": "x"}],
            "after the first message",
        ),
        ([HI, {"role": "assistant", "content": None}], "the content is NoneType"),
        ([{"content": "Hi"}], "message 1: it has no role"),
        ([{"role": "critic", "content": "Hi"}], "the role is 'critic'"),
        ([HI, {"role": "assistant", "content": None, "tool_calls": 7}], "tool_calls is no list"),
        ([HI, {"role": "assistant", "content": None, "tool_calls": [7]}], "without a function"),
    ],
)
def test_what_would_change_the_meaning_is_refused(messages, reason):
    with pytest.raises(FormatError, match=reason):
        openai(*messages)


# ---- ShareGPT, Alpaca, and what is none ----


def test_sharegpt_as_people_share_it():
    record = {
        "id": "abc_0",
        "system": "Be brief.",
        "conversations": [
            {"from": "human", "value": "2+2?"},
            {"from": "function_call", "value": '{"name": "calculator", "arguments": {"expression": "2+2"}}'},
            {"from": "observation", "value": "4"},
            {"from": "gpt", "value": "4."},
        ],
    }
    found = read_record(record, "auto")
    assert [message["role"] for message in found.conversation["messages"]] == ["system", "user", "assistant"]
    assert [part["type"] for part in found.conversation["messages"][2]["content"]] == [
        "python", "python_output", "text",
    ]  # fmt: skip
    assert set(found.lost) == {"the field id", "that the tool was named calculator: here it is python"}


def test_alpaca_with_input_history_and_system():
    record = {
        "instruction": "Add.", "input": "2 and 2", "output": "4", "system": "Be brief.",
        "history": [["Hi", "Ho"]],
    }  # fmt: skip
    found = read_record(record, "auto")
    assert [message["content"] for message in found.conversation["messages"]] == [
        "Be brief.", "Hi", "Ho", "Add.\n\n2 and 2", "4",
    ]  # fmt: skip
    assert found.lost == ("where the instruction ends and the input begins",)


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        ({"text": "Hi"}, "auto", "no known format"),
        (7, "auto", "no known format"),
        ({"conversations": 7}, "auto", "no such list"),
        ({"conversations": [{"from": "alien", "value": "x"}]}, "auto", "it is from 'alien'"),
        ({"conversations": [{"from": "human"}]}, "auto", "message 1: it is not"),
        ({"conversations": [{"from": "function_call", "value": "2+2"}]}, "auto", "is JSON with a name"),
        ({"instruction": "Hi"}, "auto", "the field output is missing"),
        ({"instruction": 7, "output": ""}, "auto", "the field instruction is int"),
        ({"instruction": "a", "output": "b", "history": [["x"]]}, "auto", "history, pair 1"),
        ({"messages": "Hi"}, "openai", "no list of messages"),
    ],
)
def test_records_that_are_none(record, kind, reason):
    with pytest.raises(FormatError, match=reason):
        read_record(record, kind)


def test_what_a_format_cannot_say_is_refused():
    output_first = [{"type": "python_output", "text": "4"}]
    twice = [
        {"type": "python", "text": "1"},
        {"type": "python", "text": "2"},
        {"type": "python_output", "text": "2"},
    ]
    for answer, kind, reason in [
        (output_first, "openai", "follows no code"),
        (output_first, "sharegpt", "follows no code"),
        (output_first, "alpaca", "it calls a tool"),
        (twice, "sharegpt", "without an output before other code"),
    ]:
        with pytest.raises(FormatError, match=reason):
            write_record({"messages": [HI, {"role": "assistant", "content": answer}]}, kind)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["messages", "role", "content", "from", "value", "conversations", "instruction", "output",
             "history", "tool_calls", "function", "type", "text"]
        ) | st.text(max_size=3),
        inner | st.sampled_from(["user", "assistant", "human", "gpt", "tool", "text"]),
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(record=json_values, kind=st.sampled_from(["auto", "messages", "openai", "sharegpt", "alpaca"]))
def test_no_record_brings_anything_but_a_reason(record, kind):
    recognise(record)
    try:
        found = read_record(record, kind)
    except FormatError:
        return
    problem_of(found.conversation)
    list(doubts(found.conversation))


# ---- typed text ----


def test_a_typed_chat_with_a_tool():
    typed = read_typed(
        "system: Be brief.\n\nUser: What is\n37*12?\n\npython: 37*12\noutput: 444\nassistant: 444\n"
        "user: Thanks\nassistant:\n\nYou're\n\nwelcome\n\n"
    )
    assert typed.conversation["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is\n37*12?"},
        {"role": "assistant", "content": [
            {"type": "python", "text": "37*12"}, {"type": "python_output", "text": "444"},
            {"type": "text", "text": "444"},
        ]},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "You're\n\nwelcome"},
    ]  # fmt: skip
    assert typed.lines == (1, 3, 6, 9, 10)


def test_windows_line_ends_and_a_byte_order_mark():
    assert read_typed("\ufeffuser: a\r\nb\r\nassistant: c\r\n") == read_typed("user: a\nb\nassistant: c\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: there is nothing"),
        ("\n\nHello", "line 3: a chat begins with"),
        ("user: a\nusr: b", "line 2: 'usr:' begins no message; did you mean user:"),
        ("user: a\n\nAsistant: b", "line 3: 'Asistant:' begins no message; did you mean assistant:"),
    ],
)
def test_mistakes_are_named_by_their_line(text, reason):
    with pytest.raises(TypedError, match=reason):
        read_typed(text)
