"""The sections about one checkpoint: what it is, its files, its figures, its parameters, its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nanochat.model.counting import count_parameters
from nanochat.model.tensors import part_of, tensor_shapes
from nanochat.train.checkpoint_meta import META
from tools.calculator.wording import count
from tools.checkpoints.header import HEADER_SUFFIX, Header
from tools.checkpoints.measuring import in_words, measure_file
from tools.checkpoints.runs import Step, size_of
from tools.checkpoints.scores import HIGHER, LOWER, Score
from tools.checkpoints.wording import Lines, cut_off, in_bytes
from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table, Text, Value

WHICH_WAY = {LOWER: "lower", HIGHER: "higher", "": ""}
OTHER = "not in this model"


def checkpoint_section(step: Step) -> Section:
    """What it is: run, stage, step, size, and what its config says in short."""
    run, header, told = step.run, step.header, step.meta.meta if step.meta else {}
    made, machine = run.config.get("made_with", {}), run.config.get("machine", {})
    tokenizer = told.get("tokenizer", run.config.get("tokenizer", {}))
    whole = header.has_numbers
    rows = [
        Row("run", "Run", run.name or None, run.name or "not said"),
        Row("stage", "Stage", run.stage or None, run.stage or "not said"),
        Row("step", "Step", step.step, f"{step.step:,}" if step.step is not None else "not said"),
        Row("folder", "Folder", str(step.folder)) if step.folder else None,
        Row("parameters", "Parameters", header.parameters, f"{header.parameters:,}"),
        Row("tensors", "Tensors", len(header.tensors)),
        Row("weights_bytes", "Weights", header.whole_bytes, in_bytes(header.whole_bytes)),
        None if whole
        else Row("here", "Here", header.file_bytes, f"{header.file_bytes:,} bytes: the header alone"),
        Row("types", "Stored as", types_of(header)),
        Row("tokens", "Tokens so far", told["tokens"]) if isinstance(told.get("tokens"), int) else None,
        Row("tokenizer", "Tokenizer", f"{tokenizer['name']}, {tokenizer['vocab_size']:,} tokens")
        if {"name", "vocab_size"} <= set(tokenizer) else None,
        Row("machine", "Trained on", machine["device"]) if "device" in machine else None,
        Row("made_with", "Made with", f"nanochat {made['nanochat']}, torch {made['torch']}")
        if {"nanochat", "torch"} <= set(made) else None,
    ]  # fmt: skip
    return Section("Checkpoint", [Rows([row for row in rows if row])], icon="💾", key="checkpoint")


def types_of(header: Header) -> str:
    """The types of the tensors, the most common first.

    A file of one type says its name, one of several how many bytes are of each.
    """
    sizes: dict[str, int] = {}
    for tensor in header.tensors:
        sizes[tensor.dtype] = sizes.get(tensor.dtype, 0) + tensor.bytes
    if len(sizes) == 1:
        return next(iter(sizes))
    return ", ".join(
        f"{kind} ({in_bytes(size)})" for kind, size in sorted(sizes.items(), key=lambda one: -one[1])
    )


def files_section(step: Step, checked: Mapping[str, str] | None) -> Section:
    """Every file with its size, and whether its hash is the one that was written down."""
    columns = [Column("file", "File"), Column("bytes", "Bytes", "right"), Column("hash", "Hash")]
    hashes = step.meta.hashes if step.meta else {}
    rows: Lines = []
    for name, path in step.files.items():
        state = "its own is right" if name == META and not step.meta_problem else "none in meta.json"
        if name.endswith(HEADER_SUFFIX):
            state = "of the whole file"
        if name in hashes:
            state = "not checked" if checked is None else checked.get(name) or "good"
        rows.append([name, Cell(size_of(path), f"{size_of(path):,}"), state])
    rows += [[name, None, "is not there"] for name in hashes if name not in step.files and checked]
    blocks: list[Block] = [Table("files", columns, rows)]
    if checked is None and any(name in step.files for name in hashes):
        blocks.append(
            Text("Verify (--verify) reads every file and compares its hash with the one in meta.json.")
        )
    return Section("Files", blocks, icon="📁", key="files")


def config_section(step: Step) -> Section | None:
    """The shape of the model, and what the run was asked for."""
    shape = step.model
    rows: list[Row] = []
    if shape is not None:
        rows += [Row(f"model_{name}", name, value) for name, value in shape.to_dict().items()]
    asked = step.run.config.get("asked")
    if isinstance(asked, dict) and asked:
        rows.append(Row("", "asked for"))
        rows += [Row(f"asked_{name}", name, plain(value), indent=1) for name, value in asked.items()]
    return Section("Config", [Rows(rows)], icon="⚙️", key="config") if rows else None


def plain(value: Any) -> int | float | str | bool | None:
    """A value of a config as a report can show it."""
    return value if isinstance(value, (int, float, str, bool)) else "none" if value is None else str(value)


def figures_section(scores: Sequence[Score], complaints: Sequence[str]) -> Section | None:
    """What was measured, and which way is better."""
    columns = [
        Column("figure", "Figure"), Column("value", "Value", "right"), Column("better", "Better is"),
        Column("error", "±", "right"), Column("measured_at", "At step", "right"),
    ]  # fmt: skip
    rows: Lines = [
        [score.label, Cell(score.value, score.shown), WHICH_WAY[score.better], error_cell(score),
         Cell(score.step, "" if score.step is None else f"{score.step:,}")]
        for score in scores
    ]  # fmt: skip
    empty = {3: all(score.error is None for score in scores), 4: all(score.step is None for score in scores)}
    kept = [at for at in range(len(columns)) if not empty.get(at)]
    columns, rows = [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
    blocks: list[Block] = [Table("figures", columns, rows)] if rows else []
    blocks += [Text(complaint) for complaint in complaints]
    return Section("Measured", blocks, icon="📏", key="measured") if blocks else None


def error_cell(score: Score) -> Cell:
    """A standard error in the form of its value."""
    if score.error is None:
        return Cell(None, "")
    return Cell(
        score.error, f"{100 * score.error:.1f}%" if score.shown.endswith("%") else f"{score.error:.4f}"
    )


# ---- parameters ----


def parameters_section(step: Step) -> Section:
    """The parameters by part of the model, held against what its config counts to."""
    header, shape = step.header, step.model
    sums: dict[str, list[int]] = {}
    for tensor in header.tensors:
        numbers = sums.setdefault(part_of(tensor.name) or OTHER, [0, 0])
        numbers[0] += 1
        numbers[1] += tensor.parameters
    counted = {part.name: part.total for part in count_parameters(shape).parts} if shape else {}
    names = [*counted, *(name for name in sums if name not in counted)]
    columns = [
        Column("part", "Part"), Column("tensors", "Tensors", "right"),
        Column("parameters", "Parameters", "right"), Column("share", "Share", "right"),
        Column("counted", "By the config", "right"),
    ]  # fmt: skip
    rows = [part_row(name, sums.get(name, [0, 0]), header.parameters, counted.get(name)) for name in names]
    total = sum(counted.values()) if counted else None
    whole = [len(header.tensors), header.parameters]
    rows.append(part_row("together", whole, header.parameters, total))
    if not counted:
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    bars = [Bar(name, sums[name][1], count(sums[name][1])) for name in names if name in sums]
    blocks: list[Block] = [Table("parts", columns, rows), Bars("by_part", bars, caption="Where they are")]
    return Section("Parameters by part", blocks, icon="🧮", key="parts")


def part_row(name: str, sums: list[int], total: int, counted: int | None) -> list[Cell | Value]:
    """A part of the model: its tensors, their parameters, and what the config's own counting says."""
    tensors, numbers = sums
    share = numbers / total if total else 0.0
    same = Cell(
        counted, "" if counted is None else f"{counted:,}" if counted == numbers else f"{counted:,} (!)"
    )
    return [name, tensors, numbers, Cell(share, f"{100 * share:.1f} %"), same]


def tensors_section(header: Header, most: int) -> Section:
    """Every tensor: name, shape, type, parameters, bytes."""
    columns = [
        Column("name", "Tensor"), Column("shape", "Shape", "right"), Column("dtype", "Type"),
        Column("parameters", "Parameters", "right"), Column("bytes", "Bytes", "right"),
    ]  # fmt: skip
    tensors = in_order(header)
    rows: Lines = [[one.name, one.shape_text, one.dtype, one.parameters, one.bytes] for one in tensors[:most]]
    blocks: list[Block] = [Table("tensors", columns, rows)]
    if len(tensors) > most:
        blocks.append(Text(cut_off(most, len(tensors), "tensors")))
    return Section("Tensors", blocks, icon="🧱", key="tensors")


def in_order(header: Header) -> list[Any]:
    """The tensors as a reader of the model wants them: by name, block 2 before block 10."""

    def key(name: str) -> list[tuple[int, int | str]]:
        return [(0, int(word)) if word.isdecimal() else (1, word) for word in name.split(".")]

    return sorted(header.tensors, key=lambda tensor: key(tensor.name))


def table_lines(step: Step) -> Iterator[str]:
    """The table of all tensors as CSV."""
    yield "tensor,part,dtype,shape,parameters,bytes,first_byte,last_byte\n"
    for one in in_order(step.header):
        name = f'"{one.name.replace(chr(34), chr(34) * 2)}"' if set(one.name) & set(',"\n\r') else one.name
        cells = [name, part_of(one.name), one.dtype, "x".join(map(str, one.shape)), one.parameters, one.bytes]
        yield ",".join(map(str, [*cells, one.first, one.last])) + "\n"


def shape_problems(step: Step) -> list[str]:
    """How the tensors differ from what the config says there must be."""
    if step.model is None:
        return []
    expected, header = tensor_shapes(step.model), step.header
    found = [f"tensor {name} is missing" for name in expected if name not in header.named]
    for tensor in header.tensors:
        if tensor.name not in expected:
            found.append(f"tensor {tensor.name} is none that the config's model has")
        elif tensor.shape != expected[tensor.name]:
            wanted = " × ".join(f"{side:,}" for side in expected[tensor.name])
            found.append(f"tensor {tensor.name} is {tensor.shape_text}, by the config it should be {wanted}")
    return found


# ---- numbers ----


def numbers_section(header: Header, who: str, most: int) -> tuple[Section, list[str]]:
    """The norm of every tensor, and a sentence for each that holds what is no number."""
    columns = [
        Column("tensor", "Tensor"), Column("norm", "Norm", "right"),
        Column("typical", "Typical size", "right"), Column("not_finite", "NaN or inf", "right"),
    ]  # fmt: skip
    rows: Lines = []
    problems: list[str] = []
    for name, found in measure_file(header, who):
        numbers = header.named[name].parameters
        typical = found.norm / math.sqrt(numbers) if numbers else 0.0
        rows.append([name, found.norm, Cell(typical, f"{typical:.3g}"), found.not_finite])
        if not found.is_good:
            problems.append(
                f"tensor {name} holds NaN or infinite numbers: {found.not_finite:,} of them, the first at "
                f"place {found.first or 0:,}"
            )
    blocks: list[Block] = [Table("numbers", columns, rows[:most])]
    if len(rows) > most:
        blocks.append(Text(cut_off(most, len(rows), "tensors")))
    blocks.append(
        Text(f"Read by {in_words(who)}. The typical size is the root of the mean square.", key="read_by")
    )
    return Section("Numbers", blocks, icon="🔢", key="numbers"), problems
