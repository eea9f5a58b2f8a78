"""Pages that look inside the model for the reader's own text: their forms, and an example made at build.

`tools.live.looking_page` answers, here with ONNX Runtime and on the page in the reader's browser, so what the
page shows first is what it would say again. The script that asks is `web/src/looking.ts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.core.markup import escape
from tools.live.ablation_html import grid_html
from tools.live.looking_page import LookingPages
from web import model_files
from web.model_runner import at_once, page_model

WITHOUT_SCRIPT = (
    "The model runs in this page by JavaScript. Without it, the page shows what it made of one text."
)
LONGEST = 600  # letters; the limit that counts is in tokens
STORY = "The cat sat on the mat. The dog sat on the"
SUM = "Two and two make four. Three and three make"


@dataclass(frozen=True)
class Place:
    """A part of the page that an answer fills; one that scrolls sideways can be reached by keyboard."""

    part: str
    label: str = ""


@dataclass(frozen=True)
class Page:
    """What a page asks for, its words, its places."""

    call: str
    button: str
    texts: Sequence[str]
    places: Sequence[Place]


ATTENTION = Page(
    "attention",
    "Look inside",
    (STORY, SUM, "When Mary met John, Mary gave John the", "one two three one two three one two"),
    (Place("maps", "all heads, layer by layer"), Place("head")),
)
STREAMS = Page(
    "streams",
    "Ask every layer",
    (STORY, SUM, "Once upon a time there was a", "The capital of France is"),
    (Place("lens", "what each layer would say"), Place("cell")),
)
ABLATION = Page(
    "ablation",
    "Read the text",
    (STORY, SUM, "Once upon a time there was a little girl", "one two three one two three one two"),
    (Place("loss"),),
)


def attention() -> str:
    """All heads of all layers."""
    shown = at_once(LookingPages(page_model()).attention({"text": ATTENTION.texts[0]}))
    return "\n".join(_page(ATTENTION, shown["parts"]))


def streams() -> str:
    """The logit lens."""
    shown = at_once(LookingPages(page_model()).streams({"text": STREAMS.texts[0]}))
    return "\n".join(_page(STREAMS, shown["parts"]))


def ablation() -> str:
    """Switches for the parts of the model."""
    return "\n".join(_page(ABLATION, at_once(_ablation_example()), "\n".join(_switches())))


async def _ablation_example() -> dict[str, str]:
    """The loss of the whole, and of each part left out."""
    pages, asked = LookingPages(page_model()), {"text": ABLATION.texts[0]}
    parts: dict[str, str] = dict((await pages.ablation(asked))["parts"])
    more = True
    while more:
        shown = await pages.alone(asked)
        more = shown["more"]
    parts |= shown["parts"]
    return parts


def _switches() -> Iterator[str]:
    yield '<div class="look-scroll" role="region" tabindex="0" aria-label="the parts of the model">'
    yield grid_html(page_model())
    yield '</div><div class="model-row">'
    yield '<button type="button" class="live-button" name="all">Keep all</button>'
    yield '<button type="button" class="live-button" name="alone">Leave out each one alone</button></div>'


def _page(page: Page, parts: dict[str, str], controls: str = "") -> Iterator[str]:
    megabytes = model_files.download_bytes() / 1e6
    name = f"looking-{page.call}"
    yield f'<div class="looking" data-call="{page.call}">'
    yield '<form aria-label="A text for the model to read" autocomplete="off">'
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield '<fieldset class="model-controls look-controls" disabled><div class="model-ask">'
    yield f'<label for="{name}">Your text</label>'
    about = f'id="{name}" name="text" rows="2" maxlength="{LONGEST}"'
    yield f"<textarea {about}>{escape(page.texts[0])}</textarea>"
    yield '<div class="model-row">'
    yield f'<button type="submit" class="live-button live-run">{page.button}</button>'
    yield '<button type="button" class="live-button" name="stop" disabled>Stop</button></div>'
    yield '<div class="model-row model-examples"><span>Try</span>'
    for text in page.texts:
        yield f'<button type="button" class="live-button" name="example">{escape(text)}</button>'
    yield f"</div></div>{controls}</fieldset></form>"
    yield (
        '<p class="tool-private">The first click fetches Python, the model and what runs it, '
        f"{megabytes:.0f} MB together. They are kept in this browser. What you write is sent nowhere.</p>"
    )
    yield '<p class="model-status" role="status"></p>'
    yield f'<div class="look-parts look-{page.call}">'
    for part, shown in parts.items():
        place = next((one for one in page.places if one.part == part), Place(part))
        scrolls = f' role="region" tabindex="0" aria-label="{place.label}"' if place.label else ""
        kind = "look-part look-scroll" if place.label else "look-part"
        yield f'<div class="{kind}" data-part="{part}"{scrolls}>{shown}</div>'
    yield "</div></div>"
