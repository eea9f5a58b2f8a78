"""The tokenizer playground: its sections, its command line, its page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer import ranks, tokenizer
from nanochat.tokenizer.bpe import ranks_of, train
from nanochat.tokenizer.tokenizer import (
    published_tokenizer,
    sample_text,
    sample_tokenizer,
    with_chat_specials,
)
from tools.core import given as given_files
from tools.core import page
from tools.core.json_report import figures
from tools.tokenizer_playground import TOOL

SCRIPT = Path(__file__).parents[2] / "tools" / "tokenizer_playground.py"
CHAT = '{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}'


def ask(**values) -> dict[str, dict]:
    """The report's figures for parameters given by name."""
    return figures(TOOL.ask(**values))


def command(*arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the tool as a reader does: by its path, with a bare Python."""
    return subprocess.run([sys.executable, "-I", str(SCRIPT), *arguments], input=text, capture_output=True)


@pytest.fixture(scope="module")
def gpt2_file() -> Path:
    """The published rank file of GPT-2, wherever it lies here."""
    return ranks.find("gpt2")


@pytest.fixture
def no_ranks(tmp_path, monkeypatch):
    """A place without the published rank files."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    monkeypatch.setattr(ranks, "SITE_PACKAGES", tmp_path)
    monkeypatch.setattr(ranks, "_provided", {})
    monkeypatch.setattr(given_files, "GIVEN", {})
    ranks.published.cache_clear()
    tokenizer.published_tokenizer.cache_clear()
    yield
    ranks.published.cache_clear()
    tokenizer.published_tokenizer.cache_clear()


# ---- the tokens of a text ----


@pytest.mark.parametrize(
    ("name", "ids"), [("gpt2", [15496, 995]), ("cl100k_base", [9906, 1917]), ("o200k_base", [13225, 2375])]
)
def test_hello_world(name, ids):
    report = ask(text="Hello world", tokenizer=name)
    assert [row["id"] for row in report["table"]["tokens"]] == ids
    assert report["text"]["ids"] == str(ids)
    assert [row["bytes"] for row in report["table"]["tokens"]] == ["48 65 6c 6c 6f", "20 77 6f 72 6c 64"]


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60))
def test_the_table_holds_every_byte(text):
    report = ask(text=text, rows=1000)
    table = report["table"]["tokens"]
    assert b"".join(bytes.fromhex(row["bytes"]) for row in table) == text.encode()
    assert [row["id"] for row in table] == sample_tokenizer().encode(text)
    assert report["text"]["n_tokens"] == len(table)
    assert report["text"]["bytes"] == len(text.encode())


def test_a_token_that_is_part_of_a_character_says_which():
    table = ask(text="é", tokenizer="nanochat")["table"]["tokens"]
    assert [(row["bytes"], row["kind"]) for row in table] == [
        ("c3", "byte 1 of 2 of é"),
        ("a9", "byte 2 of 2 of é"),
    ]
    gpt2 = ask(text="𒀀", tokenizer="gpt2")["table"]["tokens"]
    assert [row["kind"] for row in gpt2] == [f"byte {place} of 4 of 𒀀" for place in (1, 2, 3, 4)]
    thai = ask(text="ก", tokenizer="gpt2")["table"]["tokens"]
    assert [row["kind"] for row in thai] == ["bytes 1-2 of 3 of ก", "byte 3 of 3 of ก"]


def test_kinds():
    table = ask(text="Tokenizers it's 2026!? \n\n", tokenizer="cl100k_base")["table"]["tokens"]
    assert [(row["token"], row["kind"]) for row in table] == [
        ("Token", "word start"),
        ("izers", "word end"),
        (" it", "word"),
        ("'s", "letters and punctuation"),
        (" ", "white space"),
        ("202", "digits"),
        ("6", "digits"),
        ("!?", "punctuation"),
        (" \n\n", "line break"),
    ]


def test_an_empty_text_has_no_tokens():
    report = ask(text="")
    assert report["text"]["n_tokens"] == 0
    assert report["table"]["tokens"] == []


def test_special_tokens_only_when_asked():
    assert ask(text="<|bos|>")["text"]["n_tokens"] > 1
    special = ask(text="<|bos|>a", special=True)["table"]["tokens"]
    assert [row["kind"] for row in special] == ["special", "word"]


def test_long_output_is_cut_and_says_so():
    report = TOOL.ask(text="word " * 200, rows=10, colored=20)
    found = figures(report)
    assert len(found["table"]["tokens"]) == 10
    assert len(found["text"]["tokens"]) == 20
    said = [block.text for section in report.sections for block in section.blocks if hasattr(block, "text")]
    assert any("Only the first 10 rows of" in text and "--rows shows more" in text for text in said)


# ---- comparisons, merges, training ----


def test_tokenizers_and_texts_side_by_side():
    rows = ask(text="Hello world", second_text="Hallo Welt", compare=["gpt2", "nanochat"])["side_by_side"][
        "comparison"
    ]
    assert [(row["text"], row["tokenizer"]) for row in rows] == [
        ("Text", "nanochat"), ("Text", "gpt2"), ("Second text", "nanochat"), ("Second text", "gpt2"),
    ]  # fmt: skip
    assert rows[1]["tokens"] == 2
    assert rows[3]["tokens"] == len(published_tokenizer("gpt2").encode("Hallo Welt"))


def test_the_last_step_of_a_word_shows_its_tokens():
    steps = ask(word="tokenization", tokenizer="gpt2")["merges"]["piece_1"]
    assert steps[0]["parts"] == " │ ".join("tokenization")
    assert steps[-1]["parts"] == "token │ ization"
    assert steps[-1]["id"] is None
    assert all(step["candidates"] >= 1 for step in steps[:-1])


def test_a_word_of_several_pieces_shows_each():
    merges = ask(word="don't stop")["merges"]
    assert list(merges) == ["piece_1", "piece_2", "piece_3"]


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("abc d\n"), min_size=2, max_size=80), n_merges=st.integers(1, 30))
def test_the_chart_of_a_training_counts_tokens(text, n_merges):
    merges = train(text, n_merges)
    if not merges:
        return
    training = ask(text=text, train=n_merges, rows=1000)["training"]
    for place, length in training["text_length"]["tokens"]:
        cut = with_chat_specials("cut", ranks_of(merges[: int(place)]))
        assert length == len(cut.encode(text))
    assert [row["id"] for row in training["learned"]] == [merge.token for merge in merges]


def test_training_on_too_short_a_text_is_refused():
    answer = page.answer_for(TOOL, {"text": "a", "train": "3"})
    assert answer["error"].startswith("the text is too short to learn a merge from")


# ---- chat and vocabulary ----


def test_the_training_mask_of_a_chat():
    chat = ask(chat=CHAT)["chat"]
    assert (chat["tokens"], chat["learned"]) == (10, 2)
    assert [(row["mask"], row["text"]) for row in chat["mask"]] == [
        (0, "<|bos|><|user_start|>2+2?<|user_end|><|assistant_start|>"),
        (1, "4<|assistant_end|>"),
    ]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"chat": "{"}, "is not JSON: Expecting property name"),
        ({"chat": "[]"}, "this one has no list of messages"),
        ({"chat": "[" * 100_000}, "is not JSON"),
        ({"chat": CHAT, "tokenizer": "gpt2"}, "needs a tokenizer with chat tokens, and gpt2 has none"),
        ({"chat": '{"messages": [{"role": "user", "content": 1}]}'}, "message 1: the content is int"),
        ({"tokenizer": "gpt9"}, "gpt9"),
        ({"rows": "0"}, "Rows must be at least 1"),
    ],
)
def test_errors_are_one_clear_line(query, error):
    answer = page.answer_for(TOOL, query)
    assert error in answer["error"]
    assert "\n" not in answer["error"]


def test_the_vocabulary_adds_up():
    report = ask(vocabulary=True, tokenizer="gpt2")
    vocabulary = report["vocabulary"]
    assert (vocabulary["ids"], vocabulary["merged"], vocabulary["special"]) == (50257, 50000, 1)
    assert sum(vocabulary["lengths"].values()) == sum(vocabulary["kinds"].values()) == 50256
    assert report["special_tokens"]["special"] == [
        {"token": "<|endoftext|>", "id": 50256, "purpose": "a document ends"}
    ]


# ---- files ----


def test_a_file_is_streamed_and_counted_whole(tmp_path):
    path = tmp_path / "long.txt"
    text = sample_text() * 50
    path.write_text(text, encoding="utf-8")
    report = ask(file=str(path), rows=5, colored=5)
    assert report["text"]["n_tokens"] == len(sample_tokenizer().encode(text))
    assert report["text"]["characters"] == len(text)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"caf\xe9 au lait", "is not UTF-8 text: byte 0xe9 at position 3"),
        (b"a" * (1 << 20) + "é".encode()[:1], "is not UTF-8 text: byte 0xc3 at position 1,048,576"),
        (b"\x7fELF\0\0", "holds zero bytes, so it is no text file"),
    ],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, error):
    (tmp_path / "file.txt").write_bytes(content)
    ran = command("--file", str(tmp_path / "file.txt"))
    assert ran.returncode == 1
    assert ran.stdout == b""
    assert error in ran.stderr.decode()
    assert ran.stderr.count(b"\n") == 1


def test_a_saved_tokenizer_takes_the_place_of_the_sample(tmp_path):
    with_chat_specials("mine", ranks_of(train("low lower lowest", 3))).save(tmp_path)
    report = ask(text="low", ranks=str(tmp_path / "tokenizer.tiktoken"), vocabulary=True)
    assert [row["id"] for row in report["table"]["tokens"]] == [257]
    assert report["vocabulary"]["ids"] == 268


def test_a_published_rank_file_can_be_named(gpt2_file, no_ranks):
    assert ask(text="Hello world", tokenizer="gpt2", ranks=str(gpt2_file))["text"]["ids"] == "[15496, 995]"


def test_a_damaged_rank_file_is_refused(tmp_path):
    (tmp_path / "bad.tiktoken").write_bytes(b"IQ== 0\nbad\n")
    answer = command("--ranks", str(tmp_path / "bad.tiktoken"))
    assert (answer.returncode, answer.stdout) == (1, b"")
    assert b"bad.tiktoken, line 2: 'bad' is not `base64 rank`" in answer.stderr


# ---- command line and page ----


def test_the_command_on_bare_python():
    ran = command("--text", "Hello world")
    assert ran.returncode == 0, ran.stderr.decode()
    assert "Hell" not in ran.stderr.decode()
    assert "48" in ran.stdout.decode()


def test_standard_input_and_json():
    ran = command("--file", "-", "--json", text="naïve".encode())
    assert ran.returncode == 0, ran.stderr.decode()
    assert json.loads(ran.stdout)["sections"]["text"]["characters"] == 5


@pytest.mark.parametrize(
    "arguments", [["--rows", "x"], ["--tokenizer", "gpt9"], ["--file", "/no/such/file"], ["--bogus"]]
)
def test_wrong_usage_is_one_line_and_code_2(arguments):
    ran = command(*arguments)
    assert (ran.returncode, ran.stdout, ran.stderr.count(b"\n")) == (2, b"", 1)


def test_help_shows_examples():
    ran = command("--help")
    assert ran.returncode == 0
    assert b"--word tokenization" in ran.stdout


def test_without_rank_files_one_line_says_how_to_get_them(no_ranks):
    answer = page.answer_for(TOOL, {"tokenizer": "gpt2"})
    assert answer["needs"] == ["assets/ranks/r50k_base.tiktoken"]
    assert "run `make site`" in answer["error"]
    assert page.answer_for(TOOL, {})["error"] is None


def test_a_page_puts_the_file_and_asks_again(gpt2_file, no_ranks):
    page.put_file("assets/ranks/r50k_base.tiktoken", gpt2_file.read_bytes())
    answer = page.answer_for(TOOL, {"tokenizer": "gpt2", "text": "Hello world"})
    assert (answer["needs"], answer["error"]) == ([], None)
    assert "15496" in answer["html"]


def test_half_a_surrogate_pair_is_refused_in_one_line():
    assert "half of a surrogate pair" in page.answer_for(TOOL, {"text": "a\ud800"})["error"]


def test_markup_in_a_text_stays_text():
    html = page.answer_for(TOOL, {"text": "<script>alert(1)</script>", "word": "<b>"})["html"]
    assert "<script" not in html
    assert "<b>" not in html


def test_a_published_file_given_as_ones_own_is_said_to_be_what_it_is(gpt2_file):
    notes = TOOL.ask(ranks=str(gpt2_file)).notes
    assert "is the vocabulary of gpt2: choose that tokenizer to see it" in notes[0]
