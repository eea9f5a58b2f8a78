"""The model of the page inside a guide: smaller playgrounds, each for one thing that the guide explains.

    next    a text that the reader writes, and the choice of what comes after it, under rules to turn
    call    a question, and the calculator that runs when the model calls it

They are playgrounds to the browser's script (`web/src/playground.ts`). What they show before a script runs is
what the model said at build.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanochat.inference.request import Sampling
from tools.live.chips import answer_html
from tools.live.playground import Playground
from web import model_page, model_runner

TEXT = "Once upon a time there was a"
QUESTION = "What is 37 * 12?"
WITHOUT_SCRIPT = "With JavaScript you can ask the model something else. Without it, this is one answer of it."


def next_token() -> str:
    """The chances of the next token of a text."""
    return "\n".join(_next_token())


def _next_token() -> Iterator[str]:
    yield from _opening("next", "What comes next?", "A text, and what the model makes of it.")
    yield '<div class="model-ask">'
    yield '<label for="next-text">The beginning of a text</label>'
    yield f'<textarea id="next-text" name="text" rows="2" maxlength="2000">{TEXT}</textarea>'
    yield '<input type="radio" name="mode" value="complete" checked hidden>'
    yield '<input type="checkbox" name="slowly" checked hidden>'
    yield '<input type="hidden" name="seed" value="0" data-sampling>'
    yield '<div class="model-row"><button type="submit" class="live-button live-run">Ask the model</button>'
    yield from model_page.buttons("Clear")
    yield "</div></div>"
    yield '<div class="model-sampling">'
    yield from model_page.sliders("next")
    yield "</div>"
    yield from model_page.closing(*model_runner.at_once(next_example()))


def call() -> str:
    """A call of the calculator."""
    return "\n".join(_call())


def _call() -> Iterator[str]:
    yield from _opening("call", "A real call", "A question for the model, token by token.")
    yield '<div class="model-ask model-wide">'
    yield '<label for="call-text">Your question</label>'
    yield f'<textarea id="call-text" name="text" rows="1" maxlength="500">{QUESTION}</textarea>'
    yield '<input type="hidden" name="temperature" value="0" data-sampling>'
    yield '<div class="model-row">'
    yield '<label><input type="checkbox" name="slowly" checked> one token at a time</label></div>'
    yield '<div class="model-row"><button type="submit" class="live-button live-run">Ask the model</button>'
    yield from model_page.buttons("New conversation")
    yield "</div></div>"
    yield from model_page.closing(*model_runner.at_once(call_example()))


def _opening(name: str, title: str, says: str) -> Iterator[str]:
    yield f'<div class="playground model-figure" id="model-{name}">'
    yield f'<p class="explore-title"><strong>{title}</strong> {says}</p>'
    yield f'<form aria-label="{title}" autocomplete="off">'
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield '<fieldset class="model-controls" disabled>'


async def next_example() -> tuple[str, str]:
    """The text of the beginning, and the choice after it under the rules of the form."""
    ground = Playground(model_runner.page_model())
    ground.complete(TEXT)
    values = {name: value for name, _, _, _, _, value, _ in model_page.SLIDERS}
    rules = Sampling(float(values["temperature"]), int(values["top_k"]), values["top_p"], values["min_p"])
    return answer_html(ground.shown_answer(0)), await model_page.choice(ground, 0, rules)


async def call_example() -> tuple[str, str]:
    """The question of the beginning with its answer, and the choice of the first token, that of a call."""
    ground = Playground(model_runner.page_model())
    ground.ask(QUESTION)
    greedy, at = Sampling(temperature=0), 0
    while ground.places[at].finish is None:
        at = await ground.step(at, greedy, seed=0)
    return answer_html(ground.shown_answer(at)), await model_page.choice(ground, 0, greedy)
