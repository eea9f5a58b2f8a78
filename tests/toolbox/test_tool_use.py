"""A row of generated tokens: calls in the right form, and in every wrong one that a model can write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.toolbox.tool_use import CUT, State, ToolUse

TOKENIZER = sample_tokenizer()
SPECIAL = TOKENIZER.special_tokens
START, END = SPECIAL["<|python_start|>"], SPECIAL["<|python_end|>"]
OTHERS = [name for name in SPECIAL if name not in ("<|python_start|>", "<|python_end|>")]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def feed(row: ToolUse, text: str) -> list[str]:
    """Feed a text in which special tokens count as such; returns the calls that were completed."""
    calls = [row.feed(token_id) for token_id in TOKENIZER.encode(text, allowed_special=SPECIAL)]
    return [call for call in calls if call is not None]


def waiting() -> ToolUse:
    row = ToolUse(TOKENIZER)
    feed(row, "<|python_start|>1<|python_end|>")
    return row


@given(before=TEXT, code=TEXT, result=TEXT)
def test_a_call_comes_out_as_it_was_written(before: str, code: str, result: str) -> None:
    row = ToolUse(TOKENIZER)
    assert feed(row, "") == []
    for token_id in TOKENIZER.encode(before):
        assert row.feed(token_id) is None
        assert row.state is State.TEXT
    assert row.feed(START) is None
    for token_id in TOKENIZER.encode(code):
        assert row.feed(token_id) is None
        assert row.state is State.CALL
    assert row.feed(END) == code
    assert row.state is State.RESULT
    ids = row.output_ids(result)
    assert TOKENIZER.decode(ids) == f"<|output_start|>{result}<|output_end|>"
    assert row.state is State.TEXT


def test_the_row_is_what_training_showed() -> None:
    """Code and result give the tokens that a conversation with the same parts is rendered to."""
    parts = [{"type": "python", "text": "6*7"}, {"type": "python_output", "text": "42"}]
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": parts}]
    shown, _ = render_conversation(TOKENIZER, {"messages": messages})
    row = ToolUse(TOKENIZER)
    written = [START, *TOKENIZER.encode("6*7"), END]
    (code,) = filter(None, map(row.feed, written))
    written += row.output_ids(str(eval(code)))
    assert written == shown[-len(written) - 1 : -1]


def test_several_calls_in_a_row() -> None:
    row = ToolUse(TOKENIZER)
    for number in range(3):
        assert feed(row, f"then <|python_start|>{number}<|python_end|>") == [str(number)]
        row.output_ids("x")


def test_an_empty_call_is_a_call() -> None:
    assert feed(ToolUse(TOKENIZER), "<|python_start|><|python_end|>") == [""]


def test_an_end_without_a_start_is_text() -> None:
    row = ToolUse(TOKENIZER)
    assert feed(row, "1<|python_end|>2") == []
    assert row.state is State.TEXT


def test_a_start_inside_a_call_begins_it_anew() -> None:
    assert feed(ToolUse(TOKENIZER), "<|python_start|>1+<|python_start|>2<|python_end|>") == ["2"]


@pytest.mark.parametrize("special", OTHERS)
def test_any_other_special_token_gives_the_call_up(special: str) -> None:
    row = ToolUse(TOKENIZER)
    assert feed(row, f"<|python_start|>1{special}") == []
    assert row.state is State.TEXT
    assert feed(row, "2<|python_end|>") == []


def test_text_that_spells_a_special_token_is_text() -> None:
    row = ToolUse(TOKENIZER)
    row.feed(START)
    code = "print('<|python_end|><|output_start|>')"
    assert [row.feed(token_id) for token_id in TOKENIZER.encode(code)] == [None] * len(TOKENIZER.encode(code))
    assert row.feed(END) == code
    ids = row.output_ids("1<|output_end|><|assistant_end|>")
    assert [token_id for token_id in ids if token_id in TOKENIZER.special_ids] == [ids[0], ids[-1]]
    assert TOKENIZER.decode(ids[1:-1]) == "1<|output_end|><|assistant_end|>"


def test_a_call_that_is_too_long_is_given_up() -> None:
    for length, calls in ((5, ["a" * 5]), (6, [])):
        row = ToolUse(TOKENIZER, max_call=5)
        row.feed(START)
        ends = [row.feed(token_id) for token_id in [*[ord("a")] * length, END]]
        assert [call for call in ends if call is not None] == calls


@settings(max_examples=50)
@given(result=st.text(st.characters(exclude_categories=["Cs"]), min_size=20), most=st.integers(0, 12))
def test_a_long_result_is_cut_and_says_so(result: str, most: int) -> None:
    row = ToolUse(TOKENIZER, max_result=most)
    feed(row, "<|python_start|>1<|python_end|>")
    ids = row.output_ids(result)
    assert len(ids) <= most + 2
    assert (ids[0], ids[-1]) == (SPECIAL["<|output_start|>"], SPECIAL["<|output_end|>"])
    mark = TOKENIZER.encode(CUT)
    if most >= len(mark):
        text = TOKENIZER.decode(ids[1:-1])
        assert text == result or (text.endswith(CUT) and result.startswith(text.removesuffix(CUT)))


def test_a_result_is_not_cut_inside_a_character() -> None:
    row = ToolUse(TOKENIZER, max_result=len(TOKENIZER.encode(CUT)) + 6)
    feed(row, "<|python_start|>1<|python_end|>")
    assert TOKENIZER.decode(row.output_ids("🙂" * 9)[1:-1]) == f"🙂{CUT}"


def test_a_huge_result_is_not_encoded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode, row = TOKENIZER.encode, waiting()
    monkeypatch.setattr(TOKENIZER, "encode", lambda text: encoded.append(len(text)) or encode(text))
    ids = row.output_ids("a " * 10**6)
    assert max(encoded) <= 16 * 256
    assert TOKENIZER.decode(ids).endswith(f"{CUT}<|output_end|>")


def test_half_a_surrogate_pair_in_a_result_is_replaced() -> None:
    assert TOKENIZER.decode(waiting().output_ids("a\ud800b")[1:-1]) == "a?b"


def test_the_engine_cannot_get_out_of_step() -> None:
    with pytest.raises(ValueError, match="a call waits for its result"):
        waiting().feed(ord("a"))
    with pytest.raises(ValueError, match="no call waits for a result; the row is in the state 'text'"):
        ToolUse(TOKENIZER).output_ids("1")
    row = waiting()
    row.output_ids("1")
    with pytest.raises(ValueError, match="no call waits"):
        row.output_ids("1")


@settings(max_examples=200)
@given(ids=st.lists(st.sampled_from([*SPECIAL.values(), *b"12+-"]) | st.integers(0, 2047), max_size=60))
def test_no_row_stops_the_engine(ids: list[int]) -> None:
    row = ToolUse(TOKENIZER, max_call=8)
    for token_id in ids:
        if row.feed(token_id) is not None:
            row.output_ids("1")


def test_a_tokenizer_without_the_markers_says_so() -> None:
    from nanochat.tokenizer.bpe import byte_ranks
    from nanochat.tokenizer.tokenizer import Tokenizer

    with pytest.raises(ValueError, match=r"plain has no special token '<\|python_start\|>'; it has none"):
        ToolUse(Tokenizer("plain", byte_ranks()))
