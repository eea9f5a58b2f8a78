"""Interactive figure: where the heads of a trained model look. The model of the page reads the text.

Each head is measured as the attention visualizer does it, and the one with the most of what was asked for is
shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from tools.attention import live_trace
from tools.attention.question import Question as Asked
from tools.attention.text_sections import heatmap
from tools.attention.trace import Trace
from tools.attention.view import View, head_name
from tools.core import parameters as ask
from tools.core.report import Report, Row, Rows, Section
from tools.core.tool import Tool, UsageError
from tools.core.words import whole_characters
from tools.live.model import LiveModel
from tools.live.remembered import Remembered

SENTENCE = "The old man saw the old woman."
MEASURES = {
    "previous": "at the token before",
    "first": "at the first token",
    "itself": "at itself",
    "same": "at the same token, earlier",
    "in-text": "at what followed the last time",
    "distance": "far back",
    "entropy": "at everything alike",
}
SAYS = {
    "previous": "gives {value:.2f} of its attention to the token before",
    "first": "gives {value:.2f} of its attention to the first token",
    "itself": "gives {value:.2f} of its attention to the token itself",
    "same": "gives {value:.2f} of its attention to earlier tokens that are the same",
    "in-text": "gives {value:.2f} of its attention to what followed the same token the last time",
    "distance": "looks {value:.1f} tokens back, on average",
    "entropy": "spreads its attention over as much as {alike:.1f} tokens looked at alike",
}
FEWEST, MOST = 3, 12  # tokens: fewer cannot be measured, more make no small picture

_TRACES: Remembered[Trace] = Remembered()


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    text: str = ask.text(SENTENCE, f"up to {MOST} tokens of it are read", high=200, asks_model=True)
    by: str = ask.choice("previous", MEASURES, "the head that does most of this", label="The head that looks")


async def ask_model(question: Question, model: LiveModel) -> None:
    """Have the model read the text."""
    await _TRACES.work_out(question.text, lambda: read(question.text, model))


async def read(text: str, model: LiveModel) -> Trace:
    """The weights of the text's first tokens."""
    ids = [model.bos, *model.tokenizer.encode(whole_characters(text))][:MOST]
    if len(ids) < FEWEST:
        raise UsageError("--text needs two tokens or more, a few words", parameter="text")
    return await live_trace.trace_of_ids(model, ids)


def run(question: Question) -> Report:
    """The head that does most of what was asked for."""
    trace = _TRACES.get(question.text)
    view = View(trace, Asked(by=question.by, show=MOST))
    if not view.measured(question.by):
        raise UsageError(
            "--text has no token twice, so no head can be measured so; write a word again", parameter="text"
        )
    best = view.chosen
    ranked = [(head_name(place), view.value(question.by, place) or 0.0) for place in view.ranked(question.by)]
    value, even = ranked[0][1], view.even_value(question.by) or 0.0
    rows = [
        Row("heads", "Heads of the model", view.n_heads, f"{trace.n_head} in each of {trace.n_layer} layers"),
        Row("next", "The next heads", ", ".join(name for name, _ in ranked[1:4])),
        Row("even", "A head without any choice", even, shown(question.by, even)),
    ]
    layer, head = best
    says = SAYS[question.by].format(value=value, alike=2**value)
    return Report(
        "Real head",
        [Section("Head", [heatmap(view), Rows(rows)])],
        says=f"Layer {layer + 1}, head {head + 1} {says}.",
    )


def shown(measure: str, value: float) -> str:
    """A measure of a head that looks at everything before it alike.

    >>> shown("previous", 0.25), shown("entropy", 2.0)
    ('0.25', 'as 4.0 tokens alike')
    """
    return f"as {2**value:.1f} tokens alike" if measure == "entropy" else f"{value:.2f}"


TOOL = Tool(
    name="figures/real-head",
    title="A real head",
    summary="A trained model reads your words. Which of its heads looks where?",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "The weights are those of the model that runs in this page. The head is the one that comes first by "
        "what you choose; the numbers are means over the tokens from the third on."
    ),
    ask_model=ask_model,
)
