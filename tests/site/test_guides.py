"""The guides as texts: easy to read, answering a newcomer's questions, no term before its definition."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from web.glossary import plain
from web.prose import FENCE, LINK, blanked, reading_ease, reading_order, sections, words_in

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "site_docs" / "glossary.md"
QUESTIONS = yaml.safe_load(Path(__file__).with_name("reader_questions.yml").read_text(encoding="utf-8"))
PAGES = reading_order()
GUIDES = [page for page in PAGES if page.name[0].isdigit() or page.name == "microgpt.md"]
EASE_AT_LEAST = 55
QUESTIONS_AT_LEAST = 15

TERM = re.compile(r"^(?P<term>[^\s#:|].*?) \{ #\S+ \}\n:   (?P<meaning>.*)$", re.MULTILINE)
# A box that says what a guide will teach names what the reader does not know yet.
BOX = re.compile(r"^!!! abstract.*\n(?:\n|    .*\n)*", re.MULTILINE)
BOLD = re.compile(r"\*\*(?P<words>[^*\n]+(?:\n[^*\n]+)?)\*\*")
# Words that also mean something to everybody, and are used in that sense before a guide gives them its own.
EVERYDAY = {
    "argument", "attention", "batch", "context", "decoding", "depth", "distribution", "encoding", "head",
    "layer", "loss", "mask", "merge", "mixture", "model", "module", "parameter", "prompt", "rank", "reward",
    "sampling", "seed", "shape", "step", "training", "variable", "weight", "weights",
}  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_guide_reads_easily(page):
    ease = reading_ease(page.text)
    print(f"{page.name}: {words_in(page.text):,} words, reading ease {ease:.0f}")
    assert ease >= EASE_AT_LEAST


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_guide_answers_a_newcomers_questions(page, site):
    """Each question names the section that answers it, which is there and says something."""
    asked = QUESTIONS[page.name.removesuffix(".md")]
    assert len(asked) >= QUESTIONS_AT_LEAST
    assert len({one["question"] for one in asked}) == len(asked)
    built = site / "guides" / page.name.removesuffix(".md") / "index.html"
    soup = BeautifulSoup(built.read_text(encoding="utf-8"), "html.parser")
    for one in asked:
        assert one["answer"].strip(), one
        heading = soup.find(id=one["anchor"])
        assert heading is not None, f"{page.name} has no section #{one['anchor']}: {one['question']}"
        after = heading.find_next_sibling()
        assert after is not None, f"{page.name}#{one['anchor']} is empty"
        assert after.get_text(strip=True) or after.find("svg"), f"{page.name}#{one['anchor']} is empty"


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_guide_has_exercises_and_a_quiz(page):
    exercises = set(re.findall(r'^```python exercise="([^"]+)"', page.text, re.MULTILINE))
    assert len(exercises) >= 8, f"{page.name} has {len(exercises)} exercises"
    assert re.search(r"^```quiz", page.text, re.MULTILINE)
    assert BOX.search(page.text), "it does not say what the reader will be able to do"


def test_every_term_of_the_glossary_leads_to_its_section():
    """A link to a guide's section leads to one that is there, and the section names the term."""
    at = {f"guides/{page.name}": sections(page.text) for page in PAGES}
    wrong = []
    for match in TERM.finditer(GLOSSARY.read_text(encoding="utf-8")):
        for link in re.findall(r"\((guides/(?:\d|build-)[^)]*)\)", match["meaning"]):
            name, _, anchor = link.partition("#")
            if anchor and anchor not in at[name]:
                wrong.append(f"{match['term']}: {link}")
    assert not wrong, wrong


def places() -> tuple[str, dict[str, int]]:
    """All guides as one text of prose, and where each section begins in it."""
    whole, begins = "", {}
    for page in PAGES:
        text = BOX.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.text)
        begins |= {f"guides/{page.name}#{name}": len(whole) + place for name, place in sections(text).items()}
        whole += blanked(text)
    return whole, begins


def bold() -> dict[str, int]:
    """Where each words stand in bold for the first time, in lower case: there they are explained."""
    found: dict[str, int] = {}
    start = 0
    for page in PAGES:
        text = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), page.text)
        text = BOX.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        for match in BOLD.finditer(text):
            words = " ".join(LINK.sub(lambda link: link["text"], match["words"]).split()).lower().strip(".:,")
            for one in (words, words.removesuffix("s")):
                found.setdefault(one, start + match.start())
        start += len(text)
    return found


def test_no_term_is_used_before_it_is_defined():
    """A term is defined in the section that the glossary names, or where a guide first has it in bold.

    A paragraph that explains a term may use it before, and so may one that says where it will be explained.
    """
    whole, begins = places()
    explained = bold()
    early = []
    for match in TERM.finditer(GLOSSARY.read_text(encoding="utf-8")):
        term = plain(match["term"])
        link = re.search(r"\((guides/(?:\d|primer|build-)[^)]*#[^)]*)\)", match["meaning"])
        defined = [begins[link[1]]] if link else []
        defined += [explained[term.lower()]] if term.lower() in explained else []
        if not defined or term in EVERYDAY:
            continue
        used = re.search(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", whole)
        if used and not points_ahead(used.start()) and not in_paragraph(whole, used.start(), min(defined)):
            around = " ".join(whole[max(0, used.start() - 80) : used.end() + 40].split())
            early.append(f"{term}: {around}")
    assert not early, "\n".join(early)


def in_paragraph(text: str, place: int, definition: int) -> bool:
    """Whether a definition stands before the end of the paragraph at a place."""
    end = text.find("\n\n", place)
    return definition < (end if end >= 0 else len(text))


def points_ahead(place: int) -> bool:
    """Whether the words at a place of the text stand in brackets, or their paragraph leads to a guide."""
    text = "".join(page.text for page in PAGES)
    first, last = text.rfind("\n\n", 0, place), text.find("\n\n", place)
    in_brackets = text.rfind("(", first, place) > text.rfind(")", first, place)
    return in_brackets or bool(
        re.search(r"\]\((?:#|\d\d-|index|primer|microgpt|build-)|[Gg]uides? \d", text[first:last])
    )
