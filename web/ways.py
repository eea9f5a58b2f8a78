"""What each guide is and what it asks of its reader, read from the guides' own pages.

A guide opens with a box that gives its times and what it stands on. The map of the guides, its table and its
figure are made from these boxes, so that they cannot say something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nanochat.model.counting import count_parameters
from nanochat.train.depth_dial import turn_dial
from web.figures.laptop_run import config

GUIDES = Path(__file__).resolve().parent.parent / "site_docs" / "guides"
FOLDERS = {  # the rooms of the code that a guide explains, as its reference pages are called
    "1": ("nanochat.model",),
    "2": ("nanochat.tokenizer",),
    "3": ("nanochat.model",),
    "4": ("nanochat.data", "nanochat.train"),
    "5": ("nanochat.inference",),
    "6": ("nanochat.toolbox",),
    "7": ("nanochat.evaluation",),
    "8": ("nanochat.serve", "runs/"),
    "9": ("tools",),
    "microgpt": ("tools/microgpt.py",),
}

BOX = re.compile(
    r"\*\*Time:\*\* (?P<time>.*?)\n\s*\n\s*\*\*It stands on:\*\* (?P<ground>.*?)\n\s*\n", re.DOTALL
)
TIME = re.compile(
    r"(?:about )?(?:(?P<half>half an hour)|(?P<minutes>\d+) minutes"
    r"|(?P<hours>\w+) hours?(?: and a (?P<part>half|quarter))?)"
)
TITLE = re.compile(r"^# (?P<title>.+)$", re.MULTILINE)
GUIDE_LINK = re.compile(r"\((?:0(?P<file>\d)-[\w-]+\.md|index\.md#guide-(?P<map>\d)|(?P<name>primer)\.md)")
NUMBERS = {"an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
PARTS = {"half": 30, "quarter": 15, None: 0}


@dataclass(frozen=True)
class Guide:
    """A guide as its top box describes it. `key` is its number, or its name where it has none."""

    key: str
    file: str
    title: str
    to_read: int  # minutes
    in_all: int  # minutes, with all cells and exercises
    needs: tuple[str, ...]  # keys of the pages it stands on
    helps: tuple[str, ...]  # of those that it names besides

    @property
    def name(self) -> str:
        """Its number and title.

        >>> read_guide(GUIDES / "02-tokenization.md").name
        '2. Tokenization'
        """
        return f"{self.key}. {self.title}" if self.key.isdigit() else self.title


def guides() -> list[Guide]:
    """The primer and all guides, in the order of reading; microGPT stands after the guides it joins."""
    found = [GUIDES / "primer.md", *sorted(GUIDES.glob("0*.md"))]
    bridge = GUIDES / "microgpt.md"
    if bridge.exists():
        before = [place for place, path in enumerate(found) if path.name < "06"]
        found.insert(max(before, default=0) + 1, bridge)
    return [read_guide(path) for path in found]


def read_guide(path: Path) -> Guide:
    """Read a guide's title and top box.

    >>> guide = read_guide(GUIDES / "05-inference.md")
    >>> guide.to_read, guide.in_all, guide.needs, guide.helps
    (60, 240, ('1', '2', '3'), ('4',))
    """
    text = path.read_text(encoding="utf-8")
    title, box = TITLE.search(text), BOX.search(text)
    if not title or not box:
        raise ValueError(f"{path.name} has no title, or no box with **Time:** and **It stands on:**")
    key = str(int(path.name[:2])) if path.name[0].isdigit() else path.stem
    time = " ".join(box["time"].split())
    first, _, rest = " ".join(box["ground"].split()).partition(". ")
    needs = linked(first)
    return Guide(
        key,
        path.name,
        title["title"].partition(":")[0],
        minutes(time.partition(" to read")[0]),
        minutes(re.split(r"[,;] ", time.partition(" with all")[0])[-1]),
        needs,
        tuple(one for one in linked(rest) if one not in needs),
    )


def linked(text: str) -> tuple[str, ...]:
    """The keys of the guides that a text links to, each once.

    >>> linked("[guide 2](02-tokenization.md), [4](index.md#guide-4), the [primer](primer.md)")
    ('2', '4', 'primer')
    """
    keys = (match["file"] or match["map"] or match["name"] for match in GUIDE_LINK.finditer(text))
    return tuple(dict.fromkeys(keys))


def minutes(words: str) -> int:
    """How many minutes a phrase of a box means.

    >>> [minutes(words) for words in ("about 45 minutes", "an hour and a half", "about three hours")]
    [45, 90, 180]
    >>> minutes("a while")
    Traceback (most recent call last):
    ValueError: 'a while' is no time that is understood; write 'about 45 minutes' or 'an hour and a half'
    """
    found = TIME.fullmatch(words.strip())
    if found and found["half"]:
        return 30
    if found and found["minutes"]:
        return int(found["minutes"])
    if found and found["hours"] in NUMBERS:
        return 60 * NUMBERS[found["hours"]] + PARTS[found["part"]]
    raise ValueError(
        f"{words!r} is no time that is understood; write 'about 45 minutes' or 'an hour and a half'"
    )


def short(time: int) -> str:
    """Minutes as a table shows them.

    >>> short(45), short(60), short(75), short(240)
    ('45 min', '1 h', '1 h 15', '4 h')
    """
    hours, rest = divmod(time, 60)
    return f"{rest} min" if not hours else f"{hours} h {rest}" if rest else f"{hours} h"


def table() -> str:
    """The table of the map, as Markdown: times, ground and code of every guide.

    Its links are those of built pages: MkDocs does not see what a snippet prints.
    """
    lines = [
        "| Guide | To read | With exercises | Stands on | Helps | Code |",
        "| --- | ---: | ---: | --- | --- | --- |",
    ]
    found = guides()
    for guide in found:
        ground, besides = (in_words(keys) for keys in (guide.needs, guide.helps))
        lines.append(
            f"| [{guide.name}]({guide.file.removesuffix('.md')}/) "
            f"| {short(guide.to_read)} | {short(guide.in_all)} "
            f"| {ground} | {besides} | {code_of(guide.key)} |"
        )
    read, whole = sum(guide.to_read for guide in found), sum(guide.in_all for guide in found)
    lines.append(f"| **All of them** | **{short(read)}** | **{short(whole)}** | | | |")
    return "\n".join(lines)


def in_words(keys: tuple[str, ...]) -> str:
    """Keys of guides as a cell of the table.

    >>> in_words(("1", "2")), in_words(("primer",)), in_words(())
    ('1, 2', 'primer', '–')
    """
    return ", ".join(keys) or "–"


def code_of(key: str) -> str:
    """Links to the reference of the rooms that a guide explains; a folder without such a page as its name."""
    rooms = FOLDERS.get(key, ())
    return ", ".join(f"`{room}`" if "/" in room else f"[`{room}`](../reference/{room}/)" for room in rooms)


def sizes() -> str:
    """The table that compares the toy of the ten minutes with models that answer."""
    laptop, large = config("base"), turn_dial(24, 8)
    seen = laptop["model"]["sequence_len"], large.config.sequence_len
    rows = [
        ("the toy on this page", 3, 1, 35),
        ("a laptop, in minutes", laptop["parameters"], seen[0], laptop["total_tokens"]),
        ("eight GPUs, in hours", count_parameters(large.config).total, seen[1], large.tokens),
        ("GPT-3, in 2020", 175_000_000_000, 2_048, 300_000_000_000),
    ]
    lines = ["| Model | Parameters | It sees | It learned from |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {what} | {large_number(parameters)} | {context:,} tokens | {large_number(tokens)} tokens |"
        for what, parameters, context, tokens in rows
    ]
    return "\n".join(lines).replace(" 1 tokens", " 1 token")


def large_number(value: int) -> str:
    """A number as people say it.

    >>> large_number(35), large_number(7_340_162), large_number(8_760_000_000), large_number(175 * 10**9)
    ('35', '7.3 million', '8.8 billion', '175 billion')
    """
    for size, name in ((10**9, "billion"), (10**6, "million")):
        if value >= size:
            return f"{value / size:.3g} {name}" if value >= 100 * size else f"{value / size:.1f} {name}"
    return f"{value:,}"
