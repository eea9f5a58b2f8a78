"""The figures of guide 7 that show how questions are asked and judged."""

from __future__ import annotations

from math import comb

from nanochat.evaluation.statistics import Estimate, centred
from web.figures.evaluation_core import CAT_CHOICES, CAT_QUERY, nats
from web.figures.svg import Plot, Svg

WIDTH = 460


def score_path() -> str:
    """From a question to a score with its error."""
    steps = (
        ("question", "one of many that could have been asked", 0),
        ("prompt", "the question as tokens, perhaps with solved examples", 1),
        ("model", "probabilities, or a reply that it writes", 2),
        ("judge", "compares with the answer: worth 1, 0 or between", 3),
        ("mean ± error", "over all questions: this is the score", 4),
    )
    drawing = Svg(
        "score-path",
        WIDTH,
        56 * len(steps) - 12,
        title="From a question to a score",
        description=" Then ".join(f"{name}: {what}." for name, what, _ in steps),
    )
    for number, (name, what, tone) in enumerate(steps):
        y = 56 * number + 2
        drawing.box(4, y, 116, 36, name, tone=tone, kind="strong")
        drawing.text(132, y + 18, what, middle=True, size=12)
        if number:
            drawing.arrow(62, y - 18, 62, y - 1)
    return drawing.figure(
        "Every arrow is a choice that somebody made. Change one of them and the score changes, "
        "with the same model."
    )


def three_kinds() -> str:
    """What differs and what counts in the three kinds of CORE's tasks."""
    kinds: tuple[tuple[str, tuple[tuple[str, str], ...], str], ...] = (
        (
            "multiple choice",
            (("A tired cat will", " run"), ("A tired cat will", " lie down and sleep")),
            "least surprising choice",
        ),
        (
            "schema",
            (("… because the trophy", " is too big."), ("… because the case", " is too big.")),
            "context that makes the end least surprising",
        ),
        (
            "language modelling",
            (("The largest city of the US is", " New York"),),
            "text that it would write itself",
        ),
    )
    rows = sum(len(prompts) for _, prompts, _ in kinds)
    drawing = Svg(
        "three-kinds",
        WIDTH,
        34 * rows + 36 * len(kinds),
        title="Three kinds of task",
        description=" ".join(
            f"{kind}: {len(prompts)} prompt{'s' * (len(prompts) > 1)}, wanted is the {wanted}."
            for kind, prompts, wanted in kinds
        ),
    )
    y = 14.0
    for kind, prompts, wanted in kinds:
        drawing.text(4, y, kind, kind="strong")
        drawing.text(WIDTH - 4, y, wanted, anchor="end", size=11, kind="muted")
        for context, end in prompts:
            drawing.box(4, y + 8, 228, 28, context, mono=True, size=11, round=3)
            drawing.box(234, y + 8, 222, 28, end, tone=3, mono=True, size=11, round=3)
            y += 34
        y += 36
    return drawing.figure(
        "Only the tokens in the coloured boxes count. What stands before them is read, and not judged."
    )


def choice_surprise() -> str:
    """The surprise at each token of three choices, with sum and mean."""
    rows = {choice: nats(tokens.values()) for choice, tokens in CAT_CHOICES.items()}
    means = {choice: sum(some) / len(some) for choice, some in rows.items()}
    drawing = Svg(
        "choice-surprise",
        WIDTH,
        24 + 62 * len(rows),
        title="Which choice is least surprising",
        description=" ".join(
            f"“{choice.strip()}”: sum {sum(some):.2f}, mean {means[choice]:.2f} nats."
            for choice, some in rows.items()
        ),
    )
    drawing.text(4, 14, f"{CAT_QUERY} …", mono=True, size=12)
    scale, best = 27.0, min(means, key=means.__getitem__)
    for number, (choice, some) in enumerate(rows.items()):
        top, x = 26 + 62 * number, 4.0
        for one in some:
            label = f"{one:.1f}" if scale * one > 26 else ""
            tone = 3 if choice == best else 1
            drawing.box(x, top, max(scale * one, 3) - 2, 24, label, tone=tone, size=11, round=3)
            x += scale * one
        drawing.text(x + 6, top + 12, f"sum {sum(some):.2f}", middle=True, size=12, kind="muted")
        mark = "  ← chosen" if choice == best else ""
        drawing.text(4, top + 40, f"{choice.strip()}: mean {means[choice]:.2f}{mark}", size=12)
    return drawing.figure(
        "A box is a token, as wide as it is surprising (in nats). The first choice has the smallest sum, "
        "since it is the shortest. By the mean, a choice is not punished for being long."
    )


def centred_lines() -> str:
    """Accuracy above, centred accuracy below, for four tasks with other chances."""
    chances = (("nothing to choose from", 0.0), ("four choices", 0.25), ("two choices", 0.5), ("boolq", 0.62))
    drawing = Svg(
        "centred-lines",
        WIDTH,
        26 + 66 * len(chances),
        title="Where 0 and 1 lie when chance is taken out",
        description=" ".join(
            f"{name}: accuracy {100 * chance:.0f} % is 0, 80 % is "
            f"{centred(Estimate(0.8, 0.0), chance).value:.2f}, 100 % is 1."
            for name, chance in chances
        ),
    )
    left, right = 20.0, WIDTH - 24.0

    def x(share: float) -> float:
        return left + (right - left) * share

    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        drawing.text(x(share), 12, f"{100 * share:.0f} %", anchor="middle", size=11, kind="muted")
        drawing.line(x(share), 18, x(share), 20 + 66 * len(chances), grid=True)
    for number, (name, chance) in enumerate(chances):
        y = 46.0 + 66 * number
        drawing.text(left, y - 8, f"{name}: guessing gets {100 * chance:.0f} %", size=12)
        if chance:
            drawing.bar(x(0), y, x(chance) - x(0), 8, tone=2)
        drawing.bar(x(chance), y, x(1) - x(chance), 8, tone=3)
        at_80 = centred(Estimate(0.8, 0.0), chance).value
        for share, label in ((chance, "0"), (0.8, f"{at_80:.2f}"), (1.0, "1")):
            drawing.text(x(share), y + 24, label, anchor="middle", size=12, kind="strong")
    return drawing.figure(
        "Above, the accuracy; under each bar, the centred accuracy. Green is what is left for a model to "
        "earn. The same 80 % is worth less where guessing gets more. Below chance (orange) it is negative."
    )


# What a model might give the next token after a question with three choices; others share the rest.
NEXT_TOKEN = {"The": 0.31, "I": 0.18, "B": 0.12, "A": 0.05, "It": 0.05, "C": 0.01}


def letters_compete() -> str:
    """The next token after a question with choices: only the letters compete."""
    letters = {token: share for token, share in NEXT_TOKEN.items() if token in "ABC"}
    best = max(letters, key=letters.__getitem__)
    drawing = Svg(
        "letters-compete",
        WIDTH,
        30 + 26 * len(NEXT_TOKEN),
        title="Only the letters compete",
        description=", ".join(f"{token} {share:.0%}" for token, share in NEXT_TOKEN.items())
        + f". Of the letters {best} is likeliest.",
    )
    drawing.text(4, 14, "probability of the next token", size=12, kind="strong")
    for number, (token, share) in enumerate(NEXT_TOKEN.items()):
        y, is_letter = 26 + 26 * number, token in letters
        drawing.text(40, y + 10, token, anchor="end", middle=True, mono=True)
        drawing.bar(48, y, 800 * share, 20, tone=3 if is_letter else 0)
        remark = ": the answer" if token == best else "" if is_letter else ": no letter, left out"
        drawing.text(54 + 800 * share, y + 10, f"{share:.0%}{remark}", middle=True, size=12, kind="muted")
    return drawing.figure(
        f"This model would rather begin a sentence. But it was asked which of A, B and C: of these "
        f"<code>{best}</code> is likeliest, so <code>{best}</code> counts as its answer."
    )


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that at least one of k replies is right, drawn from n of which some are (Chen et al. 2021).

    >>> round(pass_at_k(10, 3, 1), 3), round(pass_at_k(10, 3, 5), 3)
    (0.3, 0.917)
    """
    return 1 - comb(n - correct, k) / comb(n, k)


def pass_at_k_curves() -> str:
    """Pass at k against k, for problems that are solved rarely and often."""
    n, rates, last = 200, (2, 10, 40, 100), 50
    drawing = Svg(
        "pass-at-k",
        WIDTH,
        270,
        title="How pass@k grows with k",
        description="; ".join(
            f"right in {100 * right / n:.0f} % of replies: pass@1 {pass_at_k(n, right, 1):.2f}, "
            f"pass@10 {pass_at_k(n, right, 10):.2f}, pass@{last} {pass_at_k(n, right, last):.2f}"
            for right in rates
        )
        + ".",
    )
    plot = Plot(
        drawing, x=(1, last), y=(0, 1), area=(40, 24, 330, 200),
        x_label="k, replies that may be tried", y_label="pass@k",
    )  # fmt: skip
    plot.axes(x_ticks=[1, 10, 20, 30, 40, 50], y_ticks=[0, 0.25, 0.5, 0.75, 1])
    for tone, right in enumerate(rates, start=1):
        curve = (plot.at(k, pass_at_k(n, right, k)) for k in range(1, last + 1))
        drawing.path(curve, tone=tone, dashed=tone % 2 == 0)
        x, y = plot.at(last, pass_at_k(n, right, last))
        place = y + {2: 0, 10: 14, 40: 8, 100: -6}[right]  # the upper three end close together
        label = f"{100 * right / n:.0f} % right"
        drawing.text(x + 6, place, label, middle=True, size=12, kind="label", tone=tone)
    return drawing.figure(
        "Four problems, each tried 200 times. One that is solved in 5 % of the tries is solved by at least "
        f"one of 20 tries with a chance of {100 * pass_at_k(n, 10, 20):.0f} %. So a pass@20 says little "
        "about a single reply."
    )


def report_parts() -> str:
    """The report card's parts in their order, each with the question that it answers."""
    parts = (
        ("the first sentence", "what is it?", 1),
        ("Scores", "how good, and how sure is that?", 3),
        ("Known weaknesses", "what speaks against it?", 2),
        ("What it writes", "what does that look like?", 4),
        ("Curves", "how did it get there?", 1),
        ("Time and cost", "what did it take?", 5),
        ("Configuration", "what exactly was done?", 0),
        ("Make it again", "by which commands?", 6),
    )
    drawing = Svg(
        "report-parts",
        WIDTH,
        12 + 38 * len(parts),
        title="The parts of the report card",
        description=" ".join(f"{part}: {question}" for part, question, _ in parts),
    )
    drawing.box(4, 4, 210, 4 + 38 * len(parts), round=8)
    for number, (part, question, tone) in enumerate(parts):
        y = 10 + 38 * number
        drawing.box(12, y, 194, 32, part, tone=tone)
        drawing.arrow(250, y + 16, 210, y + 16)
        drawing.text(256, y + 16, question, middle=True, size=12)
    return drawing.figure(
        "Read it from the top. The weaknesses stand before the samples, so that these cannot charm you first."
    )
