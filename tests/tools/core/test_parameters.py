from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core.demo_tool import Demo
from tools.core.errors import ToolError, UsageError
from tools.core.parameters import Parameter, build, from_query, integer, number, parameters_of, to_query
from tools.core.parsing import parse, write

WHOLE = Parameter("integer", 1, "a count", name="count")
REAL = Parameter("number", 1.0, "a size", name="size")
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
ANYTHING = ANY_TEXT | st.integers() | st.floats() | st.none() | st.lists(st.text())


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("12", 12),
        ("+12", 12),
        ("-3", -3),
        ("10B", 10**10),
        ("1.5k", 1500),
        ("2 T", 2 * 10**12),
        ("1e9", 10**9),
        ("50_000", 50_000),
        ("50,000", 50_000),
        (" 7 ", 7),
        ("7.0", 7),
        (7, 7),
        (7.0, 7),
        (["7"], 7),
    ],
)
def test_whole_numbers_as_people_write_them(words, value):
    assert parse(WHOLE, words) == value


def test_an_empty_field_means_the_default():
    assert parse(WHOLE, "") == 1


def test_whole_numbers_are_exact_to_the_last_digit():
    assert parse(WHOLE, "0.999999999999999999e18") == 999_999_999_999_999_999


@pytest.mark.parametrize(
    "words",
    [
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1,5",
        "0x10",
        "1__0e",
        "ten",
        "1e",
        "١٢",
        "--",
        "1/2",
        "1 000",
        "½",
        "\x00",
    ],
)
def test_what_is_no_number_is_refused_by_name(words):
    with pytest.raises(UsageError, match=r"^--count must be a whole number, not '"):
        parse(WHOLE, words)


@pytest.mark.parametrize(
    "words", ["1e999999999", "1e9999", "9" * 5000, "1e400", 10**30, float("inf"), float("nan")]
)
@pytest.mark.parametrize("parameter", [WHOLE, REAL])
def test_huge_and_not_finite_numbers_are_refused_in_a_short_line(parameter, words):
    with pytest.raises(UsageError) as refused:
        parse(parameter, words)
    assert len(str(refused.value)) < 130
    assert "\n" not in str(refused.value)


def test_ranges_are_named_with_the_value():
    with pytest.raises(UsageError, match=r"^--depth must be at least 1, not 0$"):
        build(Demo, {"depth": "0"})
    with pytest.raises(UsageError, match=r"^--depth must be at most 1,000, not 1,001$") as refused:
        build(Demo, {"depth": 1001})
    assert refused.value.parameter == "depth"


def test_a_fraction_is_no_whole_number():
    with pytest.raises(UsageError, match=r"must be a whole number, not '2\.5'"):
        parse(WHOLE, "2.5")
    assert parse(REAL, "2.5") == 2.5
    assert parse(REAL, ".5") == 0.5
    assert parse(REAL, "3.") == 3.0


def test_a_wrong_choice_says_what_it_may_have_meant():
    with pytest.raises(
        UsageError, match=r"--optimizer must be muon or adamw, not 'adam'; did you mean adamw\?"
    ):
        build(Demo, {"optimizer": "adam"})


def test_a_wrong_name_says_what_it_may_have_meant():
    with pytest.raises(UsageError, match=r"there is no --dept; did you mean --depth\?"):
        build(Demo, {"dept": 3})


@pytest.mark.parametrize(
    ("words", "value"), [("true", True), ("ON", True), ("0", False), ("no", False), (True, True)]
)
def test_flags(words, value):
    assert build(Demo, {"fast": words}).fast is value


def test_flags_refuse_other_words():
    with pytest.raises(UsageError, match="--fast must be true or false, not 'maybe'"):
        build(Demo, {"fast": "maybe"})


def test_lists_lose_doubles_and_empty_choices():
    assert build(Demo, {"show": ["rate", "loss", "rate", ""]}).show == ("rate", "loss")
    assert build(Demo, {"show": []}).show == ("loss",)
    assert build(Demo, {"lines": "one\ntwo"}).lines == ("one", "two")


def test_one_value_is_not_two():
    with pytest.raises(UsageError, match="--depth takes one value, not 2"):
        build(Demo, {"depth": ["1", "2"]})


def test_files_are_looked_for(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{}")
    assert build(Demo, {"config": str(path)}).config == path
    with pytest.raises(UsageError, match=r"--config names no file here: 'nope\.json'"):
        build(Demo, {"config": "nope.json"})
    with pytest.raises(UsageError, match="is a folder"):
        build(Demo, {"config": str(tmp_path)})
    for strange in ("a\x00b", "x" * 10_000):
        with pytest.raises(UsageError, match="names no file"):
            build(Demo, {"config": strange})


def test_text_has_an_end():
    with pytest.raises(UsageError, match="--text must be at most 1,000 characters, not 1,001"):
        build(Demo, {"text": "x" * 1001})


def test_an_address_says_only_what_differs_from_the_defaults():
    assert to_query(Demo()) == {}
    assert to_query(Demo(depth=3, show=("rate", "norm"), careful=False, price=2.0)) == {
        "depth": "3",
        "show": ["rate", "norm"],
        "careful": "false",
        "price": "2",
    }


def test_unknown_keys_of_an_address_are_handed_back():
    asked, unknown = from_query(Demo, {"depth": "3", "utm_source": "x"})
    assert asked == Demo(depth=3)
    assert unknown == ["utm_source"]


demos = st.builds(
    Demo,
    depth=st.integers(1, 1000),
    total_tokens=st.integers(0, 10**18),
    price=st.none() | st.floats(0, 1e18, allow_nan=False, allow_subnormal=False),
    optimizer=st.sampled_from(["muon", "adamw"]),
    show=st.lists(st.sampled_from(["loss", "rate", "norm"]), min_size=1, unique=True).map(tuple),
    text=st.text(max_size=100),
    lines=st.lists(st.text(max_size=20), unique=True, min_size=1, max_size=4).map(tuple),
    fast=st.booleans(),
    careful=st.booleans(),
    config=st.none(),
)


@given(demos)
def test_an_address_gives_back_the_parameters_it_was_made_from(demo):
    assert from_query(Demo, to_query(demo)) == (demo, [])


@given(st.sampled_from(parameters_of(Demo)), ANYTHING)
def test_whatever_comes_is_a_value_or_one_short_line(parameter, raw):
    line = f"{parameter.flag} is fine"
    try:
        value = parse(parameter, raw)
    except UsageError as refused:
        line = str(refused)
    else:
        if parameter.kind == "integer" and value is not None:
            assert parameter.low <= value <= (parameter.high or 10**18)
    assert line.startswith(parameter.flag)
    assert len(line) < 250
    assert line.isprintable()


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e18, max_value=1e18))
def test_numbers_survive_writing(value):
    assert parse(REAL, write(value)) == value


def test_bounds_may_be_fractions():
    @dataclass(frozen=True)
    class Sampling:
        top_p: float = number(0.9, "nucleus", low=0.0, high=1.0)
        top_k: int | None = integer(None, "candidates", low=1)

    assert build(Sampling, {"top_p": "0.5", "top_k": ""}) == Sampling(0.5, None)
    with pytest.raises(UsageError, match=r"--top-p must be at most 1, not 1\.5"):
        build(Sampling, {"top_p": 1.5})


def test_wrong_usage_is_a_kind_of_tool_error():
    assert issubclass(UsageError, ToolError)
