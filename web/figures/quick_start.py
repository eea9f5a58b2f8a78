"""The figures of guide 8: what each stage leaves on disk, how a batch is shared, the tunnel to a machine.

>>> batch_shares().count("<rect") > 16
True
"""

from __future__ import annotations

from web.figures.svg import Svg

# A stage's command, what it leaves under the base folder, the hue of its folder.
STAGES = (
    ("data prepare", "corpora/classics/", ("corpus.json, shard_00000.parquet,", "validation.parquet"), 5),
    ("tokenizer train", "tokenizer/default/", ("tokenizer.tiktoken,", "tokenizer_settings.json"), 1),
    ("train base", "runs/d4/", ("config.json, metrics.jsonl,", "samples.jsonl, checkpoints/"), 2),
    ("train sft", "runs/d4-sft/", ("the same four",), 3),
    ("train rl", "runs/d4-rl/", ("the same four",), 4),
    ("eval", "runs/d4-rl/evaluations/", ("a .json file for each task",), 6),
    ("report", "runs/d4-rl/", ("report.md, report.html",), 6),
)


def stages_and_files() -> str:
    """The stages, one below the other, and what each leaves on disk."""
    height, left, right = 54, 6, 176
    said = " ".join(
        f"nanochat {name} leaves in {folder} {' '.join(files)}." for name, folder, files, _ in STAGES
    )
    pic = Svg(
        "stages-and-files",
        440,
        height * len(STAGES) + 4,
        title="The stages, and what each leaves on disk",
        description=f"Seven commands, each reading what those before it left. {said}",
    )
    for row, (name, folder, files, tone) in enumerate(STAGES):
        y = 4 + height * row
        pic.box(left, y, 130, 34, name, tone=tone, mono=True)
        if row:
            pic.arrow(left + 65, y - height + 34, left + 65, y)
        pic.arrow(left + 130, y + 17, right - 6, y + 17, tone=tone)
        pic.text(right, y + 12, folder, mono=True, size=13, kind="label", tone=tone)
        pic.text(right, y + 28, " ".join(files) if len(" ".join(files)) < 46 else list(files), size=11)
    return pic.figure(
        "Each stage reads what the stages above it left, and writes files of its own. So each can be done "
        "again alone. All paths begin at <code>$NANOCHAT_BASE_DIR</code>."
    )


def batch_shares() -> str:
    """A step's batch of 32 sequences, shared by four GPUs in two turns of four sequences."""
    processes, turns, each = 4, 2, 4
    cell, gap, left, top = 20, 14, 74, 40
    width = each * cell
    total = processes * turns * each
    pic = Svg(
        "batch-shares",
        left + processes * (width + gap) + 2,
        top + turns * 34 + 28,
        title="How a batch is shared",
        description=f"A batch of {total} sequences. Each of {processes} GPUs takes {each} at a time, "
        f"{turns} times, then all take one step together: {processes} times {turns} times {each} is {total}.",
    )
    for process in range(processes):
        x = left + process * (width + gap)
        pic.text(x + width / 2, 22, f"GPU {process}", anchor="middle", kind="strong")
        for turn in range(turns):
            for one in range(each):
                pic.box(x + one * cell, top + turn * 34, cell - 3, 24, "", tone=process + 1, round=3)
    for turn in range(turns):
        pic.text(left - 10, top + turn * 34 + 12, f"turn {turn + 1}", anchor="end", middle=True, kind="muted")
    pic.text(
        left + (processes * (width + gap) - gap) / 2,
        top + turns * 34 + 16,
        "then the gradients are averaged: one step",
        anchor="middle",
        kind="muted",
        size=12,
    )
    return pic.figure(
        f"<code>--batch-size {total} --device-batch-size {each}</code> on {processes} GPUs: each square is "
        f"one sequence. {processes} · {turns} · {each} = {total}."
    )


def tunnel() -> str:
    """The browser at home, an SSH tunnel, and the server that listens on the rented machine's loopback."""
    pic = Svg(
        "tunnel",
        450,
        150,
        title="A tunnel to the chat page",
        description="Left your computer: the browser asks 127.0.0.1, port 8000. ssh carries that, encrypted, "
        "to the rented machine, where nanochat serve listens on its own 127.0.0.1, port 8000. From the "
        "internet nobody reaches that port.",
    )
    pic.box(6, 8, 150, 110, "", tone=1)
    pic.text(81, 28, "your computer", anchor="middle", kind="strong")
    pic.box(20, 44, 122, 52, ["browser", "127.0.0.1:8000"], tone=0)
    pic.box(292, 8, 152, 110, "", tone=3)
    pic.text(368, 28, "rented machine", anchor="middle", kind="strong")
    pic.box(304, 44, 128, 52, ["nanochat serve", "127.0.0.1:8000"], tone=0)
    pic.arrow(156, 70, 290, 70, tone=4)
    pic.text(223, 58, "ssh, encrypted", anchor="middle", size=12)
    pic.text(368, 138, "closed to the internet", anchor="middle", kind="muted", size=12)
    return pic.figure(
        "The server listens to its own machine alone. <code>ssh -L</code> makes a port of yours lead there."
    )
