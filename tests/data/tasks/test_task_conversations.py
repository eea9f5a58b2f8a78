"""A reader's own conversations: both forms, and every way in which a line can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nanochat.data.tasks.conversations import conversations, read_conversations
from nanochat.errors import UserError

MESSAGES = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "Ada."}]
GOOD = json.dumps({"messages": MESSAGES})


def file(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return path


def test_both_forms_and_empty_lines(tmp_path):
    path = file(
        tmp_path, GOOD, "", json.dumps(MESSAGES), "   ", json.dumps({"messages": MESSAGES, "id": 7}), ""
    )
    task = conversations(path)
    assert (task.name, len(task)) == ("mine", 3)
    assert all(task[number].conversation == {"messages": MESSAGES} for number in range(3))
    assert task[0].question == {"messages": MESSAGES[:1]}
    assert task.grade(task[0], "Ada.") == 1.0
    assert task.grade(task[0], "Eve.") == 0.0


def test_windows_line_ends_and_a_byte_order_mark(tmp_path):
    assert len(conversations(file(tmp_path, "\ufeff" + GOOD + "\r", GOOD + "\r"))) == 2


def test_tool_calls_and_a_system_message(tmp_path):
    parts = [{"type": "python", "text": "1+1"}, {"type": "python_output", "text": "2"}]
    messages = [
        {"role": "system", "content": "Be brief."},
        MESSAGES[0],
        {"role": "assistant", "content": parts},
    ]
    assert conversations(file(tmp_path, json.dumps(messages)))[0].conversation == {"messages": messages}


BAD = {
    "{": "not JSON",
    "null": '{"messages": [...]}',
    "[]": "the conversation has no user message",
    "{}": '{"messages": [...]}',
    '"hello"': '{"messages": [...]}',
    "[" * 100_000: "not JSON",
    json.dumps(MESSAGES[::-1]): "message 1: the role is 'assistant', expected 'user'",
    json.dumps(MESSAGES[:1]): "it ends with the user's message, so there is no reply to learn",
    json.dumps([*MESSAGES, MESSAGES[1]]): "message 3: the role is 'assistant', expected 'user'",
    json.dumps([{"role": "user"}]): "message 1: a message is",
    json.dumps([{"role": "User", "content": "Hi"}]): "message 1: the role is 'User'",
    json.dumps([{"role": "user", "content": None}]): "message 1: the content is NoneType",
    json.dumps([MESSAGES[0], {"role": "assistant", "content": [{"type": "image", "text": ""}]}]): (
        "message 2, part 1: the type is 'image'"
    ),
    json.dumps(
        [MESSAGES[0], {"role": "assistant", "content": "\ud83d"}]
    ): "message 2: half of a surrogate pair",
}


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_a_bad_line_is_refused_with_its_number_and_the_reason(tmp_path, line):
    path = file(tmp_path, GOOD, "", line, GOOD)
    with pytest.raises(UserError) as error:
        conversations(path)
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert BAD[line] in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_bytes_that_are_no_text(tmp_path):
    with pytest.raises(UserError, match=r"mine\.jsonl, line 2: not UTF-8"):
        conversations(file(tmp_path, GOOD, b"\xff\xfe"))


def test_files_that_hold_nothing_or_are_not_there(tmp_path):
    with pytest.raises(UserError, match="no conversation in it"):
        conversations(file(tmp_path, "", "  "))
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read \(No such file"):
        conversations(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="cannot be read"):
        list(read_conversations(tmp_path))
