"""A report as one page that stands alone: styles inside, light and dark, no script, no request."""

from __future__ import annotations

import re
from pathlib import Path

from tools.core.html import render_html
from tools.core.markup import escape
from tools.core.report import Report

SCHEME = re.compile(r'\[data-md-color-scheme="slate"\] \{(?P<colors>[^}]+)\}')
# The style sheet counts in rem as the site does, where one is 20 pixels.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
FRAME = """
html { font-size: 125%; color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 48rem; font-family: system-ui, sans-serif; line-height: 1.5;
  background: var(--tool-page); color: var(--tool-ink); }
.report-command { color: var(--tool-muted); font-size: 0.65rem; overflow-wrap: anywhere; }
"""


def render_standalone(report: Report) -> str:
    """The report as a whole HTML document.

    >>> "<title>Size</title>" in render_standalone(Report("Size", []))
    True
    """
    sheet = Path(__file__).with_name("tools.css").read_text(encoding="utf-8")
    dark = SCHEME.search(sheet)
    if dark is None:
        raise ValueError("tools.css has no dark colours")
    styles = f"{sheet}\n@media (prefers-color-scheme: dark) {{ :root {{{dark['colors']}}} }}\n{FRAME}"
    # The rules that are stronger than a site's own ask for its class.
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(report.title)}</title>\n<style>\n{styles}</style>\n</head>\n"
        f'<body class="md-typeset">\n<main>\n{render_html(report, level=1)}\n</main>\n</body>\n</html>\n'
    )
