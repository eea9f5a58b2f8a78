"""The calculator against Python's own arithmetic, and against everything that is not arithmetic."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nanochat.toolbox import calculator
from nanochat.toolbox.calculator import MAX_BITS, MAX_LENGTH, CalculatorError, calculate

NUMBERS = st.integers(0, 10**9).map(str) | st.decimals(0, 10**6, places=3).map(str)


def between(left: str, sign: str, right: str) -> str:
    return f"({left}{sign}{right})"


SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%", " + ", " - "])
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.builds(between, inner, SIGNS, inner) | inner.map(lambda one: f"-{one}"),
    max_leaves=8,
)
POWERS = st.builds("{}**{}".format, st.integers(0, 40), st.integers(0, 60)) | st.builds(
    "(-{}/{})**-{}".format, st.integers(1, 40), st.integers(1, 40), st.integers(0, 9)
)


def by_python(expression: str) -> Fraction:
    """What Python says when every number of the expression is a fraction."""
    return Fraction(eval(re.sub(r"[\d.]+", r"Fraction('\g<0>')", expression)))


@settings(max_examples=500)
@given(expression=EXPRESSIONS | POWERS)
def test_the_result_is_pythons(expression: str) -> None:
    assume(len(expression) <= MAX_LENGTH)
    try:
        expected = by_python(expression)
    except ZeroDivisionError:
        with pytest.raises(CalculatorError, match="division by zero"):
            calculate(expression)
        return
    result = calculate(expression)
    if expected.denominator == 1:
        assert result == str(expected.numerator)
    else:
        # 12 significant digits, and at least two after the point: half of the last one is the largest error.
        assert abs(Fraction(result) - expected) <= min(abs(expected) * Fraction(5, 10**12), Fraction(5, 1000))


@settings(max_examples=200)
@given(whole=st.integers(-(10**12), 10**12), cents=st.integers(0, 99))
def test_cents_are_never_rounded_away(whole: int, cents: int) -> None:
    assert Decimal(calculate(f"{whole} + {cents} / 100")) == whole + Decimal(cents) / 100


@given(number=st.integers(0, 10**30))
def test_commas_between_thousands(number: int) -> None:
    assert calculate(f"{number:,} + 1") == str(number + 1)


@given(text=st.text(st.characters(exclude_characters="\"'\\\n\r\0", exclude_categories=["Cs"]), max_size=60))
def test_letters_are_counted(text: str) -> None:
    assert calculate(f'len("{text}")') == str(len(text))
    for letter in set(text):
        assert calculate(f"'{text}'.count('{letter}')") == str(text.count(letter))


@settings(max_examples=500)
@given(text=st.text(max_size=40) | st.text("0123456789.+-*/%()eE \"'lencount,", max_size=40))
def test_any_text_has_a_result_or_a_reason(text: str) -> None:
    try:
        answer = calculate(text)
    except CalculatorError as error:
        answer = str(error)
    assert 0 < len(answer) < 400


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("37 * 12", "444"),
        ("12.5", "12.5"),
        ("0.1 + 0.2", "0.3"),
        ("6 / 2", "3"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("7.5 % 2", "1.5"),
        ("2 ** -2", "0.25"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("0 ** 0", "1"),
        ("(-1) ** 99999999999", "-1"),
        ("2 ** 0.5", "1.41421356237"),
        ("10 ** 20 + 1", "100000000000000000001"),
        ("10 / 3", "3.33333333333"),
        ("2 / 3", "0.666666666667"),
        ("1 / 8000000", "1.25e-7"),
        ("1 / 8", "0.125"),
        ("123456789012.555 * 1", "123456789012.56"),  # half to even: .555 lies in the middle
        ("999999999999.9999", "1000000000000"),
        ("1,234,567.5 * 2", "2469135"),
        ("007", "7"),
        (".5 + 5.", "5.5"),
        ("2.5e3", "2500"),
        ("  3\t+ 4 ", "7"),
        ('"strawberry".count("r") + len("ab")', "5"),
        ("'naïve ü'.count('ü') + 1.5", "2.5"),  # not every character is one byte
        ("'a+b'.count('+')", "1"),
        ("1+" * 90 + "1", "91"),
    ],
)
def test_results(expression: str, result: str) -> None:
    assert calculate(expression) == result


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "not a complete expression"),
        ("()", "not arithmetic"),
        ("3 +", "not a complete expression"),
        ("(3", "not a complete expression"),
        ("3)", "not a complete expression"),
        ("1 000", "not a complete expression"),
        ("1.2.3", "not a complete expression"),
        ("1 / 0", "division by zero"),
        ("1 % (2 - 2)", "division by zero"),
        ("1 // 0.0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("(-8) ** 0.5", "a root of a negative number"),
        ("9**9**9", "too large"),
        ("9**9**9**9**9", "too large"),
        ("(1/9)**(9**9)", "too small"),
        ("2**1025", "too large"),
        ("10**308 * 10", "too large"),
        ("(10**300)**1.5", "too large"),
        ("(10**308 - 1.5)**1.0001**99", "too large"),
        ("1e309", "too large"),
        ("1e999999999", "too large"),
        ("1e-999999999", "too small"),
        ("9" * MAX_LENGTH + "**" + "9", "characters; 200 are allowed"),
        ("1" * 10**6, "1,000,000 characters; 200 are allowed"),
        ("(" * 41 + "1" + ")" * 41, "more than 40 parentheses, powers and signs"),
        ("-" * 42 + "1", "more than 40 parentheses, powers and signs"),
        ("1" + "**1" * 41, "more than 40 parentheses, powers and signs"),
        ("1_000", "'_000' is not known"),
        ("0x10", "'x10' is not known"),
        ("0b1", "'b1' is not known"),
        ("2j", "'j' is not known"),
        ("2 x 3", "'x' is not known"),
        ("nan", "'nan' is not known"),
        ("inf", "'inf' is not known"),
        ("True", "'True' is not known"),
        ("$5", "'$' is not known"),
        ("2 + 3 =", "'=' is not known"),
        ("2^3", "'^' is not known"),
        ("1 << 9", "'<' is not known"),
        ("1 if 2 else 3", "'if' is not known"),
        ("1 and 2", "'and' is not known"),
        ("1 < 2", "'<' is not known"),
        ("1,00", "',' is not known"),
        ("1,0000", "',' is not known"),
        ("1, 2", "',' is not known"),
        ("[1]", "'[' is not known"),
        ("{1}", "'{' is not known"),
        ("٣ + 1", "'٣' is not known"),
        ("３", "'３' is not known"),
        ("²", "'²' is not known"),
        ("3 − 1", "'−' is not known"),
        ("1\0", r"'\x00' is not known"),
        ("1\n+1", r"'\n' is not known"),
        ("len('\0')", "not a complete expression"),
        ("len('\ud800')", "not a complete expression"),
        ("len('\r')", "not a complete expression"),
        ('"a" * 10**9', "a text can only be counted"),
        ('"a" + "b"', "a text can only be counted"),
        ('"a"', "a text can only be counted"),
        ('"%999999999d" % 1', "a text can only be counted"),
        (r'"\x41"', "is not known"),
        ('"""a"""', "a text can only be counted"),
        ("len", "not arithmetic"),
        ("len()", "not arithmetic"),
        ("len(len)", "not arithmetic"),
        ("len(3)", "not arithmetic"),
        ("(len)('a')('b')", "not arithmetic"),
        ("'a'.count", "not arithmetic"),
        ("'a'.count(3)", "not arithmetic"),
        ("'a'.count.count('a')", "not arithmetic"),
        ("'a'.count('a').count('a')", "not arithmetic"),
        ("'a'.upper()", "'upper' is not known"),
        ("'{0.__class__}'.format(1)", "'format' is not known"),
        ("().__class__", "'__class__' is not known"),
        ("(1).__class__", "'__class__' is not known"),
        ("__import__('os')", "'__import__' is not known"),
        ("open('x')", "'open' is not known"),
        ("lambda: 1", "'lambda' is not known"),
        ("(n := 1)", "'n' is not known"),
        ("(1 for a in 'a')", "'for' is not known"),
        ("f'{1}'", "'f' is not known"),
        ("b'1'", "'b' is not known"),
        ("len(*'a')", "not arithmetic"),
        ("len(**'a')", "not arithmetic"),
        ("+", "not a complete expression"),
        ("# 1", "'#' is not known"),
        ("1;2", "';' is not known"),
        ("1 @ 2", "'@' is not known"),
        ("~1", "'~' is not known"),
    ],
)
def test_refusals(expression: str, reason: str) -> None:
    with pytest.raises(CalculatorError, match=re.escape(reason)):
        calculate(expression)


def test_numbers_may_be_as_large_as_floating_point_and_no_larger() -> None:
    largest = 2**MAX_BITS - 1
    assert calculate("(2**1023 - 1) * 2 + 1") == str(largest)
    assert Fraction(calculate("1 / (2**1023)")) > 0
    with pytest.raises(CalculatorError, match="too large"):
        calculate("(2**1023 - 1) * 2 + 2")


def test_no_number_grows_far_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock is needed because the work is bounded: few steps, none of which makes a large number."""
    sizes = []

    def measured(value: Fraction) -> Fraction:
        sizes.append(max(value.numerator.bit_length(), value.denominator.bit_length()))
        return bounded(value)

    bounded = calculator._bounded
    monkeypatch.setattr(calculator, "_bounded", measured)
    large = "(2**1023-1)"
    for sign in "+", "-", "*", "/", "//", "%", "**":
        for expression in (
            f"{large}{sign}{large}",
            f"({large}/997){sign}(997/{large})",
            sign.join(["997"] * 40),
            f"99{sign}99999",
            f"(1/99){sign}9e99999{sign}1e-99999",
            f"(1/99){sign}(-99999)",
        ):
            with contextlib.suppress(CalculatorError):
                calculate(expression)
    assert MAX_BITS < max(sizes) <= 2 * MAX_BITS + 1
    assert len(sizes) < 7 * 6 * MAX_LENGTH


def test_no_warning_reaches_the_user(recwarn: pytest.WarningsRecorder) -> None:
    for expression in ("1 .count('a')", "'a'('b')", "1('a')"):
        with pytest.raises(CalculatorError):
            calculate(expression)
    assert not recwarn.list


def test_it_works_in_a_thread_with_little_stack_left() -> None:
    """The deepest expression allowed, where Python's own limit of recursion is nearly used up."""
    results: list[str] = []

    def deep(levels: int) -> None:
        if levels:
            return deep(levels - 1)
        results.append(calculate("-" * 40 + "1" + "+1" * 79))
        return None

    thread = threading.Thread(target=deep, args=(sys.getrecursionlimit() - 400,))
    thread.start()
    thread.join()
    assert results == ["80"]
