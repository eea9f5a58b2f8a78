"""The gallery: a card for every tool, each with a small picture of the tool's real answer to its example."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import until
from tests.tools.core.demo_tool import TOOL as DEMO
from tools import registry
from tools.core.page import answer
from tools.core.report import (
    Bar,
    Bars,
    Code,
    Column,
    Heatmap,
    LineChart,
    Notes,
    Picture,
    Report,
    Row,
    Rows,
    Section,
    Series,
    Span,
    Table,
    Text,
    Tokens,
)
from web import gallery
from web.prose import reading_order

ROOT = Path(__file__).resolve().parents[2]
KILOBYTES_A_PICTURE = 24
KILOBYTES_IN_ALL = 60  # of the page, compressed
CARDS = BeautifulSoup(gallery.gallery(), "html.parser").select(".gallery-card")
TOOLS = pytest.mark.parametrize("name", registry.NAMES)


def card_of(name: str):
    return next(card for card in CARDS if card.h2["id"] == name)


def report_of(*blocks) -> Report:
    return Report("Report", [Section("Section", blocks)])


def drawn(*blocks):
    return BeautifulSoup(gallery.picture(report_of(*blocks)), "html.parser")


def test_every_tool_has_its_card_in_the_order_of_the_list():
    assert [card.h2["id"] for card in CARDS] == list(registry.NAMES)


@TOOLS
def test_the_picture_is_of_the_tools_own_answer(name):
    """What the card shows stands in the report that the tool's page shows first."""
    report = gallery.answer(registry.load(name))
    _, block = gallery.telling(report)
    picture = card_of(name).select_one(".gallery-picture")
    assert str(picture.contents[0]) == str(BeautifulSoup(gallery.picture(report), "html.parser").contents[0])
    said = picture.get_text() + " ".join(str(one.get("aria-label")) for one in picture.select("[aria-label]"))
    if isinstance(block, Bars):
        assert block.bars[0].shown in said
    if isinstance(block, Tokens):
        assert block.spans[0].text in said
    assert len(str(picture)) <= KILOBYTES_A_PICTURE * 1000, f"{name}: {len(str(picture)):,} letters"


@TOOLS
def test_a_picture_has_words_for_those_who_do_not_see_it(name):
    picture = card_of(name).select_one(".gallery-picture")
    image, table = picture.select_one('[role="img"]'), picture.table
    assert (image and len(image["aria-label"]) > 20) or (table and table.caption.get_text())


@TOOLS
def test_one_click_opens_the_tool_with_its_example(name):
    """The address is one that the tool answers without a complaint."""
    links = card_of(name).select("a.gallery-open")
    assert len(links) == 1
    parts = urlsplit(links[0]["href"])
    assert parts.path == f"{name}/"
    asked = dict(parse_qsl(parts.query))
    assert asked == dict(registry.load(name).page)
    reply = json.loads(answer(name, json.dumps(parts.query)))
    assert reply["error"] is None
    assert "means nothing to this tool" not in reply["html"]


@TOOLS
def test_the_card_leads_to_the_chapter_that_builds_the_tool(name):
    chapter = f"build-{name}"
    there = (ROOT / "site_docs" / "guides" / f"{chapter}.md").exists()
    links = [link["href"] for link in card_of(name).select("a.gallery-build")]
    assert links == ([f"../guides/{chapter}/"] if there else [])


def test_every_chapter_builds_a_tool_that_exists():
    names = {page.name.removesuffix(".md") for page in reading_order() if page.name.startswith("build-")}
    assert names <= {f"build-{name}" for name in registry.NAMES}


# ---- which block is shown, and how ---------------------------------------------------------------


CHART = LineChart("c", "Loss", [Series("train", [(0, 5.0), (1, 4.0)])], "step", "loss")
EMPTY = LineChart("n", "Empty", [Series("none", [(0, float("nan"))])])
HEAT = Heatmap("h", "Who sees whom", ["a", "b"], ["a", "b"], [[1.0, None], [0.25, 0.75]])
DIAL = Picture("p", "A dial", "A hand points up.", ["<circle r='4'/>"], 100, 100)
BARS = Bars("b", [Bar("attention", 0.25, "25 %"), Bar("MLP", 0.75)], caption="Shares")
TOKENS = Tokens("t", [Span("a<b", 1, 0), Span("\n", 2, 7, marked=True)], caption="Tokens")
TABLE = Table("x", [], [])
FIGURES = Rows([Row("", "Heading"), Row("k", "Key", 4)])


@pytest.mark.parametrize(
    ("blocks", "shown"),
    [
        ([FIGURES, BARS, TOKENS, CHART], CHART),
        ([BARS, HEAT, CHART], HEAT),
        ([TOKENS, DIAL], DIAL),
        ([TOKENS, BARS], BARS),
        ([FIGURES, TOKENS], TOKENS),
        ([Text("words"), Code("c", "ls"), Notes(["n"]), FIGURES], FIGURES),
        ([EMPTY, Bars("e", []), TABLE, TOKENS], TOKENS),
        ([Picture("big", "Big", "Large.", ["x" * 99_999], 9, 9), BARS], BARS),
    ],
    ids=["chart", "heatmap", "picture", "bars", "tokens", "rows", "nothing-in-it", "too-large"],
)  # fmt: skip
def test_the_block_that_shows_most_is_shown(blocks, shown):
    assert gallery.telling(report_of(*blocks))[1] is shown


def test_a_caption_says_what_the_picture_shows_and_names_its_lines():
    two = LineChart("c", "Loss", [Series("raw", [(0, 5.0)]), Series("smooth", [(0, 4.0)])])
    assert drawn(two).select_one(".gallery-caption").get_text() == "Loss (raw, smooth)"
    assert drawn(CHART).select_one(".gallery-caption").get_text() == "Loss"
    assert drawn(BARS).select_one(".gallery-caption").get_text() == "Shares"
    assert drawn(FIGURES).select_one(".gallery-caption").get_text() == "Section"


def test_a_report_without_anything_to_show_is_named():
    with pytest.raises(ValueError, match="'Report' has nothing"):
        gallery.picture(report_of(Text("words")))


def test_a_chart_of_many_points_stays_small_and_names_its_ends():
    many = [(float(x), 5.0 - x / 1e6) for x in range(100_000)]
    chart = drawn(LineChart("c", "Loss", [Series("train", many)], "step", "loss"))
    line = chart.select_one("polyline")
    assert len(line["points"].split()) == gallery.POINTS
    assert "train 4.9" in chart.svg["aria-label"]
    assert {text.get_text() for text in chart.select("text")} >= {"0", "100,000", "step"}


def test_a_chart_with_a_gap_has_two_lines():
    gap = [(0, 1.0), (1, 2.0), (2, float("nan")), (3, 1.0), (4, 2.0)]
    assert len(drawn(LineChart("c", "Loss", [Series("train", gap)])).select("polyline")) == 2


def test_a_large_heatmap_shows_its_corner():
    names = [f"t{at}" for at in range(64)]
    heat = drawn(Heatmap("h", "H", names, names, [[0.5] * 64] * 64))
    assert len(heat.select("rect")) == gallery.CELLS**2
    assert all(float(text["y"]) <= float(heat.svg["viewbox"].split()[3]) for text in heat.select("text"))


def test_tokens_keep_their_text_and_colours():
    tokens = drawn(TOKENS)
    assert [one.get_text() for one in tokens.select(".report-token")] == ["a<b", "⏎\n"]
    assert tokens.mark["class"] == ["report-token", "report-token-1"]
    long = drawn(Tokens("t", [Span("word ", 1, 0)] * 5_000))
    assert len(long.div.get_text()) <= gallery.LETTERS + 1
    assert "5,000 coloured pieces" in long.div["aria-label"]


def test_a_table_is_cut():
    wide = Table("t", [Column(f"c{at}", f"Column {at}") for at in range(9)], [list(range(9))] * 50)
    table = drawn(wide)
    assert len(table.select("tbody tr")) == gallery.ROWS
    assert len(table.select("th")) == gallery.COLUMNS


def test_any_tool_gets_a_card():
    """One that no gallery has seen before: the demonstration tool with every kind of block."""
    card = BeautifulSoup(gallery.card(DEMO), "html.parser")
    assert card.h2.get_text() == "Demo & test"
    assert card.select_one(".gallery-picture svg")
    assert card.a["href"] == "demo-tool/?depth=4"


# ---- the page ------------------------------------------------------------------------------------


def test_the_page_shows_the_gallery_and_is_light(site):
    page = (site / "tools" / "index.html").read_text(encoding="utf-8")
    built = BeautifulSoup(page, "html.parser").select(".gallery-card")
    assert [card.h2["id"] for card in built] == list(registry.NAMES)
    assert len(gzip.compress(page.encode())) <= KILOBYTES_IN_ALL * 1000


def test_a_click_on_a_card_opens_the_tool(site_url, open_page):
    page = open_page(site_url + "tools/")
    place = page.locator(".gallery-picture").first.bounding_box()
    page.mouse.click(place["x"] + 20, place["y"] + 20)  # the link covers the picture
    page.wait_for_url(re.compile(rf"/tools/{registry.NAMES[0]}/\?"))
    page.wait_for_selector(".tool[data-alive]")
    until(page, "Number(document.querySelector('.tool').dataset.answered ?? 0) > 0")
    assert page.is_hidden(".tool-error")
