"""Files of every kind, given to the dataset inspector: good ones of any size, and those that are none."""

from __future__ import annotations

import gzip
import json
import os
import random
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.shards import write_shard
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer
from tools.core.errors import ToolError
from tools.core.json_report import figures
from tools.dataset_inspector import TOOL
from tools.inspector import characters, lines
from tools.inspector.personal import CARD, EMAIL, IP, PHONE, is_card, luhn, personal_data

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "dataset_inspector.py"
GOOD = json.dumps([{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]).encode()


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which TOOL is the tool on a bare Python, without any package."""
    command = ["bash", "-c", line.replace("TOOL", shlex.join([sys.executable, "-I", "-S", str(SCRIPT)]))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


# ---- what cannot be looked at: one line, nothing printed ----


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: there is no record in it"),
        (b" \n\n \n", "is empty: there is no record in it"),
        (GOOD + b"\n" + b"\x7fELF\0\0", "line 2: a zero byte, so it is a binary file"),
        (("[]\n" * 3).encode("utf-16"), "is UTF-16 text; convert it to UTF-8 first"),
        (gzip.compress(GOOD), "is a gzip file; unpack it first"),
        (b"PAR1 and no more", "needs pyarrow"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(content, words, tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(content)
    done = shell("TOOL mine.jsonl", tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "mine.jsonl" in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("TOOL", 2, "name a file to look at, or see one with --example classroom"),
        ("TOOL nowhere.jsonl", 2, "names no file or folder here: 'nowhere.jsonl'"),
        ("TOOL --sequence-length 1 --example faulty", 2, "must be at least 2"),
        ("mkdir empty; TOOL empty", 1, "empty: no .txt, .md, .jsonl or .parquet file in it"),
        ("TOOL /dev/zero", 1, "/dev/zero, line 1: a zero byte"),
        ("TOOL - < /dev/null", 1, "standard input is empty"),
        ("TOOL --example classroom --csv there.csv", 2, "there.csv exists"),
        ("echo '[]' > a.jsonl; TOOL a.jsonl --ranks a.jsonl", 1, "is not `base64 rank`"),
    ],
)
def test_wrong_calls_are_one_line(line, code, words, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    done = shell(line, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    assert words in done.stderr
    assert (tmp_path / "there.csv").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; test_every_tool.py asks as nobody")
def test_a_file_without_permission(tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(GOOD)
    (tmp_path / "mine.jsonl").chmod(0)
    done = shell("TOOL mine.jsonl", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "mine.jsonl cannot be read: Permission denied" in done.stderr


# ---- bad lines: a whole report, exit code 1 ----


def test_bad_data_ends_with_exit_code_1_and_good_data_with_0(tmp_path):
    (tmp_path / "good.jsonl").write_bytes(GOOD)
    (tmp_path / "bad.jsonl").write_bytes(GOOD + b"\n" + GOOD[:-20])
    assert shell("TOOL good.jsonl", tmp_path).returncode == 0
    done = shell("TOOL bad.jsonl --json", tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    found = json.loads(done.stdout)
    assert found["ok"] is False
    [error] = found["sections"]["errors"]["first"]
    assert (error["line"], error["kind"]) == ("2", "not JSON")
    assert "the line ends before its last bracket" in error["what"]


def test_a_wrong_encoding_names_line_and_byte_and_the_rest_is_read(tmp_path):
    bad = GOOD.replace(b"2+2?", "café".encode("cp1252"))
    (tmp_path / "mine.jsonl").write_bytes(b"\n".join([GOOD, bad, GOOD, b"[", GOOD]))
    found = figures(TOOL.ask(files=[str(tmp_path / "mine.jsonl")]))
    first, second = found["errors"]["first"]
    position = bad.index(b"\xe9") + 1
    assert (first["line"], first["what"]) == (
        "2",
        f"byte 0xe9 at position {position} of the line is not UTF-8",
    )
    assert second["line"] == "4"
    assert found["data"]["records"] == 5


def test_one_list_over_many_lines_is_told_what_it_is(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps([{"messages": json.loads(GOOD)}] * 3, indent=1))
    report = TOOL.ask(files=[str(tmp_path / "mine.json")])
    assert not report.ok
    assert any("a file that is one list over many lines" in note for note in report.notes)


def test_a_line_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 100)
    (tmp_path / "mine.jsonl").write_bytes(b"\n".join([GOOD, b"[" * 1_000, GOOD]))
    found = figures(TOOL.ask(files=[str(tmp_path / "mine.jsonl")]))
    assert [(one["line"], one["kind"]) for one in found["errors"]["first"]] == [("2", "line too long")]
    assert found["data"]["good"] == 2


# ---- the faces give the same figures, from files and pipes, fast and slow ----


def test_bare_python_and_every_way_in_give_the_same_figures(tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(b"\n".join([GOOD, GOOD[1:], GOOD.replace(b"4", b"four")]))
    expected = figures(TOOL.ask(files=[str(tmp_path / "mine.jsonl")]))
    ways = [
        "TOOL mine.jsonl",
        "TOOL - < mine.jsonl",
        "cat mine.jsonl | TOOL -",
        "TOOL <(cat mine.jsonl)",
        "TOOL .",
    ]
    for way in ways:
        done = shell(f"{way} --json", tmp_path)
        assert json.loads(done.stdout)["sections"] == json.loads(json.dumps(expected)), way
    saved = shell("cat mine.jsonl | TOOL - --csv all.csv > report.txt", tmp_path)
    assert saved.returncode == 1
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 2
    assert "not JSON" in (tmp_path / "report.txt").read_text()


def test_the_examples_of_the_help_run(tmp_path):
    (tmp_path / "mine.jsonl").write_bytes(GOOD)
    (tmp_path / "documents.jsonl").write_text('{"body": "Once upon a time."}\n')
    codes = {arguments: shell(f"TOOL {arguments}", tmp_path).returncode for arguments, _ in TOOL.examples}
    assert codes == {arguments: int("faulty" in arguments) for arguments, _ in TOOL.examples}


def test_a_report_fits_80_columns(tmp_path):
    done = shell("TOOL --example faulty", tmp_path)
    assert max(map(len, done.stdout.splitlines())) <= 80


# ---- documents, parquet, plain text ----


def test_parquet_of_conversations_and_of_documents(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    chat = json.loads(GOOD)
    rows = [chat, [*chat, chat[0]], [{"role": "user", "content": None}, chat[1]]]
    pq.write_table(pa.table({"messages": rows, "source": ["a", "b", "c"]}), tmp_path / "chats.parquet")
    found = figures(TOOL.ask(files=[str(tmp_path / "chats.parquet")]))
    assert [(one["line"], one["kind"]) for one in found["errors"]["first"]] == [
        ("2", "no reply"), ("3", "wrong type"),
    ]  # fmt: skip
    write_shard(tmp_path / "shard.parquet", ["Once upon a time.", "", "once upon  a time"])
    found = figures(TOOL.ask(files=[str(tmp_path / "shard.parquet")]))
    assert (found["data"]["good"], found["duplicates"]["near"]) == (3, 1)
    assert found["lengths"]["longest"] == 1 + len(sample_tokenizer().encode("once upon  a time"))


def test_a_parquet_file_without_the_column_or_damaged(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"body": ["x"], "title": ["y"]}), tmp_path / "a.parquet")
    with pytest.raises(
        ToolError, match=r"no column 'messages' and none 'text'; it has: body, title; .*--field"
    ):
        TOOL.ask(files=[str(tmp_path / "a.parquet")])
    assert TOOL.ask(files=[str(tmp_path / "a.parquet")], field="body").ok
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    with pytest.raises(ToolError, match=r"a\.parquet is not a readable parquet file"):
        TOOL.ask(files=[str(tmp_path / "a.parquet")], field="body")


def test_a_plain_text_is_read_in_pieces_with_the_lines_of_what_is_odd(tmp_path):
    text = sample_text()
    place = text.index("\n", 30_000) + 1
    (tmp_path / "book.txt").write_text(text[:place] + "write to ada@example.com\n" + text[place:], "utf-8")
    found = figures(TOOL.ask(files=[str(tmp_path / "book.txt")], sequence_length=512))
    assert 8 <= found["data"]["records"] <= 16
    [warning] = found["warnings"]["first"]
    assert (warning["line"], warning["kind"]) == (str(text.count("\n", 0, place) + 1), "e-mail address")
    exact = len(sample_tokenizer().encode(text))
    assert abs(found["lengths"]["tokens"] / exact - 1) < 0.01


def test_a_bad_line_of_a_plain_text_moves_no_other(tmp_path):
    lines = [b"Once upon a time."] * 30
    lines[9], lines[19] = b"caf\xe9", b"to ada@example.com"
    (tmp_path / "book.txt").write_bytes(b"\n".join(lines))
    found = figures(TOOL.ask(files=[str(tmp_path / "book.txt")]))
    assert [one["line"] for one in found["errors"]["first"]] == ["10"]
    assert [one["line"] for one in found["warnings"]["first"]] == ["20"]


def test_findings_have_one_order_in_every_process(tmp_path):
    odd = "".join(map(chr, [0xE001, 0xE002, 0xE003, 0x200B, 0x2060, 0x202E, 0x378, 0x379]))
    (tmp_path / "mine.txt").write_text(odd, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "mine.txt"), "--json"]
    said = {
        subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1


def test_a_missing_field_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"body": "y"}\n')
    found = figures(TOOL.ask(files=[str(tmp_path / "a.jsonl")]))
    assert found["errors"]["first"][0]["what"] == "no field 'text'; it has 'body'"


# ---- files of any size ----


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much memory was used")
def test_memory_stays_where_it_is_for_a_larger_file(tmp_path):
    chance = random.Random(1)
    words = sample_text().split()
    with (tmp_path / "large.jsonl").open("w", encoding="utf-8") as file:
        for _ in range(12_000):
            said = " ".join(chance.choices(words, k=120))
            file.write(
                json.dumps([{"role": "user", "content": "?"}, {"role": "assistant", "content": said}]) + "\n"
            )
    # VmHWM is this process's own; ru_maxrss begins with that of the process it was forked from.
    program = (
        "import sys; from tools.core.command import main; from tools.dataset_inspector import TOOL\n"
        "code = main(TOOL, sys.argv[1:])\n"
        "used = open('/proc/self/status').read().split('VmHWM:')[1].split()[0]\n"
        "print(code, int(used) // 1024, file=sys.stderr)"
    )
    peaks = []
    for path in ("large.jsonl", "small.jsonl"):
        (tmp_path / "small.jsonl").write_bytes(GOOD)
        command = [sys.executable, "-c", program, str(tmp_path / path), "--every", "100"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=SCRIPT.parents[1],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        code, peak = map(int, done.stderr.split())
        assert code == 0
        peaks.append(peak)
    assert (tmp_path / "large.jsonl").stat().st_size > 7_000_000
    # 12,000 records × 40 bytes, the buffers, and the pieces whose tokens are remembered.
    assert peaks[0] - peaks[1] < 12
    assert peaks[0] < 100


# ---- odd characters and personal data ----


@given(digits=st.text("0123456789", min_size=11, max_size=18), at=st.integers(0, 17), by=st.integers(1, 9))
def test_luhn_finds_every_single_wrong_digit(digits, at, by):
    check = next(one for one in "0123456789" if luhn(digits + one))
    number = digits + check
    at %= len(number)
    wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert luhn(number)
    assert not luhn(wrong)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("mail ada.lovelace+x@mail.example.co.uk!", {EMAIL}),
        ("call +1 (212) 555-0187 or (212) 555-0187, 212-555-0187", {PHONE}),
        ("+49 (0)30 901820", {PHONE}),
        ("card 378282246310005", {CARD}),
        ("5555-5555-5555-4444", {CARD}),
        ("ping 192.168.1.20", {IP}),
        ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", {IP}),
        ("4111111111111112 is no card: the check digit is wrong", set()),
        ("9999999999999995 begins like no card", set()),
        ("version 1.2.3.4.5 of 300.1.2.3", set()),
        ("at 12:30:05, x[1::2], std::vector, ratio 1:2:3", set()),
        ("37 * 12 = 444, 3.14159265358979, 2026-11-26, $1,000,000", set()),
        ("@decorator, user@host, a@b", set()),
        ("localhost is 127.0.0.1", set()),
    ],
)
def test_what_looks_personal(text, kinds):
    assert set(personal_data(text)) == kinds


@given(st.from_regex(r"[a-z][a-z0-9.]{2,10}[a-z]@[a-z]{2,8}\.(?:com|org)", fullmatch=True))
def test_a_report_never_holds_the_address(address):
    [shown] = personal_data(f"to {address} now")[EMAIL]
    assert address not in shown


def test_cards_need_a_network():
    assert is_card("4012888888881881")
    assert not is_card("1" + "0" * 15)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Naïve café — “quoted” … 中文 العربية हिन्दी 👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 é", set()),
        ("می‌خواهم", set()),  # a non-joiner that Persian needs
        ("à «\xa0oui\xa0»", set()),
        ("tab\tline\n", set()),
        ("\x00\x1b[31m", {characters.CONTROL}),
        ("Ã¤Ã¶Ã¼", {characters.MOJIBAKE}),
        ("ab\u200dcd\ufeff", {characters.ZERO_WIDTH}),
        ("\u202eabc", {characters.BIDI}),
        ("\uf8ff", {characters.PRIVATE}),
        ("\ufdd0\U0005ffff", {characters.UNASSIGNED}),
        ("\ufffd", {characters.REPLACEMENT}),
    ],
)
def test_odd_characters(text, kinds):
    assert set(characters.odd_characters(text)) == kinds


@given(st.characters(min_codepoint=0xA1, exclude_categories=["Cs", "Co", "Cn", "Cc"]))
def test_what_utf8_read_as_windows_1252_makes_of_a_character_is_known(character):
    try:
        broken = character.encode().decode("cp1252")
    except UnicodeDecodeError:
        return
    if "\xa0" in broken[:2] and len(broken) > 2:
        return  # could be French
    assert characters.repaired(broken) == character
    assert characters.MOJIBAKE in characters.odd_characters(f"a {broken} b")


def test_newer_characters_are_assigned_on_every_python():
    newer = characters._since_unicode_14()
    assert len(newer) == 10_301
    if unicodedata.unidata_version == "14.0.0":
        assert all(unicodedata.category(chr(one)) == "Cn" for one in newer)
    assert characters.odd_characters("".join(map(chr, sorted(newer)))) == {}
