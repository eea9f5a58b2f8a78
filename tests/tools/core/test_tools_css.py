"""The colours of reports and forms: enough contrast, in both schemes; and no class without a style."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools.core.demo_tool import TOOL
from web.tool_page import render_tool

ROOT = Path(__file__).resolve().parents[3]
CSS = (ROOT / "tools" / "core" / "tools.css").read_text(encoding="utf-8")
SCHEMES = {"light": ":root", "dark": '[data-md-color-scheme="slate"]'}


def colors(scheme: str) -> dict[str, str]:
    block = CSS[CSS.index(SCHEMES[scheme]) :]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[: block.index("}")]))


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_words_and_lines_stand_out_from_what_is_behind_them(scheme):
    found = colors(scheme)
    behind = [found["tool-page"], found["tool-soft"]]
    for name in ("tool-ink", "tool-muted", "tool-strong", *(f"chart-{n}" for n in range(1, 7))):
        for color in behind:
            assert contrast(found[name], color) >= 4.5, (scheme, name, color)
    assert contrast(found["tool-bad"], found["tool-bad-soft"]) >= 4.5
    assert contrast(found["tool-ink"], found["heat"]) >= 4.5  # a number in the darkest cell
    assert contrast(found["heat"], found["tool-page"]) >= 2
    assert contrast(found["tool-edge"], found["tool-page"]) >= 3  # the frame of a field
    for number in range(6):
        assert contrast(found["tool-ink"], found[f"token-{number}"]) >= 4.5


def test_both_schemes_name_the_same_colours():
    assert colors("light").keys() == colors("dark").keys()


def test_every_class_on_a_page_has_a_style():
    markup = render_tool(TOOL, {"text": "a", "price": "2"})
    used = {name for names in re.findall(r'class="([^"]*)"', markup) for name in names.split()}
    # Some only name a place for the script, or a side that is the usual one.
    places = {
        "tool-answer",
        "tool-command",
        "report-text",
        "report-value",
        "md-button",
        "chart",
    }
    usual = {"report-indent-0", "report-left", "report-to-left"}
    styled = set(re.findall(r"\.([a-z][\w-]*)", CSS))
    assert used - places - usual - styled == set()
