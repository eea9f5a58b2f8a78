"""The pages: whole, self-contained, and nothing of what a model wrote is more than text."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.evaluation.report.files import write_report
from nanochat.evaluation.report.html import as_html
from nanochat.evaluation.report.markdown import as_markdown, as_site_body, as_summary, escape, fence, sample
from nanochat.evaluation.report.reading import read_report
from nanochat.evaluation.report.record import Report
from nanochat.files import write_whole
from nanochat.home import run_folder
from tests.evaluation.reported_runs import put_chain, put_core, put_run, put_score

EVIL = [
    ("Hello </pre><script>alert(1)</script>", "```\n</code><img src=x onerror=alert(2)>\n````\n# Big"),
    ("a &amp; b", "\"'><svg onload=alert(3)> <!-- | pipes | \\ * _ [x](javascript:alert(4)) {.x} $y$ ~~z~~"),
    ("\x1b[31mred\x07 ", "\u202eturned\u202c \x00 \r\nnext"),
]
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt",
    "dd", "div", "table", "thead", "tbody", "tr", "th", "td", "small", "pre", "code", "span", "b", "figure",
    "svg", "desc", "text", "tspan", "line", "polyline", "circle",
}  # fmt: skip
EXTENSIONS = ["tables", "attr_list", "md_in_html", "pymdownx.superfences", "pymdownx.tilde"]


class Elements(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))


@pytest.fixture
def report(base: None) -> Report:
    """A chain with scores, whose models wrote what they should not have."""
    put_run("base", samples=EVIL)
    put_run("sft", samples=EVIL)
    put_run("rl", samples=EVIL, machine={"device": "CPU <b>| *x*", "processes": 1})
    put_score("rl", "spelling", 50, 100, command="nanochat eval --tasks='<script>alert(5)</script>'")
    put_score("rl", "<i>task", 50, 100)
    put_core(("colours", 6, 10, 0.25))
    return read_report(run_folder("rl"))


# ---- HTML ----


def test_what_a_model_wrote_is_text_and_nothing_else(report: Report) -> None:
    found = Elements(as_html(report))
    assert found.names <= ELEMENTS
    assert not {name for name in found.attributes if name.startswith("on")} | {"style"} & found.attributes
    said = "".join(found.texts)
    for piece in (
        "<script>alert(1)</script>",
        "onerror=alert(2)",
        "javascript:alert(4)",
        "--tasks='<script>",
    ):
        assert piece in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\x00" not in said


def test_the_page_asks_for_nothing(report: Report) -> None:
    page = as_html(report)
    found = Elements(page)
    assert found.addresses == []
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & found.names
    assert "url(" not in page
    assert "@import" not in page
    assert re.findall(r"https?://[^\"' ]+", page) == ["http://www.w3.org/2000/svg"] * page.count("<svg")


def test_its_policy_lets_in_its_own_style_sheet_alone(report: Report) -> None:
    page = as_html(report)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert policy
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_names_on_the_page_are_used_once(report: Report) -> None:
    ids = Elements(as_html(report)).ids
    assert len(ids) > 10
    assert len(ids) == len(set(ids))


def test_every_part_is_there(report: Report) -> None:
    page = as_html(report)
    parts = [
        "Scores", "Compute each number again", "Known weaknesses", "What it writes", "Curves",
        "Time and cost", "Configuration", "Machine and software", "Make it again",
    ]  # fmt: skip
    places = [page.index(f">{part}</h") for part in parts]
    assert places == sorted(places)
    assert page.count("<svg") == 4 + 4 + 5


# ---- Markdown ----


def test_the_file_reads_as_text(report: Report) -> None:
    text = as_markdown(report)
    assert text.startswith("# rl\n\nrl is a transformer of 2 layers and 120,000 parameters, pretrained on ")
    assert "| metric | BASE | SFT | RL |\n| --- | ---: | ---: | ---: |\n" in text
    assert "| spelling | – | not measured | 50.0 % ± 5.0, n 100 |" in text
    assert "\n```bash\n# BASE bits per byte: not measured\nnanochat eval --run=base " in text
    assert '<svg class="chart"' not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("make", [as_markdown, as_site_body, as_summary])
def test_markdown_holds_no_markup_of_a_model(report: Report, make) -> None:
    found = Elements(markdown.markdown(make(report), extensions=EXTENSIONS))
    assert not {"script", "img", "i", "em", "strong", "del", "a"} & found.names
    assert {name for name in found.attributes if name.startswith("on")} == set()
    said = "".join(found.texts)
    assert "CPU <b>| *x*" in said
    if make is not as_summary:
        assert "</code><img src=x onerror=alert(2)>" in said
        assert "`" * 4 in said


def test_the_body_of_a_page_has_pictures_and_no_title(report: Report) -> None:
    body = as_site_body(report)
    assert not re.search(r"^# \w", re.sub(r"(?s)^(`{3,}).*?^\1$", "", body, flags=re.MULTILINE), re.MULTILINE)
    page = markdown.markdown(body, extensions=EXTENSIONS)
    assert page.count("<svg") == 13
    assert "<p><svg" not in page
    assert "h1" not in Elements(page).names


@given(st.text(alphabet="`~a\n<|", max_size=60))
def test_a_fence_holds_whatever_is_in_it(text: str) -> None:
    page = markdown.markdown(f"{fence(text, 'text')}\n\nafter", extensions=["fenced_code"])
    assert page.endswith("<p>after</p>")
    assert page.count("<pre>") == 1


@given(st.text(max_size=40))
def test_escaped_text_means_nothing(text: str) -> None:
    shown = " ".join(text.split())
    page = markdown.markdown(f"x {escape(shown)} x", extensions=[])
    assert Elements(page).names <= {"p"}


def test_questions_stand_before_their_answers() -> None:
    assert sample("Who? ", "Me.", answers=True) == "> Who?\nMe."
    assert sample("My lord, I", " am.", answers=False) == "My lord, I am."


def test_the_summary_is_short_and_says_what_was_left_out() -> None:
    put_chain()
    with (run_folder("rl") / "metrics.jsonl").open("a") as file:
        file.write("x\n")
    text = as_summary(read_report(run_folder("rl")))
    assert "## Left out\n\n- a line of metrics.jsonl of rl could not be read" in text
    assert len(text.splitlines()) < 50


# ---- files ----


def test_both_files_are_written_and_the_same_again(report: Report, tmp_path: Path) -> None:
    paths = write_report(report, tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["report.md", "report.html"]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_report(report, tmp_path / "new" / "folder")] == first
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        "report.html",
        "report.md",
    ]


def test_who_reads_while_it_is_written_sees_a_whole_file(tmp_path: Path) -> None:
    path, texts = tmp_path / "report.html", ["a" * 2_000_000, "b" * 2_000_000]
    write_whole(path, texts[0])
    seen: set[str] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(20):
        write_whole(path, texts[number % 2])
    done.set()
    reader.join()
    assert seen <= set(texts)


def test_a_disk_that_refuses_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.mkdir()  # a folder cannot be replaced by a file
    with pytest.raises(OSError, match=r"report\.md"):
        write_whole(path, "text")
    assert os.listdir(tmp_path) == ["report.md"]
