"""Figures of the chapters of guide 9: the bytes of a checkpoint, and the course of a run that was stopped."""

from __future__ import annotations

from web.figures.svg import Svg


def safetensors_layout() -> str:
    """The three parts of a safetensors file, and where an entry of the header points."""
    pic = Svg(
        "safetensors-layout",
        460,
        196,
        title="The bytes of a safetensors file",
        description="A file in three parts: 8 bytes with the length of the header; the header of 3,640 "
        "bytes; 29,360,648 bytes of numbers. An entry of the header names the bytes from 4 to 262,148 of the "
        "third part.",
    )
    for x, width, words, tone in (
        (6, 68, ["8 bytes:", "3640"], 4),
        (74, 130, ["header: JSON", "3,640 bytes"], 2),
        (204, 250, ["the numbers", "29,360,648 bytes"], 1),
    ):
        pic.box(x, 10, width, 46, words, tone=tone, round=0, size=12.5)
    pic.box(
        74, 96, 214, 48, ["blocks.0.attention.key.weight", "F32 [256, 256] [4, 262148]"], tone=2, size=11.5
    )
    pic.line(139, 56, 139, 96, tone=2)
    pic.text(133, 81, "one entry", anchor="end", size=12, kind="muted")
    pic.bar(210, 64, 42, 8, tone=1)
    pic.text(258, 72, "bytes 4 to 262,148 of the numbers", size=11.5, kind="muted")
    pic.arrow(240, 96, 231, 76, tone=2)
    pic.text(6, 172, "262,148 - 4 = 262,144 bytes = 256 · 256 numbers of 4 bytes", size=12.5)
    return pic.figure(
        "The header of the laptop's model, with one of its 35 entries. Only the first 3,648 bytes are read."
    )


def stopped_run() -> str:
    """A run of 180 steps that stopped at 151, with checkpoints at 90 and 135."""
    pic = Svg(
        "stopped-run",
        460,
        150,
        title="What remains of a stopped run",
        description="A line of 180 steps. Checkpoints stand at 90 and 135, the run stopped at step 151. From "
        "135, 16 steps are done again and 45 remain in all; if 135 is damaged, 61 are done again and 90 "
        "remain.",
    )
    left, wide = 24, 412

    def at(step: int) -> float:
        return left + wide * step / 180

    pic.box(left, 50, at(90) - left, 22, "kept", tone=3, round=0, size=12)
    pic.box(at(90), 50, at(135) - at(90), 22, "kept, if 135 is good", tone=3, round=0, size=11, dashed=True)
    pic.box(at(135), 50, at(151) - at(135), 22, "lost", tone=6, round=0, size=11)
    pic.box(at(151), 50, at(180) - at(151), 22, "not yet", tone=0, round=0, size=11, dashed=True)
    for step, words in ((0, "0"), (90, "90"), (135, "135"), (151, "151"), (180, "180")):
        pic.line(at(step), 46, at(step), 76)
        pic.text(at(step), 91, words, anchor="middle", size=12, kind="muted")
    for step in (90, 135):
        pic.arrow(at(step), 26, at(step), 46, tone=4)
        pic.text(at(step), 20, "checkpoint", anchor="middle", size=12)
    pic.arrow(at(151), 118, at(151), 96, tone=6)
    pic.text(at(151), 132, "the power failed", anchor="middle", size=12)
    return pic.figure(
        "The steps after the checkpoint were done, and are lost. If the newest checkpoint is damaged, more "
        "are."
    )
