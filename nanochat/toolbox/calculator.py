"""A calculator that a model may call: arithmetic, and the counting of letters. Standard library only.

`eval` would run whatever Python the model writes. Here the text is taken apart by Python's own parser, and
only the few kinds of parts that arithmetic has are worked out, by this file; every other kind is refused.
What is known:

    numbers      12, 1,000, 0.5, 2.5e3
    operators    + - * / // % **, signs, parentheses, with Python's meaning and order
    letters      "strawberry".count("r"), len("strawberry")

`1_000`, `0x10`, `$5`, `3 =`, `x` for times and names are refused: one way to write a thing is enough to
learn.

Numbers are kept as fractions, so that 0.1 + 0.2 is 0.3 and 1/3*3 is 1. A power whose exponent is not whole is
the one thing worked out in floating point. A result that is not whole is rounded to 12 significant digits,
half to even, and is given at least two places after the point; a whole one has all its digits.

The time is bounded because each step is and there are few: the text has at most 200 characters, so at most
200 steps, and both halves of a fraction stay below 2^1024 (about 1.8e308, where floating point ends too).
The sum or product of two such fractions has at most twice the bits, so it may be worked out first and
measured afterwards. Only a power can grow faster: its size is known before it is worked out. So there is no
alarm and no clock, and it works in any thread.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from decimal import Context, Decimal
from fractions import Fraction

MAX_LENGTH = 200  # characters
MAX_BITS = 1024  # of a numerator or denominator
MAX_NESTED = 40  # parentheses, powers and signs in front of a number
DIGITS = 12  # significant ones of a result that is not whole
SMALL = Fraction(1, 10**6)  # below, a result is written as 1.5e-7

# Everything that may stand in an expression. A thousands comma stands before three digits, and no fourth.
TOKEN = re.compile(
    r"""(?P<number> (?:\d{1,3}(?:,\d{3})+(?!\d) | \d+)(?:\.\d*)? (?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)? )
      | (?P<text> "[^"\\\n]*" | '[^'\\\n]*' )
      | (?P<name> [A-Za-z_]\w* )
      | (?P<space> [ \t]+ )
      | (?P<sign> \*\* | // | [-+*/%().] )""",
    re.ASCII | re.VERBOSE,
)
NAMES = ("count", "len")
SIGNS = ("", "(", "+", "-", "*", "/", "//", "%", "**")  # a + or - after one of these belongs to a number

OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
TOO_FAR = "the number is too large or too small"
NOT_KNOWN = "only numbers, + - * / // % **, parentheses, .count() and len() are known"


class CalculatorError(ValueError):
    """The expression is refused or has no result; the message is short enough for a model to read."""


class NotArithmetic(CalculatorError):
    """The text is no expression that the calculator knows. It may be good Python all the same."""


def calculate(expression: str) -> str:
    """The result of an expression, as text. Raises CalculatorError, and nothing else, for what has none.

    >>> calculate("37 * 12"), calculate("6 / 2"), calculate("0.1 + 0.2"), calculate("2 / 3")
    ('444', '3', '0.3', '0.666666666667')
    >>> calculate("1,000 * 1.05 ** 2"), calculate("2 ** 0.5"), calculate("7 // 2 + 7 % 2")
    ('1102.5', '1.41421356237', '4')
    >>> calculate('"strawberry".count("r")'), calculate('len("strawberry")')
    ('3', '10')
    >>> calculate("__import__('os')")
    Traceback (most recent call last):
    ...
    nanochat.toolbox.calculator.NotArithmetic: '__import__' is not known; only numbers, + - * / // % **, \
parentheses, .count() and len() are known
    """
    plain = _checked(expression)
    try:
        tree = ast.parse(plain, mode="eval")
    except (SyntaxError, ValueError):  # ValueError: a zero byte or half a character inside a text
        raise NotArithmetic("this is not a complete expression") from None
    return _written(_value(tree.body, plain.encode()))


def _checked(expression: str) -> str:
    """The expression without thousands commas, if every piece of it is known and it cannot be too deep."""
    if len(expression) > MAX_LENGTH:
        raise NotArithmetic(f"the expression has {len(expression):,} characters; {MAX_LENGTH} are allowed")
    pieces = [""]
    position = nested = 0
    while position < len(expression):
        found = TOKEN.match(expression, position)
        if found is None:
            raise NotArithmetic(f"{expression[position]!r} is not known; {NOT_KNOWN}")
        piece, kind = found[0], found.lastgroup
        position = found.end()
        if kind == "name" and piece not in NAMES:
            raise NotArithmetic(f"{piece!r} is not known; {NOT_KNOWN}")
        # Python's parser calls itself for each of these, and in a browser it has little room to.
        nested += piece in ("(", "**") or (piece in ("+", "-") and pieces[-1] in SIGNS)
        if nested > MAX_NESTED:
            raise NotArithmetic(f"the expression has more than {MAX_NESTED} parentheses, powers and signs")
        if kind != "space":
            pieces.append(_number_text(piece) if kind == "number" else piece)
    return " ".join(pieces).strip()


def _number_text(piece: str) -> str:
    """A number as Python writes it: no commas, and no zeros in front, as in 007."""
    return re.sub(r"^0+(?=\d)", "", piece.replace(",", ""))


def _value(node: ast.expr, source: bytes) -> Fraction:
    """Work out one part of the expression; `source` is the text that the parser's positions refer to."""
    match node:
        case ast.Constant(value=int() | float()):
            return _number(source[node.col_offset : node.end_col_offset].decode())
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, source)
        case ast.UnaryOp(op=ast.UAdd()):
            return _value(node.operand, source)
        case ast.BinOp(op=ast.Pow()):
            return _bounded(_power(_value(node.left, source), _value(node.right, source)))
        case ast.BinOp() if type(node.op) in OPERATORS:
            left, right = _value(node.left, source), _value(node.right, source)
            if right == 0 and not isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
                raise CalculatorError("division by zero")
            return _bounded(Fraction(OPERATORS[type(node.op)](left, right)))
        case ast.Call(func=ast.Name(id="len"), args=[ast.Constant(value=str(text))], keywords=[]):
            return Fraction(len(text))
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(text)), attr="count"),
            args=[ast.Constant(value=str(part))],
            keywords=[],
        ):
            return Fraction(text.count(part))
        case ast.Constant(value=str()):
            raise NotArithmetic("a text can only be counted, with .count() or len()")
    raise NotArithmetic(f"this is not arithmetic; {NOT_KNOWN}")


def _number(text: str) -> Fraction:
    """The exact value of a number. 1e999999999 would need a gigabyte, so the exponent is looked at first."""
    _, _, exponent = text.lower().partition("e")
    if len(exponent) > 4:  # a sign and three digits
        raise CalculatorError(TOO_FAR)
    return _bounded(Fraction(text))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if base == 0 and exponent < 0:
        raise CalculatorError("division by zero: 0 to a negative power")
    if exponent.denominator == 1:
        # A number of b bits is at least 2^(b-1), so its power has at least (b-1) x exponent bits.
        bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
        if bits * abs(exponent.numerator) > MAX_BITS:
            raise CalculatorError(TOO_FAR)
        return Fraction(base**exponent.numerator)
    if base < 0:
        raise CalculatorError("a root of a negative number")
    try:
        return Fraction(math.pow(base, exponent))
    except OverflowError:
        raise CalculatorError(TOO_FAR) from None


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise CalculatorError(TOO_FAR)
    return value


def _written(value: Fraction) -> str:
    """A fraction as a decimal number.

    >>> _written(Fraction(1, 8)), _written(Fraction(123456789012345, 1000)), _written(Fraction(3, 2 * 10**7))
    ('0.125', '123456789012.34', '1.5e-7')
    """
    if value.denominator == 1:
        return str(value.numerator)
    whole = len(str(abs(int(value)))) if abs(value) >= 1 else 0
    rounding = Context(prec=max(DIGITS, whole + 2))
    decimal = rounding.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize(rounding)
    return f"{decimal:f}" if abs(value) >= SMALL else f"{decimal:e}"
