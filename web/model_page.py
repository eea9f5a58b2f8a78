"""Pages on which the reader asks the model of the page: their forms, and what they show before that.

Before a script runs, a page shows what the same Python made of an example at build, with the same model. The
browser's scripts find a page by its class (`web/src/playground.ts` the playground) and the places in it by
theirs.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanochat.inference.request import Sampling
from tools.core.markup import escape
from tools.live.chips import answer_html, next_html
from tools.live.playground import Playground
from web import looking_page, model_files, model_runner, words_page

EXAMPLES = (
    ("chat", "Tell me a story about a girl named Lily."),
    ("chat", "What is 37 * 12?"),
    ("chat", "How many r are in strawberry?"),
    ("chat", "What can you do?"),
    ("complete", "Once upon a time"),
)
SLIDERS = (
    ("temperature", "Temperature", 0, 2, 0.05, 0.5, "0 always takes the likeliest token"),
    ("top_k", "Top-k", 0, 100, 1, 0, "only the k likeliest tokens"),
    ("top_p", "Top-p", 0, 1, 0.01, 1, "only the likeliest that together reach p"),
    ("min_p", "Min-p", 0, 1, 0.01, 0, "only tokens with this share of the likeliest one's chance"),
)
WITHOUT_SCRIPT = "The model runs in this page by JavaScript. Without it, the page shows one answer of it."
RULES = Sampling(temperature=0.5)


def chat() -> str:
    """The playground."""
    return "\n".join(_chat())


def _chat() -> Iterator[str]:
    yield '<div class="playground">'
    yield '<form aria-label="A question for the model" autocomplete="off">'
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield '<fieldset class="model-controls" disabled>'
    yield '<div class="model-ask">'
    yield '<label for="playground-text">Your question, or the beginning of a text</label>'
    yield f'<textarea id="playground-text" name="text" rows="2" maxlength="2000">{EXAMPLES[0][1]}</textarea>'
    yield '<div class="model-row">'
    yield '<label><input type="radio" name="mode" value="chat" checked> chat</label>'
    yield '<label><input type="radio" name="mode" value="complete"> complete the text</label>'
    yield '<label><input type="checkbox" name="slowly"> one token at a time</label>'
    yield "</div>"
    yield '<div class="model-row">'
    yield '<button type="submit" class="live-button live-run">Ask</button>'
    yield from buttons("New conversation")
    yield "</div>"
    yield '<div class="model-row model-examples"><span>Try</span>'
    for mode, text in EXAMPLES:
        asked = f'data-mode="{mode}" data-text="{escape(text)}"'
        yield f'<button type="button" class="live-button" name="example" {asked}>{escape(text)}</button>'
    yield "</div></div>"
    yield '<div class="model-sampling">'
    yield from sliders("playground")
    yield (
        '<div class="model-slider"><label for="playground-seed">Seed</label><input type="number" '
        'id="playground-seed" name="seed" value="0" min="0" max="999999" data-sampling '
        'aria-describedby="playground-seed-help"><span class="tool-help" id="playground-seed-help">'
        "another one, another draw</span></div>"
    )
    yield "</div>"
    yield from closing(*model_runner.at_once(example(EXAMPLES[0][1])))


def closing(answer: str, following: str) -> Iterator[str]:
    """The end of a playground's form, and the places that its script fills: an answer, a choice."""
    megabytes = model_files.download_bytes() / 1e6
    yield "</fieldset></form>"
    yield (
        f'<p class="tool-private">The first question starts Python and fetches the model and what runs it, '
        f"{megabytes:.0f} MB. This browser keeps them. What you write is not sent anywhere.</p>"
    )
    yield '<p class="model-status" role="status"></p>'
    yield f'<div class="model-answer-place" tabindex="0" role="region" aria-label="the answer">{answer}</div>'
    yield '<div class="model-branches-place"></div>'
    yield f'<div class="model-next-place">{following}</div>'
    yield "</div>"


def buttons(new: str) -> Iterator[str]:
    """The buttons that write; `new` is what the one says that begins anew."""
    for name, label in (("step", "One token"), ("go", "Go on"), ("stop", "Stop"), ("new", new)):
        yield f'<button type="button" class="live-button" name="{name}">{label}</button>'


def sliders(prefix: str) -> Iterator[str]:
    """The rules of choosing. Ids begin with `prefix`."""
    for name, label, low, high, step, value, note in SLIDERS:
        yield (
            f'<div class="model-slider"><label for="{prefix}-{name}">{label} <output>{value}</output></label>'
            f'<input type="range" id="{prefix}-{name}" name="{name}" min="{low}" max="{high}" step="{step}" '
            f'value="{value}" data-sampling aria-describedby="{prefix}-{name}-help">'
            f'<span class="tool-help" id="{prefix}-{name}-help">{note}</span></div>'
        )


async def example(question: str) -> tuple[str, str]:
    """An answer of the model to a question, and its most open choice: that is the one to look at."""
    ground = Playground(model_runner.page_model())
    ground.ask(question)
    at, openness = 0, {}
    while ground.places[at].finish is None:
        openness[at] = (await ground.shown_distribution(at, RULES))["bits"]["ruled"]
        at = await ground.step(at, RULES, seed=0)
    most_open = max(openness, key=openness.__getitem__)
    return answer_html(ground.shown_answer(at)), await choice(ground, most_open, RULES)


async def choice(ground: Playground, at: int, rules: Sampling) -> str:
    """The choice at a place, as the page's script would show it."""
    return next_html(await ground.shown_distribution(at, rules), after=ground.last_words(at))


PAGES = {
    "chat": chat,
    "attention": looking_page.attention,
    "streams": looking_page.streams,
    "ablation": looking_page.ablation,
    "words": words_page.words,
}


def render(name: str) -> str:
    """The page with this name.

    >>> render("talk")
    Traceback (most recent call last):
    ValueError: there is no page of the model 'talk'; there are chat, attention, streams, ablation, words
    """
    if name not in PAGES:
        raise ValueError(f"there is no page of the model {name!r}; there are {', '.join(PAGES)}")
    return PAGES[name]()
