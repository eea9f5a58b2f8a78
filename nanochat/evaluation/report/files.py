"""The two files of a report, each there whole or not at all. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

from nanochat.evaluation.report.html import as_html
from nanochat.evaluation.report.markdown import as_markdown
from nanochat.evaluation.report.record import Report

MARKDOWN, HTML = "report.md", "report.html"


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `report.md` and `report.html` into a folder, which is made if it is not there.

    Both are made before either is written.
    """
    texts = {MARKDOWN: as_markdown(report), HTML: as_html(report)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_whole(folder / name, text)
    return folder / MARKDOWN, folder / HTML


def write_whole(path: Path, text: str) -> None:
    """Write a text beside its place, have it on the disk, and rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
