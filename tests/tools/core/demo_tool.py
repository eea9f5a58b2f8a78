"""A small tool with every kind of parameter and every kind of block, for the tests of the core."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tools.core import parameters as ask
from tools.core.command import main
from tools.core.drawing import circle, line, words
from tools.core.report import (
    Bar,
    Bars,
    Cell,
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
from tools.core.tool import NeedFiles, Tool, ToolError, UsageError


@dataclass(frozen=True)
class Demo:
    depth: int = ask.integer(6, "layers of the model", low=1, high=1000, unit="layers", group="Model")
    total_tokens: int = ask.integer(10_000_000_000, "tokens to train on", low=0, group="Model")
    price: float | None = ask.number(None, "what an hour costs", low=0, unit="USD", group="Money")
    optimizer: str = ask.choice("muon", {"muon": "Muon", "adamw": "AdamW"}, "who updates the weights")
    show: tuple[str, ...] = ask.choice(("loss",), ["loss", "rate", "norm"], "what to draw", many=True)
    text: str = ask.text("hello", "the text", multiline=True, positional=True, high=1000)
    lines: tuple[str, ...] = ask.text((), "more texts", many=True)
    fast: bool = ask.flag("be quick")
    careful: bool = ask.flag("take care", default=True)
    config: Path | None = ask.file("a model's config", suffixes=[".json"])  # noqa: RUF009 (a field, as dataclasses want it)


def run(asked: Demo) -> Report:
    if asked.text == "bad":
        raise ToolError("demo.jsonl:3: the record has no messages")
    if asked.text == "interrupt":
        raise KeyboardInterrupt
    if asked.text == "unreadable":
        raise PermissionError(13, "Permission denied", "secret.txt")
    if asked.text == "needs":
        raise NeedFiles("the ranks are not here; run `make site`", ["assets/ranks/gpt2.tiktoken"])
    if asked.depth == 7:
        raise UsageError("--depth 7 is odd; use 6 or 8", parameter="depth")
    size = 0 if asked.config is None else asked.config.stat().st_size
    totals = Rows(
        [
            Row("depth", "Layers", asked.depth, f"{asked.depth:,} layers"),
            Row("", "Of these"),
            Row("half", "Half", asked.depth / 2, indent=1, formula=f"{asked.depth} / 2"),
            Row("tokens", "Tokens", asked.total_tokens, emphasis=True, formula="as asked"),
            Row("tokens_short", "", asked.total_tokens / 1e9, f"{asked.total_tokens / 1e9:.2f} B"),
            Row("config_bytes", "Config", size),
            Row("not_known", "Not known", float("nan")),
        ],
        align="right",
    )
    table = Table(
        "parts",
        [Column("name", "Name"), Column("size", "Size")],
        [["embedding", 12288000], ["head", Cell(768, "768 params", formula="2 × 384")]],
        caption="Where the parameters are",
    )
    spans = [
        Span("The", 464, 0, "id 464"),
        Span(" cat\n", 3797, 1),
        Span(asked.text, "text", None),
        Span("!", 5, 2, marked=True),
    ]
    grid = Heatmap(
        "seen", "Who sees whom", ["a", "b"], ["a", "b"], [[1.0, None], [0.25, 0.75]], "sees", "seen"
    )
    parts = [circle(50, 50, 40), line(50, 50, 90, 50), line(50, 50, 50, 10, "hand"), circle(50, 10, 4, "dot")]
    dial = Picture("dial", "A dial", "A hand that points up.", [*parts, words(50, 96, "up")], 100, 100)
    chart = LineChart("loss", "Loss", [Series("train", [(0, 5.5), (100, 3.25)])], "step", "loss")
    return Report(
        "Demo & test",
        [
            Section("Figures", [Rows([Row("optimizer", "Optimizer", asked.optimizer)]), totals]),
            Section(
                "Parts",
                [table, Bars("shares", [Bar("attention", 0.25, "25 %"), Bar("MLP", 0.75, before=0.5)])],
            ),
            Section("Pictures", [Tokens("tokens", spans, caption="The tokens"), chart, grid, dial], icon="⏱️"),
            Section(
                "Words", [Text(asked.text, key="said"), Code("command", "torchrun x"), Notes(["one", "two"])]
            ),
        ],
        notes=["made for tests"],
    )


TOOL = Tool(
    name="demo-tool",
    title="Demo & test",
    summary="shows every block",
    parameters=Demo,
    run=run,
    examples=[("--depth 12 --fast", "twelve layers")],
    page={"depth": "4"},
)

if __name__ == "__main__":
    sys.exit(main(TOOL))
