"""The two files of a report, each there whole or not at all. Standard library only."""

from __future__ import annotations

from pathlib import Path

from nanochat.evaluation.report.html import as_html
from nanochat.evaluation.report.markdown import as_markdown
from nanochat.evaluation.report.record import Report
from nanochat.files import write_whole

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
