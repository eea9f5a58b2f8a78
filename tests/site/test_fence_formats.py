"""What the site's fences become, and which mistakes in a page stop the build."""

from __future__ import annotations

import html
import re

import pytest
from markdown import Markdown

from web import fences, source
from web.quiz import render_quiz


def convert(text: str) -> str:
    custom = [
        {
            "name": "python",
            "class": "python",
            "validator": fences.validate_python,
            "format": fences.format_python,
        }
    ]
    for name in ("quiz", "source", "tool", "explore"):
        formatter = getattr(fences, f"format_{name}")
        custom.append({"name": name, "class": name, "validator": fences.validate_any, "format": formatter})
    extensions = ["pymdownx.superfences", "pymdownx.highlight", "pymdownx.details", "admonition"]
    return Markdown(
        extensions=extensions, extension_configs={"pymdownx.superfences": {"custom_fences": custom}}
    ).convert(text)


def fence(header: str, body: str) -> str:
    return f"```{header}\n{body}\n```\n\n"


def test_a_live_cell_shows_its_code_and_its_escaped_output() -> None:
    page = convert(fence("python live", "print('<b>&')\n'</script>'"))
    assert '<pre class="out-stdout">&lt;b&gt;&amp;\n</pre>' in page
    assert '<pre class="out-result">&#x27;&lt;/script&gt;&#x27;</pre>' in page
    code = re.search(r'data-code="(.*?)"', page)
    assert code
    assert html.unescape(code[1]) == "print('<b>&')\n'</script>'"


def test_cells_of_a_session_share_names_and_others_do_not() -> None:
    page = convert(fence('python live session="a"', "x = 5") + fence('python live session="a"', "x"))
    assert '<pre class="out-result">5</pre>' in page
    with pytest.raises(fences.FenceError, match="NameError"):
        convert(fence('python live session="a"', "x = 5") + fence("python live", "x"))


def test_a_failing_cell_stops_the_build_unless_it_says_so() -> None:
    with pytest.raises(fences.FenceError, match="ZeroDivisionError"):
        convert(fence("python live", "1 / 0"))
    assert "ZeroDivisionError" in convert(fence("python live fails", "1 / 0"))
    with pytest.raises(fences.FenceError, match="without an error"):
        convert(fence("python live fails", "1"))


EXERCISE = fence('python exercise="two" title="Two"', "def two(): ...")
CHECKS = fence('python checks="two"', "expect('two()', 2)")


def test_an_exercise_hides_its_checks_and_its_solution() -> None:
    page = convert(EXERCISE + CHECKS + fence('python solution="two"', "def two(): return 2"))
    assert 'data-exercise="two"' in page
    assert "Exercise: Two" in page
    assert '<details class="solution" data-exercise="two"><summary>' in page
    assert re.search(
        r'<div class="exercise-checks" data-exercise="two" data-code="[^"]+" hidden></div>', page
    )
    visible = re.sub(r"<[^>]*>", "", page)
    assert "expect(" not in html.unescape(visible)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (EXERCISE + CHECKS + fence('python solution="two"', "def two(): return 3"), "gave 3, expected 2"),
        (
            fence('python exercise="two"', "def two(): return 2")
            + CHECKS
            + fence('python solution="two"', "def two(): return 2"),
            "passes every check",
        ),
        (CHECKS, "no exercise named 'two'"),
        (EXERCISE + fence('python solution="two"', "x = 1"), "has no checks"),
        (EXERCISE + EXERCISE, "second exercise"),
        (fence("quiz", "- question: Q\n  options: [a, b]\n  why: w"), "exactly one"),
        (fence("source", "web.source:nothing"), "no 'nothing'"),
    ],
)
def test_mistakes_in_a_page_stop_the_build(page: str, reason: str) -> None:
    with pytest.raises(fences.FenceError, match=reason):
        convert(page)


def test_other_python_fences_are_left_alone_and_norun_loses_its_reason() -> None:
    assert "live-cell" not in convert(fence("python", "x = 1"))
    page = convert(fence('python norun="needs a GPU"', "x = 1"))
    assert "highlight" in page
    assert "norun" not in page


def test_source_is_read_from_the_file_and_may_drop_its_docstring() -> None:
    assert "class Symbol" in html.unescape(re.sub("<.*?>", "", convert(fence("source", "web.source:Symbol"))))
    with_it = source.read_symbol("web.source:read_symbol").code
    without = source.read_symbol("web.source:read_symbol", with_docstring=False).code
    assert '"""' in with_it
    assert '"""' not in without
    assert without.splitlines()[0] == with_it.splitlines()[0]


def test_a_quiz_marks_its_right_option_and_escapes_nothing_it_should_not() -> None:
    page = render_quiz(
        [{"question": "Is `1 < 2`?", "options": ["no", {"right": "yes"}], "why": "**Order.**"}], "q"
    )
    assert "<code>1 &lt; 2</code>" in page
    assert "<strong>Order.</strong>" in page
    assert page.count("data-right") == 1
    assert page.count('name="q-1"') == 2


def test_a_cell_may_begin_with_symbols_of_the_repository() -> None:
    header = 'python live symbols="nanochat.model.config:HEAD_DIM,round_up"'
    page = convert(fence(header, "round_up(130, HEAD_DIM)"))
    code = html.unescape(re.search(r'data-code="(.*?)"', page)[1])
    assert code.startswith("HEAD_DIM = 128")
    assert "\n\ndef round_up(" in code
    assert code.endswith("\n\nround_up(130, HEAD_DIM)")
    assert '<pre class="out-result">256</pre>' in page
    assert "nanochat/model/config.py" in page
    with pytest.raises(fences.FenceError, match="no 'nothing'"):
        convert(fence('python live symbols="web.source:nothing"', "1"))


def test_a_figure_stands_twice_on_a_page_with_its_own_ids_and_values() -> None:
    page = convert(fence("explore", "sampling") + fence("explore", "sampling\ntop-k: 3"))
    assert page.count('class="explore"') == 2
    assert len(set(re.findall(r'\bid="([^"]*)"', page))) == len(re.findall(r'\bid="([^"]*)"', page))
    assert "3 of 10 words stay" in page
    with pytest.raises(fences.FenceError, match="no figure 'sampler'"):
        convert(fence("explore", "sampler"))
