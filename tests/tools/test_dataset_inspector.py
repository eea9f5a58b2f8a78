"""The dataset inspector: its verdict is the trainer's, its figures are the trainer's, its lines are right."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nanochat.data.conversation_loader import ConversationPacker, Place
from nanochat.data.folder import read_file
from nanochat.data.tasks.conversations import read_conversations
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tools.core import page
from tools.core.errors import UsageError
from tools.core.examples import example_file
from tools.core.json_report import figures
from tools.dataset_inspector import TOOL
from tools.inspector.duplicates import Duplicates
from tools.inspector.faults import conversation_faults
from tools.inspector.length_sections import estimate, percentile
from tools.inspector.lengths import PieceCounts, learned_of, length_of, stretches_of
from tools.inspector.records import chat_record
from tools.inspector.survey import Lengths
from tools.inspector.with_model import fast_count

CLASSROOM = example_file("conversations.jsonl")
FAULTY = example_file("conversations-with-faults.jsonl")
USER, ASSISTANT = {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}


def ask(path: Path | None = None, **values: Any) -> dict[str, dict[str, Any]]:
    """The report's figures."""
    if path is not None:
        values["files"] = [str(path)]
    return figures(TOOL.ask(**values))  # type: ignore[return-value]


def write(folder: Path, *rows: object, name: str = "mine.jsonl") -> Path:
    """A file with a row of JSON a line; bytes stand as they are."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path = folder / name
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def trainer_takes(line: bytes) -> bool:
    """Whether the trainer's own reader takes a file of this one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine.jsonl")
        path.write_bytes(line)
        try:
            return len(list(read_conversations(path))) == 1
        except UserError:
            return False


# ---- valid means: the trainer takes it ----

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["", " ", "\ud83d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "python", "python_output", "code"]) | JSON,
        "text": TEXTS | JSON,
    },
)
CONTENTS = TEXTS | st.lists(PARTS, max_size=3) | JSON
ROLES = st.sampled_from(["user", "assistant", "system", "human"]) | JSON
MESSAGES = st.fixed_dictionaries({}, optional={"role": ROLES, "content": CONTENTS}) | JSON


@st.composite
def mutated_chats(draw) -> bytes:
    """A good conversation of either form, in which up to two things are replaced, left out or put in."""
    chat: list[Any] = [{"role": "system", "content": draw(TEXTS)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        reply = draw(TEXTS | st.just([{"type": "python", "text": "2+2"}, {"type": "text", "text": "4"}]))
        chat += [{"role": "user", "content": draw(TEXTS)}, {"role": "assistant", "content": reply}]
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, max(0, len(chat) - 1)))
        way = draw(st.sampled_from(["content", "role", "parts", "message", "less"]))
        if way in ("content", "role") and chat and isinstance(chat[at], dict):
            chat[at] |= {way: draw(CONTENTS if way == "content" else ROLES)}
        elif way == "parts" and chat and isinstance(chat[at], dict):
            chat[at] |= {
                "content": [{"type": "text", "text": draw(TEXTS)}, *draw(st.lists(PARTS, max_size=1))]
            }
        else:
            chat[at : at + draw(st.integers(0, 1))] = [draw(MESSAGES)] if way == "message" else []
    row: Any = chat
    if draw(st.booleans()):
        row = {draw(st.sampled_from(["messages", "messages", "messages", "turns"])): chat}
    line = json.dumps(row).encode()
    cut = draw(st.sampled_from([None, None, None, None, -1, -5]))
    return line[:cut] + draw(st.sampled_from([b"", b"", b"", b"\r", b"\xff", b" "]))


@settings(max_examples=300, deadline=None)
@given(line=mutated_chats())
def test_valid_means_that_the_trainer_takes_it(line):
    if not line.strip() or b"\n" in line:
        return
    takes = trainer_takes(line)
    assert (not chat_record(line, (0, 1)).faults) == takes
    # The list of faults is worked out apart from the trainer, and is empty for the same lines.
    assert (not conversation_faults(line)) == takes


CONTENT_MENU = [
    "x", "", "\ud83d", 4, None, {"a": 1}, [], ["x"], [{"type": "text", "text": "x"}],
    [{"type": "text", "text": "\ud83d"}], [{"type": "code", "text": "x"}], [{"type": "text"}],
    [{"text": "x"}],
    [{"type": ["text"], "text": "x"}], [{"type": "python", "text": 4}],
]  # fmt: skip
ROLE_MENU = ["user", "assistant", "system", "human", None, ["user"]]


def test_a_menu_of_messages_in_every_place_is_judged_as_the_trainer_does():
    menu: list[Any] = [{"role": role, "content": content} for role in ROLE_MENU for content in CONTENT_MENU]
    menu += [{}, {"role": "user"}, {"content": "x"}, "x", None, 3]
    system = {"role": "system", "content": "Be brief."}
    verdicts: Counter[bool] = Counter()
    for one in menu:
        for chat in (
            [one], [one, ASSISTANT], [USER, one], [system, one, ASSISTANT], [USER, ASSISTANT, one],
            [USER, ASSISTANT, USER, one], [system, USER, one], [one, USER, ASSISTANT],
        ):  # fmt: skip
            line = json.dumps(chat).encode()
            takes = trainer_takes(line)
            assert (not conversation_faults(line)) == (not chat_record(line, (0, 1)).faults) == takes, chat
            verdicts[takes] += 1
    assert verdicts == {True: 18, False: 750}


@settings(max_examples=100, deadline=None)
@example(row={"text": "\x1b"})
@given(row=JSON | st.fixed_dictionaries({}, optional={"text": TEXTS | JSON, "messages": JSON}))
def test_a_document_is_valid_when_the_corpus_builder_takes_it(row):
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), row, b'{"text": "the next one"}')
        try:
            taken = len(list(read_file(path)))
        except UserError:
            taken = -1
        data = ask(path, read_as="documents")
    assert (data["data"]["bad"] == 0) == (taken >= 0)
    left_out = {one["kind"]: one["found"] for one in data["warnings"].get("kinds", [])}.get(
        "empty content", 0
    )
    if taken >= 0:
        assert taken == data["data"]["good"] - left_out


def test_both_forms_of_conversations_and_what_else_the_trainer_takes(tmp_path):
    path = write(
        tmp_path,
        b"\xef\xbb\xbf" + json.dumps({"messages": [USER, ASSISTANT]}).encode(),
        [USER, ASSISTANT],
        b"",
        json.dumps([{"role": "system", "content": "Be brief."}, USER, ASSISTANT]).encode() + b"\r",
        {"messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "4"}]}], "id": 7},
    )
    assert len(list(read_conversations(path))) == 4
    found = ask(path)
    assert (found["data"]["good"], found["data"]["bad"]) == (4, 0)
    assert found["roles"]["with_system"] == 1
    assert TOOL.ask(files=[str(path)]).ok


def test_every_error_of_the_faulty_example_has_its_line_and_kind():
    found = ask(example="faulty", rows=100)
    assert [(one["line"], one["kind"]) for one in found["errors"]["first"]] == [
        ("2", "not JSON"),
        ("3", "wrong encoding"),
        ("4", "no messages"),
        ("5", "no messages"),
        ("6", "unknown role"),
        ("6", "unknown role"),
        ("7", "role order"),
        ("8", "role order"),
        ("9", "role order"),
        ("10", "missing key"),
        ("11", "wrong type"),
        ("12", "bad part"),
        ("13", "bad part"),
        ("14", "no reply"),
        ("15", "no text"),
    ]
    warned = {one["kind"]: one["line"] for one in found["warnings"]["first"]}
    assert len(warned) == 15
    assert warned["empty content"] == "19"
    assert warned["wrong result"] == "20"
    assert warned["mojibake"] == "24"
    assert found["duplicates"]["repeats"] == [
        {"line": "17", "same_as": "1", "how": "exactly"},
        {"line": "18", "same_as": "1", "how": "nearly"},
    ]
    assert not TOOL.ask(example="faulty").ok


def test_the_first_error_is_where_the_trainer_stops():
    with pytest.raises(UserError, match="line 2: not JSON"):
        list(read_conversations(FAULTY))
    assert ask(example="faulty")["errors"]["first"][0]["line"] == "2"


def test_few_are_shown_and_all_are_counted(tmp_path):
    path = write(tmp_path, *[[USER]] * 50, [USER, ASSISTANT])
    found = ask(path, rows=3)
    assert len(found["errors"]["first"]) == 3
    assert found["errors"]["kinds"] == [{"kind": "no reply", "found": 50}]
    assert found["data"]["bad"] == 50


def test_strict_counts_warnings_too(tmp_path):
    path = write(tmp_path, [USER, {"role": "assistant", "content": ""}])
    assert TOOL.ask(files=[str(path)]).ok
    assert not TOOL.ask(files=[str(path)], strict=True).ok
    assert TOOL.ask(files=[str(write(tmp_path, [USER, ASSISTANT]))], strict=True).ok
    assert not TOOL.ask(files=[str(write(tmp_path, [USER, ASSISTANT], [USER, ASSISTANT]))], strict=True).ok


# ---- tokens: the trainer's own counts, never cut off ----


def test_a_length_is_not_cut_off_at_a_row(tmp_path):
    words = "word " * 30_000
    path = write(tmp_path, [USER, {"role": "assistant", "content": words}])
    ids, mask = render_conversation(sample_tokenizer(), json.loads(f'{{"messages": {path.read_text()}}}'))
    assert len(ids) > 10 * 2_048
    found = ask(path)
    assert found["lengths"]["longest"] == len(ids)
    assert found["lengths"]["learned"] == sum(mask)
    assert found["rows"]["cut_tokens"] == len(ids) - 2_049
    assert found["rows"]["cut_learned"] == sum(mask) - sum(mask[:2_049])


def conversations() -> list[dict[str, Any]]:
    return [dict(one) for one in read_conversations(CLASSROOM)]


def test_every_length_and_mask_is_what_the_trainer_renders():
    tokenizer = sample_tokenizer()
    expected = [render_conversation(tokenizer, one) for one in conversations()]
    saved = json.loads(page.export(TOOL.name, '{"example": "classroom"}', "lengths"))["text"]
    rows = list(csv.reader(io.StringIO(saved)))
    assert rows[0] == ["file", "line", "tokens", "learned"]
    assert [(int(row[2]), int(row[3])) for row in rows[1:]] == [
        (len(ids), sum(mask)) for ids, mask in expected
    ]
    found = ask(example="classroom")["lengths"]
    assert found["tokens"] == sum(len(ids) for ids, _ in expected)
    assert found["learned"] == sum(sum(mask) for _, mask in expected)
    assert sum(found["histogram"].values()) == len(expected)


@pytest.mark.parametrize(("system", "user"), [("a", "b"), ("Be brief.", "2+2?"), ("", "x"), ("x\n", "\ny")])
def test_a_system_message_is_one_text_with_the_question(system, user):
    chat = [{"role": "system", "content": system}, {"role": "user", "content": user}, ASSISTANT]
    record = chat_record(json.dumps(chat).encode(), (0, 1))
    ids, _ = render_conversation(sample_tokenizer(), {"messages": chat})
    count = PieceCounts(sample_tokenizer()).count
    assert length_of([stretch for _, stretch in stretches_of(record, count)]) == len(ids)


@settings(max_examples=100, deadline=None)
@given(line=mutated_chats())
def test_tokens_of_a_record_are_counted_as_they_are_rendered(line):
    record = chat_record(line, (0, 1))
    if record.faults:
        return
    row = json.loads(line)
    chat = {"messages": row} if isinstance(row, list) else row
    ids, mask = render_conversation(sample_tokenizer(), chat)
    for count in (PieceCounts(sample_tokenizer()).count, fast_count(sample_tokenizer())):
        assert count is not None  # tiktoken is part of what the tests install
        stretches = [stretch for _, stretch in stretches_of(record, count)]
        assert (length_of(stretches), learned_of(stretches)) == (len(ids), sum(mask))


@pytest.mark.parametrize("room", [16, 40, 64, 512])
def test_rows_are_those_of_the_trainer(room):
    examples = [Example(one) for one in conversations()]
    packer = ConversationPacker(examples, sample_tokenizer(), room, Place(), endless=False)
    rows = filled = learned = 0
    while (row := packer.next_row()) is not None:
        _, targets, documents = row
        rows += 1
        # What stays empty is a document more, behind the others, of which nothing is learned.
        last = documents == documents.max()
        filled += room if (targets[last] >= 0).any() else int((~last).sum())
        learned += int((targets >= 0).sum())
    found = ask(example="classroom", sequence_length=room)
    packed = found["rows"]["ways"][0]
    assert packed["rows"] == rows
    assert packed["filled"] == pytest.approx(filled / (rows * room))
    assert packed["padding"] == rows * room - filled
    assert found["lengths"]["learned"] - found["rows"]["cut_learned"] == learned
    assert found["rows"]["cut"] == packer.cut


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=200), st.floats(0.01, 1))
def test_percentiles_are_exact(lengths, share):
    ordered = sorted(lengths)
    found = percentile(Counter(lengths), share)
    assert found in lengths
    assert sum(one <= found for one in ordered) >= share * len(ordered)
    assert sum(one < found for one in ordered) < share * len(ordered)


def test_documents_are_packed_with_nothing_lost():
    found = ask(example="documents", sequence_length=64)
    tokens = found["lengths"]["tokens"]
    assert found["rows"]["rows"] == -(-tokens // 64)  # the last row alone has room left
    assert found["rows"]["filled"] == pytest.approx(tokens / (found["rows"]["rows"] * 64))


def test_tokens_of_some_records_estimate_those_of_all():
    exact = ask(example="classroom")["lengths"]["tokens"]
    near = 0
    for seed in range(40):
        found = ask(example="classroom", every=5, seed=seed)["lengths"]
        assert 20 <= found["counted"] <= 110
        near += abs(found["estimated_tokens"] - exact) <= found["estimate_error"]
    assert near >= 34  # 38 are expected
    notes = TOOL.ask(example="classroom", every=5).notes
    assert any(
        "of 300 good records: all that is said of lengths, rows and cuts is about these" in n for n in notes
    )


def test_a_sample_of_everything_is_no_estimate():
    lengths = Lengths(64, whole=True)
    for size in (5, 9, 20):
        lengths.add([(size, False), (1, True)])
    assert estimate(lengths, 3) == (37, 0)


# ---- repeated records ----

SAID = st.lists(st.sampled_from(["Hi.", "hi", "HI!", "Ho?", "ho", "2+2", "2-2", "!", "?", ""]), max_size=30)


@settings(max_examples=100, deadline=None)
@given(texts=SAID, in_memory=st.integers(1, 40))
def test_repeats_are_those_that_a_list_would_show(texts, in_memory):
    from tools.inspector.duplicates import alike

    found = Duplicates(in_memory)
    for line, text in enumerate(texts, 1):
        found.add(text, (0, line))
    counts, shown = found.first_repeats(100)
    exact = sum(text in texts[:place] for place, text in enumerate(texts))
    near = sum(
        text not in texts[:place] and alike(text) in map(alike, texts[:place])
        for place, text in enumerate(texts)
    )
    assert (counts.exact, counts.near) == (exact, near)
    for one in shown:
        assert one.first < one.place
        assert (texts[one.place[1] - 1] == texts[one.first[1] - 1]) == one.exact
    assert found.on_disk == (len(texts) >= in_memory)


def test_a_repeat_in_another_file_is_found(tmp_path):
    write(tmp_path, [USER, ASSISTANT], name="a.jsonl")
    write(tmp_path, [ASSISTANT], {"messages": [USER, ASSISTANT]}, name="b.jsonl")
    found = ask(tmp_path)
    assert found["duplicates"]["repeats"] == [{"line": "b.jsonl:2", "same_as": "a.jsonl:1", "how": "exactly"}]
    assert found["errors"]["first"][0]["line"] == "b.jsonl:1"
    assert [one["bad"] for one in found["data"]["files"]] == [0, 1]


# ---- samples, roles, exports ----


def test_samples_are_drawn_by_the_seed_and_every_record_has_its_chance(tmp_path):
    path = write(tmp_path, *[[USER, {"role": "assistant", "content": f"{n}"}] for n in range(6)])

    def drawn(seed: int) -> list[str]:
        found = ask(path, samples=2, seed=seed)["samples"]
        return [record[1]["says"] for record in found.values()]

    assert drawn(3) == drawn(3)
    seen = Counter(one for seed in range(150) for one in drawn(seed))
    assert set(seen) == {"0", "1", "2", "3", "4", "5"}
    assert all(25 <= times <= 80 for times in seen.values())  # 50 are expected


def test_roles_and_turns_add_up():
    found = ask(example="classroom")
    turns = found["roles"]["turns"]
    assert sum(turns.values()) == 300
    roles = {one["who"]: one for one in found["roles"]["roles"]}
    assert sum(one["tokens"] for one in roles.values()) == found["lengths"]["tokens"]
    said = Counter(turn["role"] for one in conversations() for turn in one["messages"])
    assert {who: roles[who]["messages"] for who in said} == said
    assert turns == {
        f"{n}": count for n, count in Counter(len(one["messages"]) for one in conversations()).items()
    }
    assert found["roles"]["with_tools"] == sum(
        isinstance(one["messages"][1]["content"], list) for one in conversations()
    )


def test_the_csv_holds_every_problem():
    rows = list(
        csv.DictReader(io.StringIO("".join(TOOL.exports[0].write(TOOL.parameters(example="faulty")))))
    )
    found = ask(example="faulty")
    assert sum(row["level"] == "error" for row in rows) == found["data"]["errors"]
    assert sum(row["level"] == "warning" for row in rows) == found["data"]["warnings"]
    assert rows[-1] == {
        "file": FAULTY.name, "line": "18", "level": "warning", "kind": "repeated record",
        "what": f"says nearly the same as line 1 of {FAULTY.name}",
    }  # fmt: skip


def test_the_page_shows_what_the_command_prints():
    answer = page.answer_for(TOOL, {"example": "classroom", "sequence-length": "512"})
    assert answer["error"] is None
    assert answer["says"] == "The trainer takes all 300 records."
    assert answer["command"] == (
        "python tools/dataset_inspector.py --example classroom --sequence-length 512"
    )
    for figure in (
        ask(example="classroom", sequence_length=512)["lengths"][key] for key in ("tokens", "p99")
    ):
        assert f"{figure:,}" in answer["html"]


def test_markup_in_the_data_stays_text(tmp_path):
    write(tmp_path, [USER, {"role": "assistant", "content": "<script>alert(1)</script>"}], {"<b>": 1})
    page.give("files", str(tmp_path), '["mine.jsonl"]')
    html = page.answer_for(TOOL, {"files": ["mine.jsonl"]})["html"]
    page.give("files", str(tmp_path), "[]")
    assert "&lt;script&gt;" in html
    assert "<script>alert" not in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "name a file to look at, or see one with --example classroom"),
        ({"files": [str(CLASSROOM)], "example": "faulty"}, "both say what to look at"),
    ],
)
def test_wrong_questions_say_the_way_out(values, words):
    with pytest.raises(UsageError, match=words):
        TOOL.ask(**values)


def test_conversations_and_documents_are_not_mixed(tmp_path):
    write(tmp_path, [USER, ASSISTANT], name="chats.jsonl")
    write(tmp_path, {"text": "Once."}, name="texts.jsonl")
    with pytest.raises(
        UsageError, match=r"chats\.jsonl holds conversations and texts\.jsonl holds documents"
    ):
        TOOL.ask(files=[str(tmp_path)])


def test_a_random_mixture_of_lines_is_counted_line_by_line(tmp_path):
    chance = random.Random(5)
    lines = FAULTY.read_bytes().split(b"\n")[:-1]
    chosen = [chance.choice(lines) for _ in range(200)]
    path = write(tmp_path, *chosen)
    takes = [trainer_takes(line) for line in chosen]
    found = ask(path, rows=1_000)
    assert found["data"]["good"] == sum(takes)
    assert {int(one["line"]) for one in found["errors"]["first"]} == {
        number for number, take in enumerate(takes, 1) if not take
    }
