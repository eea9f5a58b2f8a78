"""The ways in: map, ten minutes, cheat sheet, the list of everything, and the search by everyday names."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from bs4 import BeautifulSoup

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from web import cheat_sheet, contents, ways
from web.figures.ways import PLACES, arrows
from web.glossary import first_sentence, plain

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "site_docs" / "guides"
GLOSSARY = (ROOT / "site_docs" / "glossary.md").read_text(encoding="utf-8")
TERM = re.compile(r"^(?P<term>[^\s#:|].*?) \{ #\S+ \}\n:   (?P<meaning>.*)$", re.MULTILINE)
ALSO = re.compile(r"\*Also:\* (?P<names>.+)\.$")
EVERYDAY = {  # what a newcomer types, and the term's anchor in the glossary
    "AI": "llm",
    "chatbot": "chat-format",
    "word piece": "token",
    "memory of a conversation": "kv-cache",
    "making things up": "hallucination",
    "creativity": "temperature",
    "brain cell": "neuron",
    "graphics card": "gpu",
    "leaked test": "contamination",
    "error bar": "standard-error",
    "trial and error": "reinforcement-learning",
    "function calling": "tool-use",
}


# ---- the map -------------------------------------------------------------------------------------


def test_the_map_says_of_every_guide_what_its_own_page_says():
    found = ways.guides()
    numbered = [guide.key for guide in found if guide.key.isdigit()]
    assert numbered == [str(int(path.name[:2])) for path in sorted(GUIDES.glob("0*.md"))]
    table = ways.table()
    for guide in found:
        assert 0 < guide.to_read < guide.in_all, guide
        row = next(line for line in table.splitlines() if f"]({guide.file.removesuffix('.md')}/)" in line)
        assert f"| {ways.short(guide.to_read)} | {ways.short(guide.in_all)} |" in row
    assert numbered == [str(number) for number in range(1, 10)]


def test_no_guide_stands_on_a_later_one():
    order = [guide.key for guide in ways.guides()]
    for guide in ways.guides():
        for key in (*guide.needs, *guide.helps):
            assert order.index(key) < order.index(guide.key), f"guide {guide.key} stands on {key}"


def test_every_guide_has_its_place_on_the_map_and_an_arrow_to_it():
    keys = {guide.key for guide in ways.guides()}
    assert keys <= set(PLACES)
    reached = {upper for _, upper, _ in arrows()}
    assert keys - {"primer", "8"} <= reached


def test_the_chapters_of_guide_9_say_what_its_table_says_of_them():
    """Difficulty, title and time stand in a chapter's own box, too."""
    table = (GUIDES / "09-build-the-tools.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| \[([^\]]+)\]\((build-[\w-]+\.md)\) \| (\d+) \|", table, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == list(range(1, 11))
    assert sum(int(time) for *_, time in rows) == 15 * 60  # what the page says of all ten
    for number, title, name, time in rows:
        if (GUIDES / name).exists():
            text = (GUIDES / name).read_text(encoding="utf-8")
            assert f"# Build the {title[0].lower()}{title[1:]}\n" in text, name
            assert re.search(rf"\*\*Difficulty:\*\*\s+{number} of 10", text), name
            said = re.search(r"\*\*Time:\*\*\s+([^.,;]+)[.,;]", text)
            assert ways.minutes(" ".join(said[1].split())) == int(time), name


@pytest.mark.parametrize(
    "words", ["a long time", "three days", "about 45", "half an hour and a bit"], ids=lambda words: words
)
def test_a_time_that_is_not_understood_stops_the_build(words):
    with pytest.raises(ValueError, match="no time that is understood"):
        ways.minutes(words)


def test_a_guide_without_a_box_is_named(tmp_path):
    page = tmp_path / "08-boxless.md"
    page.write_text("# Boxless\n\nNothing.\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"08-boxless\.md"):
        ways.read_guide(page)


# ---- ten minutes ---------------------------------------------------------------------------------


def test_the_ten_minutes_name_every_guide():
    text = (GUIDES / "ten-minutes.md").read_text(encoding="utf-8")
    for number in range(1, 10):
        assert re.search(rf"\[guide {number}\]\((0{number}-|index\.md#guide-{number})", text), number
    assert 6 <= len(re.findall(r"^```python live", text, re.MULTILINE)) <= 8


def test_the_toy_of_the_ten_minutes_is_as_large_as_its_table_says(site):
    page = (site / "guides" / "ten-minutes" / "index.html").read_text(encoding="utf-8")
    tokens = re.search(r"characters, (\d+) tokens", page)[1]
    assert f"| 1 token | {tokens} tokens |" in ways.sizes()


# ---- cheat sheet ---------------------------------------------------------------------------------


def test_the_shapes_of_the_cheat_sheet_are_those_of_the_model():
    """A hook on each named module of a small model sees the shape that the sheet names."""
    config = GPTConfig(n_layer=2, n_embd=64, n_head=4, n_kv_head=2, vocab_size=320)
    sizes = {
        "B": 3, "T": 5, "C": 64, "H": 4, "K": 2, "D": config.head_dim, "F": config.mlp_width,
        "V": config.padded_vocab_size,
    }  # fmt: skip
    model = GPT(config).initialize(seed=0)
    seen = {}
    named = {name: letters for _, name, letters in cheat_sheet.STEPS if name}
    for name, module in model.named_modules():

        def look(_module, _inputs, out, name=name):
            seen[name] = tuple(out.shape)

        if name in named:
            module.register_forward_hook(look)
    model(torch.zeros(3, 5, dtype=torch.int))
    assert len(named) >= 8
    for name, letters in named.items():
        wanted = tuple(
            torch.tensor([sizes[letter] for letter in one.split("·")]).prod().item()
            for one in letters.split()
        )
        assert seen[name] == wanted, name


def test_the_cheat_sheet_uses_every_number_once_and_names_every_formula():
    text = (GUIDES / "cheat-sheet.md").read_text(encoding="utf-8")
    used = re.findall(r"@(\w+)@", text)
    assert sorted(used) == sorted(cheat_sheet.EXAMPLES)
    for what in (
        "Softmax", "Cross-entropy", "Bits per byte", "RMSNorm", "Attention", "Rotary", "Parameters", "FLOPs",
        "KV cache", "AdamW", "Muon", "Schedule", "Policy gradient", "Centred accuracy", "Standard error",
    ):  # fmt: skip
        assert re.search(rf"^\| \[{what}[^|]*\]\(0\d-[\w-]+\.md#", text, re.MULTILINE), what


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_the_cheat_sheet_prints_on_two_pages(open_page, site_url, paper):
    printed = open_page(site_url + "guides/cheat-sheet/").pdf(format=paper)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


# ---- the list of everything ----------------------------------------------------------------------


def page_of(site: Path, name: str) -> str:
    return (site / "guides" / ("" if name == "index" else name) / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", contents.page_names())
def test_the_list_leaves_nothing_out(site, name):
    """What a page holds, counted without the module that makes the list, stands in the list."""
    page = page_of(site, name)
    listed = BeautifulSoup(page_of(site, "contents"), "html.parser").select(f'[data-page="{name}"] li')
    kinds = Counter(str(one["data-kind"]) for one in listed)
    article = BeautifulSoup(page[page.index("<article") : page.index("</article>")], "html.parser")
    explored = article.select("figure.explore, .model-figure")
    assert kinds["interactive"] == len(explored)
    for part in (*explored, *article.select(".live-output")):
        part.clear()
    rest = str(article)
    assert kinds["figure"] == rest.count('<figure class="fig"') + rest.count('<div class="diagram"')
    assert kinds["exercise"] == rest.count('class="live-cell exercise"')
    assert kinds["cell"] == rest.count('class="live-cell"')
    assert kinds["table"] == rest.count("<table")
    assert all(one.a["href"].startswith("../") and one.a.get_text() for one in listed)


def test_every_page_of_the_guides_is_in_the_list(site):
    pages = {path.stem for path in GUIDES.glob("*.md")} - set(contents.LEFT_OUT)
    assert pages == set(contents.page_names())
    page = BeautifulSoup(page_of(site, "contents"), "html.parser")
    assert {str(one["data-page"]) for one in page.select(".contents-list")} == pages
    assert len(page.select(".contents-list li")) > 400


def test_what_a_page_shows_twice_is_listed_once():
    """An interactive figure is one thing, whatever its report holds."""
    page = """<article><h1 id="t">T<a class="headerlink">¶</a></h1><table><tr><th>a</th></tr></table>
      <figure class="explore" id="explore-x"><p class="explore-title"><strong>X.</strong> y</p>
      <figure class="fig"></figure><table></table></figure></article>"""
    assert [(one.kind, one.name, one.anchor) for one in contents.items(page)] == [
        ("table", "a", "t"),
        ("interactive", "X", "explore-x"),
    ]


# ---- words ---------------------------------------------------------------------------------------


def everyday_names() -> dict[str, list[str]]:
    found = {}
    for match in TERM.finditer(GLOSSARY):
        if also := ALSO.search(match["meaning"]):
            found[plain(match["term"])] = also["names"].split(", ")
    return found


def test_the_glossary_has_everyday_names_that_its_tooltips_leave_out():
    names = everyday_names()
    assert len(names) >= 40
    assert GLOSSARY.count("*Also:*") == len(names), "an `Also` that does not end its line with a full stop"
    for match in TERM.finditer(GLOSSARY):
        assert "Also" not in first_sentence(plain(match["meaning"])), match["term"]


def test_every_term_leads_to_a_section():
    for match in TERM.finditer(GLOSSARY):
        assert re.search(r"\]\((guides|about)/[\w-]+\.md(#[\w-]+)?\)", match["meaning"]), match["term"]


@pytest.mark.parametrize("name", EVERYDAY)
def test_the_search_finds_a_term_by_its_everyday_name(open_page, site_url, name):
    known = [one for names in everyday_names().values() for one in names]
    assert name in known
    page = open_page(site_url)
    page.locator(".md-search__input").fill(name)
    page.locator(".md-search-result__link").first.wait_for()
    for result in page.locator(".md-search-result__item").all()[:5]:
        links = [link.get_attribute("href") for link in result.locator(".md-search-result__link").all()]
        if any(re.search(rf"glossary/.*#{EVERYDAY[name]}$", link) for link in links[:4]):
            return
    pytest.fail(f"{name!r} does not lead to glossary/#{EVERYDAY[name]}")


def test_the_index_of_the_search_holds_each_term_of_the_glossary_by_itself(site):
    docs = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    found = [doc["location"] for doc in docs if doc["location"].startswith("glossary/#")]
    assert found == [
        f"glossary/#{name}" for name in re.findall(r"^\S.*\{ #(\S+) \}\n:", GLOSSARY, re.MULTILINE)
    ]


# ---- home ----------------------------------------------------------------------------------------


def test_the_home_page_leads_a_newcomer_on(site):
    home = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = {str(one["href"]) for one in home.select(".md-content a[href]")}
    for wanted in (
        "guides/ten-minutes/", "guides/", "guides/primer/", "guides/01-introduction/", "guides/figures/",
        "tools/model-calculator/", "tools/tokenizer-playground/", "glossary/", "guides/cheat-sheet/",
    ):  # fmt: skip
        assert wanted in links, wanted
    assert any(re.match(r"guides/(#guide-8|08-)", link) for link in links), "no way to the quick start"
