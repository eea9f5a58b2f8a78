"""Read the source of one symbol from the repository, so that a page can never show code that is not there."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Symbol:
    """Where a symbol stands and what its lines are."""

    identifier: str  # nanochat.tokenizer.bpe.train
    file: str  # nanochat/tokenizer/bpe.py
    line: int
    code: str

    @property
    def public(self) -> bool:
        """Whether the reference has an entry for it."""
        return not any(part.startswith("_") for part in self.identifier.split("."))


def read_symbol(place: str, with_docstring: bool = True) -> Symbol:
    """Read `package.module:name` or `package.module:Class.method`.

    >>> read_symbol("web.source:Symbol").code.splitlines()[1]
    'class Symbol:'

    Raises:
        ValueError: the module or the symbol is not in the repository.
    """
    module, _, name = place.partition(":")
    path = ROOT / (module.replace(".", "/") + ".py")
    if not path.is_file():
        path = ROOT / module.replace(".", "/") / "__init__.py"
    if not name or not path.is_file():
        raise ValueError(
            f"{place!r} names no source; write package.module:symbol, such as web.source:read_symbol"
        )
    text = path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = _child(node, part, place)
    lines = text.splitlines()
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])  # type: ignore[attr-defined]
    kept = list(range(first, node.end_lineno + 1))  # type: ignore[attr-defined]
    if not with_docstring:
        hidden = _docstring_lines(node)
        kept = [number for number in kept if number not in hidden]
    code = textwrap.dedent("\n".join(lines[number - 1] for number in kept))
    return Symbol(f"{module}.{name}", str(path.relative_to(ROOT)), first, code)


def _child(node: ast.AST, name: str, place: str) -> ast.AST:
    for child in getattr(node, "body", []):
        targets = [child.target] if isinstance(child, ast.AnnAssign) else getattr(child, "targets", [])
        if getattr(child, "name", None) == name or any(getattr(t, "id", None) == name for t in targets):
            return child  # type: ignore[no-any-return]
    raise ValueError(f"{place!r}: there is no {name!r} in that module")


def _docstring_lines(node: ast.AST) -> range:
    body = getattr(node, "body", [])
    if (
        not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef))
        or ast.get_docstring(node) is None
    ):
        return range(0)
    return range(body[0].lineno, body[0].end_lineno + 1)
