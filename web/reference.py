"""Write the API reference's pages: one for each room of the code, from what stands in the folders.

The pages are made at every build and are not kept in git. MkDocs' plugin `mkdocstrings` fills each `:::`
line with the docstrings, signatures and source of that module, so the reference cannot fall behind the
code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Room:
    """One page of the reference: a package or a module, what it is for, and the page that explains it."""

    name: str
    about: str
    guide: str  # a link to the page that teaches this room
    also: tuple[str, ...] = ()  # modules outside of the folder that stand on the same page


ROOMS = (
    Room(
        "nanochat.tokenizer",
        "Byte-pair encoding: the split pattern, training, encoding, decoding, rank files, special tokens; "
        "the fast encoder and trainer, and how well tokenizers compress.",
        "[Guide 2: Tokenization](../guides/02-tokenization.md)",
    ),
    Room(
        "nanochat.model",
        "The GPT, layer by layer: embeddings, rotary positions, attention, MLP, loss. Its shape, and how its "
        "parameters, memory and arithmetic are counted.",
        "[Guide 3: Architecture](../guides/03-architecture.md) and the "
        "[model calculator](../tools/model-calculator.md)",
    ),
    Room(
        "nanochat.data",
        "Corpora as shards on disk, made from packages, downloads or your own files; the loader that packs "
        "them into batches.",
        "[Guide 4: Training pipeline](../guides/04-training.md)",
    ),
    Room(
        "nanochat.data.tasks",
        "Tasks: conversations to learn from and questions to be judged by, from the hub, from packages, or "
        "made up; mixtures of them.",
        "[Guide 4: Training pipeline](../guides/04-training.md)",
    ),
    Room(
        "nanochat.inference",
        "From logits to text: sampling, the KV cache, the engine that writes many texts at once.",
        "[Guide 5: Inference](../guides/05-inference.md)",
    ),
    Room(
        "nanochat.toolbox",
        "What a model may call, a calculator and a Python sandbox, and how it calls them.",
        "[Guide 6: Tools and capabilities](../guides/06-tools.md)",
    ),
    Room(
        "nanochat.toolbox.layers",
        "The layers of the sandbox, one kernel facility each, and the program that puts them on.",
        "[Guide 6: Tools and capabilities](../guides/06-tools.md)",
    ),
    Room(
        "nanochat.evaluation",
        "How good a model is: bits per byte, CORE, tasks with error bars, and the results on disk.",
        "[guide 7](../guides/07-evaluation.md)",
    ),
    Room(
        "nanochat.evaluation.report",
        "The report card: what a run and the runs it came from have learnt, as one page.",
        "[guide 7](../guides/07-evaluation.md#the-report-card)",
    ),
    Room(
        "nanochat.serve",
        "Talking to a model: in the terminal, by an HTTP API, on a page.",
        "[Guide 8: Quick start](../guides/08-quick-start.md#talk-to-it)",
    ),
    Room(
        "nanochat.train",
        "Pretraining, fine-tuning, reinforcement learning: the depth dial, optimizers, schedule, the loop, "
        "checkpoints, several processes.",
        "[Guide 4: Training pipeline](../guides/04-training.md), [Scale](../about/scaling.md) and the "
        "[model calculator](../tools/model-calculator.md)",
    ),
    Room(
        "nanochat.cli",
        "The `nanochat` command, what it may complain of, small files, and where things lie on disk.",
        "[Guide 8: Quick start](../guides/08-quick-start.md); what an error means, and the way out, in its "
        "section [Troubleshooting](../guides/08-quick-start.md#troubleshooting)",
        also=("nanochat.errors", "nanochat.files", "nanochat.home"),
    ),
    Room(
        "nanochat.commands",
        "One module for each command: its flags, its help, and the call of the room that does the work.",
        "[Guide 8: Quick start](../guides/08-quick-start.md), with "
        "[the errors of each](../guides/08-quick-start.md#troubleshooting), and "
        "[the primer](../guides/primer.md#the-parts-of-a-command)",
    ),
    Room(
        "nanochat.commands.measure",
        "How `nanochat bench` measures: a fresh process for each question, the machine named in each answer.",
        "[Performance](../about/performance.md)",
    ),
    Room(
        "tools",
        "The learning tools, each usable in the browser, in the terminal and from Python.",
        "[Tools](../tools/index.md)",
    ),
    Room(
        "tools.calculator",
        "The parts of the model calculator: its parameters and the sections of its report.",
        "[Model calculator](../tools/model-calculator.md)",
    ),
    Room(
        "tools.playground",
        "The parts of the tokenizer playground: its parameters and the sections of its report.",
        "[Tokenizer playground](../tools/tokenizer-playground.md)",
    ),
    Room(
        "tools.dashboard",
        "The parts of the training dashboard: reading metrics of any length, curves, troubles, following.",
        "[Training dashboard](../tools/training-dashboard.md)",
    ),
    Room(
        "tools.inspector",
        "The parts of the dataset inspector: reading, judging, counting, and the sections of its report.",
        "[Dataset inspector](../tools/dataset-inspector.md)",
    ),
    Room(
        "tools.explorer",
        "The parts of the generation explorer: where its traces come from, following a text, its sections.",
        "[Generation explorer](../tools/generation-explorer.md)",
    ),
    Room(
        "tools.attention",
        "The parts of the attention visualizer: traces and their file, what is measured, named patterns, "
        "pictures, and the sections of its report.",
        "[Attention visualizer](../tools/attention-visualizer.md)",
    ),
    Room(
        "tools.conversation",
        "The parts of the conversation template builder: typed chats, formats, the check, the report.",
        "[Conversation template builder](../tools/conversation-template-builder.md)",
        also=("tools.common", "tools.common.chat_view"),
    ),
    Room(
        "tools.checkpoints",
        "Checkpoints read with the standard library: headers, numbers, runs of every stage, figures; and the "
        "parts of the checkpoint browser.",
        "[Checkpoint browser](../tools/checkpoint-browser.md)",
    ),
    Room(
        "tools.resume",
        "Whether a run can go on: the checks, what remains, and the command.",
        "[Training resume helper](../tools/training-resume-helper.md)",
    ),
    Room(
        "tools.rates",
        "The parts of the learning-rate finder: parameters, saved sweeps, what they say, the report.",
        "[Learning-rate finder](../tools/lr-finder.md)",
    ),
    Room(
        "tools.figures",
        "The interactive figures of the guides: small tools that stand in a text.",
        "[Interactive figures](../guides/figures.md)",
    ),
    Room(
        "tools.live",
        "The model in the page: asked by Python for tokens, for what each layer would say, without some of its "
        "parts.",
        "[Playground](../playground/index.md)",
    ),
    Room(
        "tools.core",
        "What tools are made of: parameters, the report and its three renderers, charts, the command line.",
        "[Tools](../tools/index.md)",
    ),
)


def write_reference(into: Path) -> list[str]:
    """Write a page for each room and the index; return the names of all modules they cover."""
    into.mkdir(parents=True, exist_ok=True)
    pages = {f"{room.name}.md": room_page(room) for room in ROOMS} | {"index.md": index_page()}
    for name, text in pages.items():
        path = into / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for stale in set(into.glob("*.md")) - {into / name for name in pages}:
        stale.unlink()
    return [module for room in ROOMS for module in modules(room)]


def modules(room: Room) -> list[str]:
    """The public modules of a room in reading order: the package first.

    >>> modules(Room("web.reference", "", ""))
    ['web.reference']
    """
    folder = ROOT / room.name.replace(".", "/")
    files = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    return [room.name, *(f"{room.name}.{stem}" for stem in files), *room.also]


def room_page(room: Room) -> str:
    """The Markdown of one room's page."""
    blocks = "\n\n".join(f"::: {module}" for module in modules(room))
    return (
        f"---\ntitle: {room.name}\ndescription: {json.dumps(room.about.replace('`', ''))}\n"
        "generated: true\n---\n\n"
        f"# `{room.name}`\n\n{room.about}\n{{ .lead }}\n\nWhere it is explained: {room.guide}.\n\n{blocks}\n"
    )


def index_page() -> str:
    """The Markdown of the reference's first page: every room with its modules."""
    rows = "\n".join(f"| [`{room.name}`]({room.name}.md) | {room.about} | {room.guide} |" for room in ROOMS)
    return (
        "---\ntitle: Reference\ndescription: Every public module, class and function of the project.\n"
        "generated: true\n---\n\n"
        "# Reference\n\n"
        "Every public name of the code, with its signature, its docstring and its source. "
        "The examples in the docstrings are run by the tests.\n{ .lead }\n\n"
        "| room | what is in it | where it is explained |\n| --- | --- | --- |\n" + rows + "\n"
    )
