"""What answers a call: the calculator, and where it is asked for the Python sandbox. Standard library only.

Never an exception: what went wrong is a short text too, which the model can read and go on from.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from nanochat.toolbox.calculator import CalculatorError, NotArithmetic, calculate

if TYPE_CHECKING:
    from nanochat.toolbox.sandbox import SandboxResult

# Prints what an expression is worth, as a Python prompt does; `...` is the expression.
SHOW = "value = (\n...\n)\nif value is not None:\n    print(value)"


def make_tools(python: bool, unsafe: bool = False) -> Callable[[str], str]:
    """What answers the calls of a model: code in, result out.

    Without `python` it is the calculator alone. With it, what the calculator does not know runs in the
    sandbox; raises `sandbox.SandboxUnavailable` at once, not at the first call, where the machine has none,
    unless `unsafe`.

    >>> answer = make_tools(python=False)
    >>> answer("37 * 12"), answer("sum([1, 2])")[:32]
    ('444', "error: 'sum' is not known; only ")
    >>> answer = make_tools(python=True, unsafe=True)  # an example has to run on any machine
    >>> answer("37 * 12"), answer("sum([1, 2])"), answer("for n in range(3): print(n)")
    ('444', '3', '0\\n1\\n2')
    """
    if not python:
        return use_calculator
    from nanochat.toolbox import sandbox

    sandbox.usable_layers(unsafe)

    def answer(code: str) -> str:
        try:
            return calculate(code)
        except NotArithmetic:
            return told(sandbox.run_python(shown(code), unsafe=unsafe))
        except CalculatorError as error:  # Python has no result either, or would take very long for it
            return f"error: {error}"

    return answer


def told(result: SandboxResult) -> str:
    """What a run is to the model: what was printed, and if it failed the last line of the reason."""
    if result.timed_out:
        reason = "error: it took too long and was stopped"
    elif result.folder_full:
        reason = "error: it wrote too much and was stopped"
    elif result.exit_code:
        last = result.stderr.rstrip().rpartition("\n")[2]
        reason = f"error: {last or f'it ended with code {result.exit_code}'}"
    else:
        reason = ""
    return "\n".join(filter(None, (result.stdout.rstrip("\n"), reason)))


def use_calculator(code: str) -> str:
    """The result of an expression, or why it has none.

    >>> use_calculator("1 / 0")
    'error: division by zero'
    """
    try:
        return calculate(code)
    except CalculatorError as error:
        return f"error: {error}"


def shown(code: str) -> str:
    """The code, changed to print its value if it is one expression.

    >>> shown("x = 1")
    'x = 1'
    """
    try:
        ast.parse(code.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    return SHOW.replace("...", code.strip())
