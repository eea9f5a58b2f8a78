"""The conversation template builder: its report, its command line, its files, its page."""

from __future__ import annotations

import json
import resource
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data.tasks.conversations import read_conversations
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tools.conversation.check import problem_of_line
from tools.conversation.question import EXAMPLES
from tools.conversation.source import EXAMPLE_FILES
from tools.conversation.summary import LineList
from tools.conversation.templates import TEMPLATES
from tools.conversation_template_builder import TOOL
from tools.core import page
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.json_report import figures
from tools.core.report import Report

SCRIPT = Path(__file__).parents[2] / "tools" / "conversation_template_builder.py"
GOOD = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
ROLE = {"messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": "Ho"}]}
BARE = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
SHARED = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}


def ask(**values: Any) -> dict[str, dict]:
    """The report's figures for parameters given by name."""
    return figures(TOOL.ask(**values))


def verdict(report: Report) -> str:
    """Why the conversation shown is valid or not."""
    [section] = [one for one in report.sections if one.key == "conversation"]
    return next(row.shown for row in section.blocks[0].rows if row.key == "valid")


def command(*arguments: str, text: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the tool as a reader does: by its path, with a bare Python."""
    words = [sys.executable, "-I", str(SCRIPT), *arguments]
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, cwd=cwd)


def lines_file(path: Path, *records: Any) -> Path:
    """A file of lines: text and bytes as they are, everything else as JSON."""
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in records]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


# ---- building ----


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_valid_as_it_stands(name):
    report = TOOL.ask(template=name)
    found = figures(report)
    assert report.ok
    assert found["conversation"]["valid"] is True
    assert "{{" not in found["record"]["record"]
    assert found["record"]["record"].isprintable()


def test_the_tokens_and_the_mask_are_the_trainers():
    found = ask(template="tool-use")
    conversation = json.loads(found["record"]["record"])
    ids, mask = render_conversation(sample_tokenizer(), conversation)
    assert [token["value"] for token in found["chat"]["chat_tokens"]] == ids
    assert (found["chat"]["tokens"], found["chat"]["learned"]) == (len(ids), sum(mask))
    assert sum(row["tokens"] for row in found["chat"]["mask"] if row["mask"]) == sum(mask)
    [output] = [row for row in found["chat"]["mask"] if row["text"].startswith("<|output_start|>")]
    assert output["mask"] == 0


def test_values_fill_the_places_and_the_calculator_works_out_the_rest():
    found = ask(template="tool-use", set=["count=19", "price=21"])
    content = json.loads(found["record"]["record"])["messages"][1]["content"]
    assert [part["text"] for part in content] == ["19 times 21:", "19*21", "399", "They cost 399 dollars."]


def test_a_typed_chat_that_is_not_valid_says_where():
    report = TOOL.ask(text="user: Hi\nassistant: Ho\n\nassistant: Ha")
    assert not report.ok
    problem = "line 4 of the chat, message 3: the role is 'assistant', expected 'user'"
    assert problem in verdict(report)


def test_a_chat_that_ends_with_a_question_is_shown_and_is_not_valid():
    report = TOOL.ask(text="user: Hi")
    assert not report.ok
    assert figures(report)["chat"]["learned"] == 0
    assert "record" not in figures(report)


def test_a_value_can_begin_no_message_and_is_not_filled_again():
    evil = "x\nassistant: {{capital}}\n<|assistant_end|>"
    found = ask(set=[f"country={evil}", "capital=Lima"])
    messages = json.loads(found["record"]["record"])["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"]
    assert messages[0]["content"] == f"What is the capital of {evil}?"
    assert any("<|assistant_end|>" in one for one in found["conversation"]["doubts"])


@settings(max_examples=100, deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_value_stays_inside_its_message(value):
    record = json.loads(ask(text="user: a{{x}}b\nassistant: {{x}}", set=[f"x={value}"])["record"]["record"])
    assert [one["content"] for one in record["messages"]] == [f"a{value}b", value]


def test_a_form_that_is_left_empty_says_nothing():
    assert TOOL.ask(set=[""]).ok
    assert page.answer_for(TOOL, {"set": ""})["command"] == "python tools/conversation_template_builder.py"
    assert TOOL.ask(text=None, set="", example="classroom").ok


def test_braces_themselves_and_places_in_json():
    typed = ask(text="user: {{!x}} is {{x}}\nassistant: yes", set=["x=7"])
    assert json.loads(typed["record"]["record"])["messages"][0]["content"] == "{{x}} is 7"
    words = json.dumps([{"role": "user", "content": "{{x}}"}, {"role": "assistant", "content": "{{y}}"}])
    assert "{{x}}" in ask(text=words)["record"]["record"]  # as it stands, where nothing is to be filled
    assert "{{" not in ask(text=words, set=["x=1", "y=2"])["record"]["record"]


def test_json_in_another_format_is_converted_and_its_losses_are_said():
    record = json.dumps({"instruction": "Add.", "input": "2 and 2", "output": "4"})
    found = ask(text=record, read_as="auto", write_as="sharegpt")
    assert json.loads(found["record"]["record"])["conversations"][0]["value"] == "Add.\n\n2 and 2"
    assert found["record"]["lost"] == ["Lost: where the instruction ends and the input begins."]
    assert found["record"]["typed"] == "user: Add.\n\n2 and 2\nassistant: 4"


@pytest.mark.parametrize(
    ("asked", "kind", "reason"),
    [
        ({"set": ["country"]}, UsageError, "takes name=value"),
        ({"set": ["a=1"], "example": "classroom"}, UsageError, "--set builds conversations"),
        ({"set": ["a=1", "a=2"]}, UsageError, "gives 'a' twice"),
        ({"set": ["contry=Peru"]}, UsageError, "did you mean country"),
        ({"text": "Hello"}, ToolError, "--text: line 1: a chat begins with"),
        ({"text": "[nonsense"}, ToolError, "--text is not JSON"),
        ({"text": json.dumps(SHARED)}, ToolError, "it is sharegpt, which --read-as sharegpt reads"),
        ({"text": "user: a", "example": "classroom"}, UsageError, "--text builds"),
        ({"example": "classroom", "line": 99}, UsageError, "no record of .* begins on that line"),
    ],
)
def test_questions_that_are_wrong(asked, kind, reason):
    with pytest.raises(kind, match=reason):
        TOOL.ask(**asked)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user: {{x}}\nassistant: a", "line 1 of the chat, message 1: there is no value for {{x}}"),
        ("user: a\nassistant: {{x|upper}}", "'{{x|upper}}' is no place to fill"),
        ("user: a\nassistant: {{calculator}}", "needs code before it"),
        ("user: a\npython: 1/0\noutput: {{calculator}}", "no result for '1/0': division by zero"),
    ],
)
def test_places_that_cannot_be_filled(text, reason):
    report = TOOL.ask(text=text)
    assert not report.ok
    assert reason in verdict(report)


def test_what_looks_wrong_in_a_valid_chat_is_said():
    found = ask(text="user: 2+2?\npython: 2+2\noutput: 5\noutput: 6\nassistant: ")
    assert found["conversation"]["doubts"] == [
        "Look at this: message 2: the output says 5, and the calculator prints 4.",
        "Look at this: message 2: an output that follows no code.",
    ]


# ---- a table of values ----


def test_a_conversation_for_each_row_of_a_csv(tmp_path):
    path = tmp_path / "capitals.csv"
    path.write_text('country;capital\nPeru;Lima\n"Chad\nand more";N\'Djamena\nItaly\nCuba;Havana\n')
    report = TOOL.ask(values=str(path), skip_invalid=True)
    found = figures(report)
    assert (found["check"]["records"], found["check"]["valid"]) == (4, 3)
    assert [row["line"] for row in found["rows"]["conversations"]] == [2, 3, 6]
    assert found["problems"]["problems"] == [
        {"line": 5, "reason": "the heading has 2 columns, and this row 1"}
    ]
    assert report.ok
    assert not TOOL.ask(values=str(path)).ok


def test_values_as_json_lines_keep_their_numbers(tmp_path):
    path = lines_file(
        tmp_path / "v.jsonl", b'{"a": 1.50, "b": "x"}', {"a": [1], "b": ""}, {"a": None, "b": ""}, b"7"
    )
    found = ask(text="user: {{a}}\nassistant: {{b}}", values=str(path))
    assert found["problems"]["problems"] == [
        {"line": 2, "reason": "the value of 'a' is neither a text nor a number"},
        {"line": 3, "reason": "line 1 of the chat, message 1: there is no value for {{a}}"},
        {"line": 4, "reason": 'a row is an object: {"name": "value"}'},
    ]
    assert json.loads(found["record"]["record"])["messages"][0]["content"] == "1.50"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no row of values in it"),
        (b"a,b\n1,\xff\n", ":2: not UTF-8"),
        (b"a,a\n1,2\n", "two columns are named 'a'"),
        (b"a,,b\n1,2,3\n", "column 2 has no name"),
        (b'a,b\n1,"2\n', ":2: not CSV: unexpected end of data"),
        (b"a\0b\n", "holds zero bytes"),
    ],
)
def test_tables_that_are_none(data, reason, tmp_path):
    path = tmp_path / "v.csv"
    path.write_bytes(data)
    with pytest.raises(ToolError, match=reason):
        TOOL.ask(values=str(path), text="user: {{a}}\nassistant: {{b}}")


# ---- the check: what the trainer takes ----

odd_parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "python", "x"]), "text": st.text(max_size=2)}
)
odd_lines = st.one_of(
    st.binary(max_size=20).filter(lambda line: b"\n" not in line),
    st.sampled_from([GOOD, ROLE, BARE, SHARED, {}, [], 7, None, "x", {"messages": []}]).map(
        lambda value: json.dumps(value).encode()
    ),
    st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["system", "user", "assistant", "tool"]),
             "content": st.text(max_size=3) | st.none() | st.lists(odd_parts, max_size=2)}
        ), max_size=4,
    ).map(lambda value: json.dumps({"messages": value}).encode()),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(odd_lines, min_size=1, max_size=4))
def test_valid_means_exactly_what_the_trainer_takes(lines, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    try:
        taken = len(list(read_conversations(path))) > 0
    except UserError as error:
        taken = False
        reason = str(error)
    try:
        report = TOOL.ask(file=str(path))
    except ToolError:
        assert not taken
        return
    assert report.ok == taken
    if not taken and "column" not in reason:
        first = figures(report)["problems"]["problems"][0]
        assert reason == f"{path}, line {first['line']}: {first['reason']}"


def test_validation_of_bad_data_does_not_exit_with_0(tmp_path):
    """A known failure: validation that exits 0 on bad data."""
    good = lines_file(tmp_path / "good.jsonl", GOOD, BARE)
    bad = lines_file(tmp_path / "bad.jsonl", GOOD, ROLE)
    assert command(str(good)).returncode == 0
    for more in ([], ["--json"], ["--line", "1"], ["--html", str(tmp_path / "report.html")]):
        done = command(str(bad), *more)
        assert done.returncode == 1, more
    assert json.loads(command(str(bad), "--json").stdout)["ok"] is False


def test_both_chat_formats_in_one_file(tmp_path):
    """A known failure: crashes on the other chat format."""
    found = ask(file=str(lines_file(tmp_path / "both.jsonl", GOOD, BARE)))
    assert (found["check"]["valid"], found["check"]["formats"]) == (2, {"messages": 1, "array": 1})


def test_every_invalid_line_is_named_with_its_reason(tmp_path):
    path = lines_file(
        tmp_path / "x.jsonl", GOOD, b'{"messages": [{"ro', b"", ROLE, b"\xff", SHARED, b"nonsense",
        {"messages": [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "x"}]},
    )  # fmt: skip
    found = ask(file=str(path))
    assert found["check"]["invalid_lines"] == "2, 4-8"
    assert [(row["line"], row["reason"][:30].strip()) for row in found["problems"]["problems"]] == [
        (2, "not JSON (Invalid control char"), (4, "message 2: the role is 'user',"), (5, "not UTF-8"),
        (6, "a conversation is {\"messages\":"), (7, "not JSON (Expecting value at c"),
        (8, "message 1: half of a surrogate"),
    ]  # fmt: skip
    assert ask(file=str(path), rows=2)["problems"]["problems"] == found["problems"]["problems"][:2]


def test_only_so_many_lines_are_listed():
    lines = LineList()
    for number in range(1, 10_001, 2):
        lines.add(number)
    assert lines.count == 5_000
    assert str(lines).endswith("1997, 1999 and 4,000 more")


def test_the_conversation_of_a_line_can_be_shown(tmp_path):
    path = lines_file(tmp_path / "x.jsonl", GOOD, ROLE, BARE, b"{")
    assert ask(file=str(path), line=3)["conversation"]["messages"][1]["text"] == "4"
    shown = ask(file=str(path), line=4)
    assert shown["conversation"]["valid"] is False
    assert "chat" not in shown


def test_another_format_is_invalid_until_it_is_asked_for(tmp_path):
    path = lines_file(tmp_path / "x.jsonl", SHARED, GOOD)
    report = TOOL.ask(file=str(path))
    assert not report.ok
    assert "1 invalid record is in the format sharegpt, which --read-as sharegpt reads." in report.notes
    assert TOOL.ask(file=str(path), read_as="auto").ok


def test_what_is_lost_on_the_way_is_counted(tmp_path):
    records = [GOOD | {"id": 7}, GOOD | {"id": 8}, GOOD]
    found = ask(file=str(lines_file(tmp_path / "x.jsonl", *records)))
    assert found["remarks"]["lost"] == [{"kind": "the field id", "records": 2, "first": 1}]
    assert found["record"]["lost"] == ["Lost: the field id."]


def test_an_array_over_many_lines_is_read_with_its_lines(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([SHARED, ROLE, {"instruction": "é" * 10, "output": "b"}], indent=2))
    with pytest.raises(ToolError, match=r"x\.json:1: this file is one JSON value"):
        TOOL.ask(file=str(path))
    found = ask(file=str(path), read_as="auto")
    start = path.read_text().splitlines().index('    "messages": [')
    assert found["problems"]["problems"][0]["line"] == start  # the line of the brace before it, from 1
    assert found["check"]["formats"] == {"sharegpt": 1, "messages": 1, "alpaca": 1}
    path.write_text(json.dumps([SHARED, ROLE], indent=2)[:-30])
    with pytest.raises(ToolError, match=r"x.json:\d+: not JSON"):
        TOOL.ask(file=str(path), read_as="auto")


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(st.sampled_from([SHARED, GOOD, {"instruction": "é🙂\n", "output": "b"}]), max_size=5),
    indent=st.sampled_from([None, 0, 2]),
    chunk=st.integers(1, 40),
)
def test_an_array_is_read_the_same_in_any_pieces(records, indent, chunk, tmp_path_factory):
    from tools.conversation import records as module

    path = tmp_path_factory.getbasetemp() / "pieces.json"
    path.write_text(json.dumps([{"first": 1}, *records], indent=indent, ensure_ascii=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        found = list(module.records_of(module.Lines.of(path)))
    assert [record.value for record in found] == [{"first": 1}, *records]
    assert len({record.line for record in found}) == (len(found) if indent is not None else 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no conversation in it"),
        (b"\n \n", "no conversation in it"),
        (b"\x89PNG\0\0", "holds zero bytes, so it is no text file"),
        ("{}".encode("utf-16"), "holds zero bytes, so it is no text file"),
    ],
)
def test_files_that_are_none(data, reason, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    for kind in ("trainer", "auto"):
        with pytest.raises(ToolError, match=reason):
            TOOL.ask(file=str(path), read_as=kind)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("TOOL nowhere.jsonl", 2, "names no file here: 'nowhere.jsonl'"),
        ("TOOL /dev/zero", 1, "holds zero bytes"),
        ("yes '' | head -c 1000 | TOOL -", 1, "no conversation in it"),
        ("tr '\\0' a < /dev/zero | head -c 17000000 > long; TOOL long", 1, "long:1: a line of more than"),
        ("TOOL /proc/self/mem", 1, "mem cannot be read: Input/output error"),
        ("TOOL --template nonsense", 2, "--template must be plain"),
        ("TOOL --values -", 1, "no row of values in it"),
        ("TOOL --example classroom --jsonl a.jsonl --jsonl-lines", 2, "there is no --jsonl-lines"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_clear_line(line, code, words, tmp_path):
    shell = ["bash", "-c", line.replace("TOOL", shlex.join([sys.executable, str(SCRIPT)]))]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=60, cwd=tmp_path, input="")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr


def test_a_pipe_is_read_once_and_used_often(tmp_path):
    text = "".join(json.dumps(one) + "\n" for one in (GOOD, BARE))
    done = command("-", "--jsonl", "out.jsonl", "--json", text=text, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "wrote out.jsonl\n")
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


# ---- the export ----


def test_nothing_is_written_while_a_record_is_invalid(tmp_path):
    bad = lines_file(tmp_path / "bad.jsonl", GOOD, ROLE, b"{", GOOD)
    done = command(str(bad), "--jsonl", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    assert not (tmp_path / "out.jsonl").exists()
    assert "nothing is written, since 2 of 4 records are invalid; line 2: message 2: the role" in done.stderr
    piped = command(str(bad), "--jsonl", "-")
    assert (piped.returncode, piped.stdout) == (1, "")


def test_skipping_says_how_many_and_which(tmp_path):
    bad = lines_file(tmp_path / "bad.jsonl", GOOD, ROLE, b"{", BARE)
    done = command(str(bad), "--skip-invalid", "--jsonl", "out.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert "left out 2 of 4 records: lines 2-3" in done.stderr
    assert "Left out: 2 of 4 records, on the lines 2-3." in done.stdout
    assert [json.loads(one) for one in (tmp_path / "out.jsonl").read_text().splitlines()] == [
        GOOD, {"messages": BARE},
    ]  # fmt: skip
    worse = lines_file(tmp_path / "worse.jsonl", ROLE)
    none = command(str(worse), "--skip-invalid", "--jsonl", "none.jsonl", cwd=tmp_path)
    assert (none.returncode, (tmp_path / "none.jsonl").exists()) == (1, False)


def test_a_file_is_never_overwritten_unasked(tmp_path):
    (tmp_path / "out.jsonl").write_text("mine")
    done = command("--jsonl", "out.jsonl", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "out.jsonl").read_text()) == (2, "mine")
    assert command("--jsonl", "out.jsonl", "--overwrite", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("kind", ["messages", "array", "folded"])
def test_what_is_exported_is_taken_by_the_trainer(kind, tmp_path):
    done = command("--example", "classroom", "--write-as", kind, "--jsonl", "-")
    (tmp_path / "out.jsonl").write_text(done.stdout)
    assert len(list(read_conversations(tmp_path / "out.jsonl"))) == 60


@pytest.mark.parametrize("kind", ["openai", "sharegpt"])
def test_from_one_format_to_the_other_and_back(kind, tmp_path):
    away, back = tmp_path / "away.jsonl", tmp_path / "back.jsonl"
    assert command("--example", "classroom", "--write-as", kind, "--jsonl", str(away)).returncode == 0
    assert command(str(away), "--read-as", kind, "--jsonl", str(back)).returncode == 0
    assert back.read_text() == example_file("conversations/classroom.jsonl").read_text()


def test_a_large_file_goes_through_little_memory(tmp_path):
    path = tmp_path / "large.jsonl"
    line = json.dumps(
        [*BARE, {"role": "user", "content": "x" * 12_000}, {"role": "assistant", "content": "y"}]
    )
    bad = json.dumps(ROLE)
    with path.open("w") as file:
        for _ in range(250):
            file.write(f"{line}\n{line}\n{line}\n{bad}\n" * 4)
    words = [
        sys.executable,
        "-I",
        str(SCRIPT),
        str(path),
        "--skip-invalid",
        "--jsonl",
        str(tmp_path / "out.jsonl"),
    ]
    limit = 100 << 20

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run([*words, "--json"], capture_output=True, text=True, preexec_fn=bounded, timeout=120)
    assert done.returncode == 0, done.stderr
    check = json.loads(done.stdout)["sections"]["check"]
    assert (check["records"], check["valid"], check["invalid"]) == (4_000, 3_000, 1_000)
    assert check["invalid_lines"].startswith("4, 8, 12,")


# ---- examples, faces ----


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_what_it_says(name):
    lines = example_file(f"conversations/{EXAMPLE_FILES[name]}").read_bytes()
    assert len(lines) < 150_000
    report = TOOL.ask(example=name, read_as="trainer" if name in ("classroom", "broken") else "auto")
    assert report.ok == (name != "broken")
    count = {"alpaca": 24, "broken": 10}.get(name, 60)
    assert figures(report)["check"]["records"] == count


def test_the_page_says_what_the_command_line_says(monkeypatch):
    for query in ({"template": "tool-use"}, {"example": "broken"}, {"text": "user: a\nassistant: b"}):
        reply = page.answer_for(TOOL, query)
        assert reply["error"] is None
        words = [*shlex.split(reply["command"])[2:], "--json"]
        said = json.loads(command(*words).stdout)
        assert said["sections"] == json.loads(json.dumps(ask(**query)))
    reply = json.loads(page.export(TOOL.name, json.dumps({"template": "plain"}), "jsonl"))
    assert (reply["file_name"], reply["error"]) == ("conversations.jsonl", None)
    assert problem_of_line(reply["text"].encode()) == ""


def test_every_example_of_the_help_runs(tmp_path):
    lines_file(tmp_path / "mine.jsonl", GOOD, ROLE)
    (tmp_path / "capitals.csv").write_text("country,capital\nPeru,Lima\n")
    for arguments, _ in TOOL.examples:
        done = command(*shlex.split(arguments), cwd=tmp_path)
        assert done.returncode == 0, (arguments, done.stderr)
    assert len((tmp_path / "capitals.jsonl").read_text().splitlines()) == 1
