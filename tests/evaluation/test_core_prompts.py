"""How CORE asks: text by hand, and the tokens that count, whatever a tokenizer merges."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.evaluation.core_prompts import (
    FIELDS,
    Prompt,
    common_beginning,
    cropped,
    fault_of,
    order,
    prompts_of,
    render,
    shots_for,
)
from nanochat.tokenizer.tokenizer import sample_tokenizer, with_chat_specials

TOKENIZER = sample_tokenizer()
BYTES = with_chat_specials("bytes", {bytes([value]): value for value in range(256)})


def choices(query: str, *texts: str, gold: int = 0) -> dict[str, object]:
    return {"query": query, "choices": list(texts), "gold": gold}


def counting_texts(kind: str, item: object, delimiter: str = " ", context: int = 512) -> list[str]:
    """The text of the tokens that count in each prompt."""
    prompts = prompts_of(kind, item, [], delimiter, TOKENIZER, context)
    assert all(1 <= one.start < len(one.ids) for one in prompts)
    return [TOKENIZER.decode(one.ids[one.start :]) for one in prompts]


# ---- text ----


def test_multiple_choice_as_it_is_written() -> None:
    shots = [choices("Q: one?", "a", "b", gold=1), choices("Q: two?", "c", "d")]
    assert render("multiple_choice", choices("Q: three?", "e", "f"), shots, "\nA: ") == [
        "Q: one?\nA: b\n\nQ: two?\nA: c\n\nQ: three?\nA: e",
        "Q: one?\nA: b\n\nQ: two?\nA: c\n\nQ: three?\nA: f",
    ]


def test_schema_as_it_is_written() -> None:
    def schema(end: str, gold: int) -> dict[str, object]:
        return {
            "context_options": ["Ann saw Eve as Ann", "Ann saw Eve as Eve"],
            "gold": gold,
            "continuation": end,
        }

    assert render("schema", schema("ran.", 0), [schema("sat.", 1)], " ") == [
        "Ann saw Eve as Eve sat.\n\nAnn saw Eve as Ann ran.",
        "Ann saw Eve as Eve sat.\n\nAnn saw Eve as Eve ran.",
    ]


def test_language_modelling_as_it_is_written() -> None:
    """White space around contexts goes; that in front of the answer belongs to the answer."""
    shot = {"context": " One, two, \n", "continuation": "three"}
    item = {"context": "Two, three, ", "continuation": "four"}
    assert render("language_modeling", item, [shot], " ") == [
        "One, two, three\n\nTwo, three,",
        "One, two, three\n\nTwo, three, four",
    ]


# ---- tokens ----


def test_a_space_that_is_merged_with_the_answer_counts_with_it() -> None:
    assert TOKENIZER.encode("is red")[-1] == TOKENIZER.encode(" red")[0]  # one token
    assert counting_texts("multiple_choice", choices("It is", "red", "white")) == [" red", " white"]
    assert counting_texts("language_modeling", {"context": "It is ", "continuation": "red"}) == [" red"]


def test_choices_that_begin_alike_count_from_where_they_part() -> None:
    assert counting_texts("multiple_choice", choices("It is", "dark red", "dark green")) == [" red", " green"]
    # In text they have ` in a` in common; in tokens only ` in`, since ` an` is one token.
    assert counting_texts("multiple_choice", choices("It is", "in a", "in an")) == [" a", " an"]


def test_a_choice_that_is_the_beginning_of_another_has_a_token_that_counts() -> None:
    """Else there would be nothing to take the mean of."""
    assert counting_texts("multiple_choice", choices("It is", "red", "red wine")) == [" red", " red wine"]
    assert counting_texts("multiple_choice", choices("It is", "red", "red")) == [" red", " red"]


def test_of_contexts_all_that_they_end_in_counts() -> None:
    item = {"context_options": ["Then he", "Then she"], "continuation": "sings.", "gold": 0}
    assert counting_texts("schema", item) == [" sings."] * 2
    same_end = {"context_options": ["He was sad", "She was sad"], "continuation": "then.", "gold": 0}
    assert counting_texts("schema", same_end) == [" was sad then."] * 2
    alike = {"context_options": ["He", "He"], "continuation": "sat", "gold": 0}
    assert len(set(counting_texts("schema", alike))) == 1
    # `in` and `on` are tokens: without a delimiter the two have not even the last one in common.
    melted = {"context_options": ["i", "o"], "continuation": "n", "gold": 0}
    assert counting_texts("schema", melted, "") == ["in", "on"]
    longer = {"context_options": ["he", "she and he"], "continuation": "sat", "gold": 0}
    assert counting_texts("schema", longer)[0].endswith(" sat")


def test_an_answer_that_melts_into_what_stands_before_it() -> None:
    """Without a delimiter `no` and `thing` are other tokens together: what changes, counts."""
    without, whole = TOKENIZER.encode("no"), TOKENIZER.encode("nothing")
    assert whole[: len(without)] != without
    assert counting_texts("language_modeling", {"context": "no", "continuation": "thing"}, "") == ["nothing"]


texts = st.text(st.sampled_from("ab no thing. \n"), max_size=12)


@given(texts, st.lists(texts, min_size=1, max_size=4), texts, st.sampled_from([" ", "\nAnswer: ", ""]))
def test_every_prompt_has_tokens_that_count_and_they_are_the_text(query, options, end, delimiter) -> None:
    items = {
        "multiple_choice": choices(query + "?", *(f"{one}." for one in options)),
        "schema": {"context_options": [f"{one}." for one in options], "continuation": f"{end}!", "gold": 0},
        "language_modeling": {"context": query, "continuation": f"{end}!"},
    }
    for kind, item in items.items():
        assert fault_of(kind, item) == ""
        for tokenizer in (TOKENIZER, BYTES):
            written = render(kind, item, [item, item], delimiter)
            prompts = prompts_of(kind, item, [item, item], delimiter, tokenizer, 4_096)
            for prompt, text in zip(prompts, written[-len(prompts) :], strict=True):
                assert prompt.ids[0] == tokenizer.special_id("<|bos|>")
                assert tokenizer.decode(prompt.ids[1:]) == text
                assert 1 <= prompt.start < len(prompt.ids)
            counted = [prompt.ids[prompt.start :] for prompt in prompts]
            before = [prompt.ids[: prompt.start] for prompt in prompts]
            if kind == "multiple_choice":
                assert len(set(before)) == 1
            if kind == "schema":
                assert len(set(counted)) == 1


@given(st.lists(st.integers(0, 3), min_size=2, max_size=20), st.integers(2, 20), st.data())
def test_a_prompt_is_cut_from_the_left(ids, context, data) -> None:
    start = data.draw(st.integers(1, len(ids) - 1))
    found = cropped(Prompt(tuple(ids), start), context)
    assert found.ids == tuple(ids[-context:])
    assert 1 <= found.start < len(found.ids)
    if start > len(ids) - context:
        assert found.ids[found.start :] == tuple(ids[start:])


@given(st.lists(st.lists(st.integers(0, 1), min_size=1), min_size=1, max_size=4))
def test_the_common_beginning_is_the_longest(rows) -> None:
    length = common_beginning(rows)
    assert len({tuple(row[:length]) for row in rows}) == 1
    assert length == min(map(len, rows)) or len({row[length] for row in rows}) > 1


# ---- which examples ----


@given(st.integers(2, 300), st.integers(0, 12), st.data())
def test_shots_are_drawn_as_from_a_list_of_all_others(total, count, data) -> None:
    number = data.draw(st.integers(0, total - 1))
    others = [one for one in range(total) if one != number]
    expected = random.Random(1234 + number).sample(others, min(count, len(others)))
    assert shots_for(number, total, count) == expected


def test_the_order_is_that_of_a_shuffled_list() -> None:
    examples = [f"example {number}" for number in range(100)]
    shuffled = list(examples)
    random.Random(1337).shuffle(shuffled)
    assert [examples[number] for number in order(100)] == shuffled


# ---- faults ----


@pytest.mark.parametrize(
    ("kind", "changes", "fault"),
    [
        ("multiple_choice", {"gold": True}, "'gold' is of the type bool"),
        ("multiple_choice", {"gold": -1}, "gold is -1, and there is only 2 to choose from"),
        ("multiple_choice", {"choices": "ab"}, "'choices' is of the type str"),
        ("multiple_choice", {"choices": [None]}, "what there is to choose from are no texts"),
        ("schema", {"context_options": []}, "gold is 0, and there is only 0 to choose from"),
        ("language_modeling", {"continuation": " "}, "the continuation is empty"),
    ],
)
def test_a_damaged_example_is_named(kind, changes, fault) -> None:
    good = {"query": "", "choices": ["a", "b"], "gold": 0, "context_options": ["a", "b"], "context": ""}
    item = {**good, "continuation": "c"}
    assert all(fault_of(one, item) == "" for one in FIELDS)
    assert fault_of(kind, {**item, **changes}) == fault
    assert fault_of(kind, [item]) == "it is no object"
