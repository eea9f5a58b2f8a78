"""The sections of the resume helper's report."""

from __future__ import annotations

from tools.checkpoints.runs import Step
from tools.checkpoints.wording import Lines as TableLines
from tools.checkpoints.wording import in_bytes, plural
from tools.core.report import Block, Cell, Code, Column, LineChart, Row, Rows, Section, Table, Text
from tools.resume.answer import Answer
from tools.resume.evidence import State
from tools.resume.remaining import curves, in_words

MARKS = {State.GOOD: "✓ good", State.BAD: "✗ refused", State.NOTE: "• note", State.UNKNOWN: "? not known"}
NEXT = {"base": "train sft --from-run", "sft": "chat --run", "rl": "chat --run"}


def verdict(answer: Answer) -> str:
    """The answer in one sentence."""
    name = answer.evidence.run.name or "the run"
    if answer.refusals:
        many = len(answer.refusals)
        first = answer.refusals[0]
        more = f" (and {plural(many - 1, 'more reason')})" if many > 1 else ""
        return f"{name} cannot resume: {first.found}{more}. {sentence(first.way_out)}"
    if answer.finished:
        return f"{name} cannot resume: all {answer.steps:,} steps are trained. {after(answer)}"
    if answer.step is None:
        return (
            f"Nothing given here speaks against resuming {name}; a checkpoint's files would say from where."
        )
    given = " as far as these files say" if answer.evidence.is_loose else ""
    where = (
        f"from step {answer.step:,}"
        if answer.step
        else "from its beginning, since no checkpoint was saved yet"
    )
    of = f" of {answer.steps:,}" if answer.steps and answer.step else ""
    passed = [one.step.step for one in answer.looked if one.damage and one.step.step is not None]
    damaged = f" (step {', '.join(f'{step:,}' for step in passed)} damaged)" if passed else ""
    return f"{name} can resume{given}, {where}{of}{damaged}{left(answer)}."


def sentence(words: str) -> str:
    """Words as a sentence of their own.

    >>> sentence("put the file back")
    'Put the file back.'
    """
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def after(answer: Answer) -> str:
    """What can be done with a run that is finished."""
    run = answer.evidence.run
    return f"Go on with nanochat {NEXT.get(run.stage, 'chat --run')} {run.name or 'NAME'}."


def left(answer: Answer) -> str:
    """How much remains, in a few words."""
    if answer.steps is None or answer.step is None:
        return ""
    steps = answer.steps - answer.step
    seconds = answer.lines.seconds_a_step
    time = f", about {in_words(steps * seconds)}" if seconds else ""
    return f": {plural(steps, 'step')} remain{'s' if steps == 1 else ''}{time}"


def answer_section(answer: Answer) -> Section:
    """Yes or no, from where, and the command."""
    rows = [
        Row("can_resume", "Can resume", answer.can_resume),
        Row("from_step", "From step", answer.step, None if answer.step is not None else "not known"),
        Row("steps", "Of steps", answer.steps, None if answer.steps is not None else "not known"),
        Row("processes", "Processes", answer.processes),
        Row("finished", "Finished", answer.finished),
    ]
    blocks: list[Block] = [Rows(rows)]
    if answer.can_resume:
        blocks.append(Code("command", answer.command, caption="Paste this into a shell:"))
        if "$FIRST_MACHINE" in answer.command:
            said = "Start it on every machine, with FIRST_MACHINE set to the name of the first one."
            blocks.append(Text(said, key="machines"))
    return Section("Answer", blocks, icon="🚦", key="answer")


def refusal_section(answer: Answer) -> Section | None:
    """Every reason against, each with its way out."""
    rows: TableLines = [
        [check.what, sentence(check.found), sentence(check.way_out)] for check in answer.refusals
    ]
    if answer.finished and not rows:
        rows = [["Steps", f"All {answer.steps:,} steps are trained.", after(answer)]]
    if not rows:
        return None
    columns = [Column("what", "What"), Column("why", "Why not"), Column("way_out", "The way out")]
    return Section("Why not", [Table("refusals", columns, rows)], icon="⛔", key="refusals")


def remaining_section(answer: Answer) -> Section | None:
    """Steps, tokens and time that remain, what is done again, and the curve so far."""
    step, steps, lines = answer.step, answer.steps, answer.lines
    if step is None or steps is None:
        return None
    rest, plan = max(0, steps - step), answer.asked.plan
    rows = [Row("steps_left", "Steps", rest, formula=f"{steps:,} - {step:,}")]
    tokens = None
    if plan is not None and answer.evidence.run.stage != "rl":
        tokens = rest * plan.batch_tokens
        rows.append(
            Row("tokens_left", "Tokens", tokens, formula=f"{rest:,} steps × {plan.batch_tokens:,} tokens")
        )
    elif lines.tokens and lines.last:
        tokens = round(rest * lines.tokens / lines.last)
        rows.append(
            Row("tokens_left", "Tokens, about", tokens, formula=f"as many a step as so far, {rest:,} steps")
        )
    seconds = lines.seconds_a_step
    if seconds is not None and rest:
        of = f"median of the last {len(lines.seconds)} steps, {seconds:.3g} s, × {rest:,} steps"
        rows.append(Row("seconds_left", "Time, about", rest * seconds, in_words(rest * seconds), formula=of))
    again = max(0, lines.last - step)
    rows.append(Row("done_again", "Done again", again, f"{plural(again, 'step')} after the checkpoint"))
    if lines.evaluated:
        at, key, value = lines.evaluated
        rows.append(Row("last_evaluation", "Last evaluation", value, f"{key} {value:.4f} at step {at:,}"))
    blocks: list[Block] = [Rows(rows)]
    found = curves(lines, step)
    if len(lines.losses) > 1:
        blocks.append(LineChart("loss", f"Loss, with step {step:,} as the checkpoint", found, "step", "loss"))
    return Section("What remains", blocks, icon="⏳", key="remaining")


def checkpoints_section(answer: Answer) -> Section | None:
    """Every checkpoint, newest first: which is taken, which are passed over and why."""
    steps = answer.evidence.steps
    if not steps:
        return None
    looked = {id(one.step): one for one in answer.looked}
    rows: TableLines = []
    for step in reversed(steps):
        one = looked.get(id(step))
        state = "older, not read" if one is None else one.state
        if one is not None and one is answer.chosen:
            state = f"{state}, taken" if not one.harm else state
        reasons = "; ".join([*one.damage, *one.harm]) if one else ""
        rows.append([Cell(step.step, name_of(step)), Cell(step.bytes, in_bytes(step.bytes)), state, reasons])
    columns = [
        Column("step", "Step", "right"), Column("bytes", "Here", "right"), Column("state", "State"),
        Column("reasons", "What is wrong"),
    ]  # fmt: skip
    return Section("Checkpoints", [Table("checkpoints", columns, rows)], icon="💾", key="checkpoints")


def name_of(step: Step) -> str:
    """A checkpoint's step, or its name where none is said."""
    return step.name if step.step is None else f"{step.step:,}"


def checks_section(answer: Answer) -> Section:
    """All checks, in the order in which the trainer would come to them."""
    columns = [Column("what", "What"), Column("state", "State"), Column("found", "Found")]
    rows: TableLines = [
        [check.what, Cell(check.state.value, MARKS[check.state]), check.found] for check in answer.checks
    ]
    return Section("Checks", [Table("checks", columns, rows)], icon="🔎", key="checks")


def notes_of(answer: Answer, quick: bool) -> list[str]:
    """What the figures say, computed."""
    notes = []
    again = max(0, answer.lines.last - (answer.step or 0)) if answer.step is not None else 0
    if again and answer.can_resume:
        seconds = answer.lines.seconds_a_step
        cost = f", about {in_words(again * seconds)} of work" if seconds else ""
        are = "is" if again == 1 else "are"
        notes.append(
            f"{plural(again, 'step')} after the checkpoint {are} done again{cost}; saving more often "
            "(--save-every) would lose less."
        )
    if answer.can_resume and answer.step:
        notes.append(
            "The run goes on as if it had never been stopped: optimizer and place in the text are in the "
            "checkpoint, and --resume reads every setting from config.json."
        )
    if quick:
        notes.append("With --quick no hash was checked and no number was read.")
    unknown = [check.what.lower() for check in answer.checks if check.state is State.UNKNOWN]
    if unknown:
        notes.append(f"Not known here: {', '.join(dict.fromkeys(unknown))}.")
    return notes
