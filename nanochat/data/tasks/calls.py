"""The parts of a reply that calls the calculator: text, the code, what the code printed.

The tool's output is forced into the reply when the model writes it, and masked when it learns from it; here
it is written down, so it must be what the calculator would print. Standard library only.
"""

from __future__ import annotations

from fractions import Fraction

Part = dict[str, str]


def text(words: str) -> Part:
    """Text that the model writes."""
    return {"type": "text", "text": words}


def call(code: str, output: str) -> list[Part]:
    """Code that the model writes, and what it printed.

    >>> [part["type"] for part in call("37*12", "444")]
    ['python', 'python_output']
    """
    return [{"type": "python", "text": code}, {"type": "python_output", "text": output}]


def sum_up(first: int | Fraction, operator: str, second: int | Fraction) -> Fraction:
    """One operation on two numbers, exactly; ZeroDivisionError for a division by 0.

    >>> str(sum_up(37, "*", 12)), str(sum_up(1, "/", 8))
    ('444', '1/8')
    """
    a, b = Fraction(first), Fraction(second)
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if operator == "/":
        return a / b
    raise ValueError(f"the operator {operator!r} is none of + - * /")
