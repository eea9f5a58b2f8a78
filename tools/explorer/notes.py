"""What the figures say, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from nanochat.inference.position import removed
from nanochat.inference.trace import Trace
from tools.explorer.grid_sections import Cells
from tools.explorer.views import view
from tools.explorer.walk import LEFT, OPEN, Walk, common
from tools.explorer.wording import count, ended, parted, percent

SHARP = 0.5  # bits under which a choice is hardly one


def notes(trace: Trace, walk: Walk, cells: Cells) -> Iterator[str]:
    """Sentences about the text, the rules and the grid."""
    steps = walk.steps
    if steps:
        most = max(range(len(steps)), key=lambda at: steps[at].surprise)
        token = view(trace, steps[most].chosen).shown
        yield (
            f"Token {most + 1}, {token}, was the least expected: the model gave it "
            f"{percent(steps[most].chance)}, which is {steps[most].surprise:.2f} bits of surprise where "
            f"{steps[most].entropy:.2f} were to be expected."
        )
        yield _about_entropy(walk)
        likeliest = sum(step.chance == max(step.stages[0].chances) for step in steps)
        yield f"{likeliest} of {len(steps)} tokens are the one that the model itself held likeliest."
        yield from _about_rules(walk)
    if walk.ended in (LEFT, OPEN):
        yield f"The text stops short: {ended(walk, trace)}."
    if followed := parted(walk, trace):
        yield f"The text is {followed}. Its chances are those under your rules all the same."
    unknown = [number for number, step in enumerate(steps, 1) if not step.stages[-1].exact]
    if unknown:
        listed = ", ".join(map(str, unknown[:10])) + ", …" * (len(unknown) > 10)
        yield (
            f"At token{'s' * (len(unknown) != 1)} {listed} the trace holds too little for exact chances "
            "under these rules; the close-up says what is missing and how much it matters."
        )
    yield from _about_grid(walk, cells)


def _about_entropy(walk: Walk) -> str:
    steps = walk.steps
    sharp = sum(step.entropy < SHARP for step in steps)
    if not sharp:
        least = min(step.entropy for step in steps)
        return f"Everywhere the model had {least:.2f} bits of choice or more, so rules and seeds matter."
    return (
        f"At {sharp} of {len(steps)} tokens the model had less than {SHARP:g} bits of choice: there rules "
        "and seeds hardly make a difference."
    )


def _about_rules(walk: Walk) -> Iterator[str]:
    rules = [stage.rule for stage in walk.steps[0].stages[1:]]
    last = [step.stages[-1].entropy for step in walk.steps]
    if rules and None not in last:
        now = sum(one or 0.0 for one in last) / len(last)
        yield (
            f"The rules change the entropy from {walk.mean_entropy:.2f} to {now:.2f} bits a token: as open a "
            f"choice as among {2**now:,.1f} equally likely tokens, in place of {2**walk.mean_entropy:,.1f}."
        )
    for number, rule in enumerate(rules, 1):
        pairs = [(step.stages[number - 1], step.stages[number]) for step in walk.steps]
        if rule not in ("top-k", "top-p", "min-p") or any(after.tokens is None for _, after in pairs):
            continue
        left = [after.tokens or 0 for _, after in pairs]
        gone = max(removed(*pair)[1] for pair in pairs)
        span = count(min(left)) if min(left) == max(left) else f"{count(min(left))} to {count(max(left))}"
        yield (
            f"{rule} left {span} token{'s' * (max(left) != 1)} to choose from at each place, and took away "
            f"{percent(gone)} of the chance at most."
        )


def _about_grid(walk: Walk, cells: Cells) -> Iterator[str]:
    if not cells:
        return
    texts = {tuple(one.ids) for one in cells.values()}
    first = min(common(walk, one) for one in cells.values())
    yield (
        f"The {len(cells)} settings of the grid give {len(texts)} different text"
        f"{'s' * (len(texts) != 1)}; the earliest parts from the text above after {first} "
        f"token{'s' * (first != 1)}."
    )
