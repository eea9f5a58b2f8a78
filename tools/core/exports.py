"""Files that a tool can write: its report as a page of its own, and what it exports besides.

A file is written beside its place and renamed, so that nobody finds half of one; one that is there already is
replaced only when that was asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.core.errors import ToolError, UsageError
from tools.core.report import Report
from tools.core.tool import Export, Tool


def exports_of(tool: Tool) -> list[Export]:
    """What a tool can save: its own exports, and the report as a page."""
    said = "the report as a page of its own"
    return [*tool.exports, Export("html", f"{tool.name}.html", said, _page, of_report=True)]


def _page(report: Report) -> Iterator[str]:
    from tools.core.standalone import render_standalone  # it reads a style sheet

    yield render_standalone(report)


@dataclass(frozen=True)
class Saving:
    """An export, and where it goes; `-` is standard output."""

    export: Export
    path: Path
    overwrite: bool

    @property
    def to_stdout(self) -> bool:
        """Whether it takes the report's place."""
        return str(self.path) == "-"

    def check(self) -> None:
        """Refuse before the work begins what could not be written after it."""
        if self.to_stdout:
            return
        flag = f"--{self.export.key}"
        if self.path.is_dir():
            raise UsageError(f"{flag} must be a file, and {self.path} is a folder")
        if self.path.exists() and not self.overwrite:
            raise UsageError(f"{flag}: {self.path} exists; give another name, or --overwrite")
        if not self.path.absolute().parent.is_dir():
            raise UsageError(f"{flag}: there is no folder {self.path.parent}")

    def write(self, parameters: Any, report: Report) -> None:
        """Write it whole, or not at all; `report` is the answer to the parameters."""
        parts = self.export.write(report if self.export.of_report else parameters)
        if self.to_stdout:
            sys.stdout.writelines(parts)
            return
        write_parts(self.path, parts, self.overwrite)


def write_parts(path: Path, parts: Iterable[str], overwrite: bool = False) -> None:
    """Write the parts of a text beside its place, and rename.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> write_parts(path, ["step,loss\\n", "1,5.5\\n"])
    >>> path.read_text(), len(list(path.parent.iterdir()))
    ('step,loss\\n1,5.5\\n', 1)
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        if not overwrite:
            _claim(path)
        beside.replace(path)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)


def _claim(path: Path) -> None:
    """Take the name, unless somebody has taken it since it was looked for."""
    try:
        path.open("x").close()
    except FileExistsError:
        raise ToolError(f"{path} was made by somebody else in the meantime; it is left as it is") from None
