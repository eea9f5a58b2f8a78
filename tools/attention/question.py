"""What the attention visualizer can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.attention.trace import MOST_TOKENS
from tools.core import parameters as ask

EXAMPLES = {
    "sentence": "a sentence, read after pretraining",
    "sum": "a sum in a chat, read after reinforcement learning",
    "repeated": "random tokens that come twice, read after pretraining",
    "induction": "letters that come twice, read by a small model trained on nothing else",
}
MEASURES = {
    "previous": "previous token",
    "first": "first token",
    "itself": "itself",
    "same": "same token",
    "induction": "induction on random tokens",
    "in-text": "induction on the text",
    "entropy": "entropy",
    "distance": "distance",
    "window": "share inside a window",
}
PICTURES = {
    "heatmap": "heatmap: one head, who looks at whom",
    "lines": "lines: one token, where it looks",
    "maps": "maps: all heads, small",
}
TRACE, LOOK, MODEL = "Trace", "What to look at", "Model"


@dataclass(frozen=True)
class Question:
    """One of `text`, `chat`, `chat_file`, `repeat`, `trace` and `example`, and what to see of it.

    >>> Question().by
    'previous'
    """

    text: str | None = ask.text(
        None, "a text for a model to read", multiline=True, positional=True, group=MODEL, asks_model=True
    )
    chat: str | None = ask.text(
        None, 'a question to a chat model, or a conversation as JSON: {"messages": [...]} or the list alone',
        multiline=True, group=MODEL, asks_model=True,
    )  # fmt: skip
    chat_file: Path | None = ask.file(  # noqa: RUF009 (it makes a field, as the others do)
        "a file with a conversation as JSON", suffixes=[".json"], stdin=True, group=MODEL, terminal=True
    )
    repeat: int | None = ask.integer(
        None, "read so many random tokens, and the same again", low=2, high=(MOST_TOKENS - 1) // 2,
        group=MODEL, asks_model=True,
    )  # fmt: skip
    run: str | None = ask.text(
        None, "whose model reads: a run's name, or its folder (default: the newest of sft or rl)",
        group=MODEL, terminal=True,
    )  # fmt: skip
    step: int | None = ask.integer(
        None, "which checkpoint (default: the last)", low=0, group=MODEL, terminal=True
    )
    device: str | None = ask.text(
        None, "cpu, cuda or cuda:1 (default: a GPU, else the CPU)", group=MODEL, terminal=True
    )
    seed: int = ask.integer(0, "of the random tokens", low=0, high=10**6, group=MODEL)

    trace: Path | None = ask.file(  # noqa: RUF009
        "a trace that this tool saved", suffixes=[".json"], group=TRACE, label="Trace file"
    )
    example: str | None = ask.choice(None, EXAMPLES, "an example instead of a file", group=TRACE)
    first: int | None = ask.integer(
        None, "only so many tokens from the beginning", low=3, high=MOST_TOKENS, group=TRACE,
        label="First tokens",
    )  # fmt: skip

    by: str = ask.choice("previous", MEASURES, "order heads by this measure", group=LOOK, label="Order by")
    layer: int | None = ask.integer(
        None, "the layer to look at (default: that of the head that comes first)", low=1, high=1_000,
        group=LOOK,
    )  # fmt: skip
    head: int | None = ask.integer(
        None, "the head to look at (default: the one that comes first)", low=1, high=1_000, group=LOOK
    )
    token: int | None = ask.integer(
        None, "the token whose lines to draw, counted from 1 (default: the last)", low=1, high=MOST_TOKENS,
        group=LOOK,
    )  # fmt: skip
    window: int | None = ask.integer(
        None, "measure the share of attention inside a window of so many tokens (default: the model's own)",
        low=1, high=10**6, group=LOOK,
    )  # fmt: skip
    start: int = ask.integer(
        1, "first token of the maps", low=1, high=MOST_TOKENS, group=LOOK, label="Maps begin at token"
    )
    show: int = ask.integer(18, "most tokens to draw", low=4, high=64, group=LOOK, label="Tokens in a map")
    rows: int = ask.integer(32, "most heads in a table", low=1, high=10_000, group=LOOK)
    picture: str = ask.choice(
        "heatmap", PICTURES, "which of them is saved as SVG", group=LOOK, label="Picture to save"
    )
