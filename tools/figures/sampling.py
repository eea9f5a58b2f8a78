"""Interactive figure: what temperature, top-k, top-p, min-p and a repetition penalty do to a choice of words.

The rules are those of `nanochat.inference.sampling`, applied one after the other, so that the figure can say
which of them has cut a word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nanochat.inference.request import Sampling
from nanochat.inference.sampling import distribution, entropy, softmax
from tools.core import parameters as ask
from tools.core.report import Bar, Bars, Report, Row, Rows, Section
from tools.core.tool import Tool, UsageError
from tools.core.words import say

# Set by hand: what a model might give, with the words that stand in the text already among the choices.
TEXTS = {
    "mat": "The cat sat on the mat. The dog sat on the …",
    "paris": "The capital of France is …",
    "animal": "My favourite animal is the …",
}
LOGITS = {
    "mat": "mat 3.2, floor 2.9, sofa 2.6, bed 2, chair 1.7, grass 1.1, cat 0.6, roof 0.1, moon -1, the -2",
    "paris": "Paris 7.5, a 3.6, the 3.3, located 2.9, one 2.4, Lyon 1.6, France 1.2, not 0.8, Rome 0.2",
    "animal": "dog 2.1, cat 2, horse 1.6, elephant 1.5, lion 1.4, fox 1.2, owl 1, whale 0.8, ant 0.2",
}
MOST_WORDS = 16
OWN = "own"


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    text: str = ask.choice("mat", TEXTS | {OWN: "my own words, from below"}, "which word comes next")
    temperature: float = ask.number(
        0.8, "below 1: the likely become likelier; 0: always the likeliest", low=0, high=3, step=0.05
    )
    top_k: int = ask.integer(0, "keep the K likeliest; 0: keep all", low=0, high=10, label="Top-k")
    top_p: float = ask.number(
        1.0, "keep the likeliest that together reach this", low=0, high=1, step=0.01, label="Top-p"
    )
    min_p: float = ask.number(
        0.0,
        "keep words with this share of the likeliest one's chance",
        low=0,
        high=1,
        step=0.01,
        label="Min-p",
    )
    repetition_penalty: float = ask.number(
        1.0, "above 1: words that stand in the text become less likely", low=1, high=3, step=0.05
    )
    logits: str = ask.text(
        LOGITS["mat"],
        "your own words with their logits, for the last choice of text",
        high=400,
        label="Own words",
    )


def candidates(question: Question) -> tuple[list[str], list[float], set[int]]:
    """The words, their logits, and which of the words stand in the text already.

    >>> words, logits, written = candidates(Question())
    >>> words[0], logits[0], [words[at] for at in sorted(written)]
    ('mat', 3.2, ['mat', 'cat', 'the'])
    """
    pairs = read_logits(question.logits if question.text == OWN else LOGITS[question.text])
    before = [] if question.text == OWN else TEXTS[question.text].lower().replace(".", "").split()
    words = [word for word, _ in pairs]
    written = {at for at, word in enumerate(words) if word.lower() in before}
    return words, [logit for _, logit in pairs], written


def read_logits(text: str) -> list[tuple[str, float]]:
    """Words with their logits from `dog 2.1, cat -1`.

    >>> read_logits("dog 2.1, New York -1")
    [('dog', 2.1), ('New York', -1.0)]
    """
    found: dict[str, float] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        word, _, number = part.strip().rpartition(" ")
        logit = _logit(number)
        if not word.strip() or logit is None:
            raise UsageError(
                f"--logits: {say(part.strip())} must be a word and its logit from -100 to 100, as in cat 1.5",
                parameter="logits",
            )
        if word.strip() in found:
            raise UsageError(f"--logits names {say(word.strip())} twice", parameter="logits")
        found[word.strip()] = logit
    if not 2 <= len(found) <= MOST_WORDS:
        raise UsageError(f"--logits must name 2 to {MOST_WORDS} words, not {len(found)}", parameter="logits")
    return list(found.items())


def _logit(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= 100 else None  # also None for nan


def steps(question: Question) -> list[tuple[str, Sampling]]:
    """The rules with one more of them at each step, and the name of the one that came in.

    >>> [name for name, _ in steps(Question())]
    ['temperature', 'top-k', 'top-p', 'min-p']
    """
    warm = Sampling(question.temperature, repetition_penalty=question.repetition_penalty)
    by_rank = replace(warm, top_k=question.top_k)
    by_mass = replace(by_rank, top_p=question.top_p)
    return [
        ("temperature", warm),
        ("top-k", by_rank),
        ("top-p", by_mass),
        ("min-p", replace(by_mass, min_p=question.min_p)),
    ]


def run(question: Question) -> Report:
    """The chances of the words before and after.

    >>> run(Question(top_k=3)).says
    '3 of 10 words stay. The choice has 1.52 bits of entropy; it had 2.53.'
    """
    words, logits, written = candidates(question)
    before = softmax(logits)
    cut_by: dict[int, str] = {}
    after = before
    for name, how in steps(question):
        after = distribution(logits, how, written)
        for at, chance in enumerate(after):
            if chance == 0:
                cut_by.setdefault(at, name)
    bars = [
        Bar(
            f"{word} (in the text)" if at in written else word,
            after[at],
            f"{before[at]:.1%} → " + (f"cut by {cut_by[at]}" if at in cut_by else f"{after[at]:.1%}"),
            before=before[at],
        )
        for at, word in enumerate(words)
    ]
    was, now, stay = entropy(before), entropy(after), len(words) - len(cut_by)
    rows = [
        Row("entropy_before", "Entropy before", was, f"{was:.2f} bits"),
        Row("entropy_after", "Entropy after", now, f"{now:.2f} bits"),
        Row("stay", "Words that stay", stay, f"{stay} of {len(words)}"),
    ]
    chart = Bars("chances", bars, "Thin: softmax of the logits. Thick: after your settings.")
    return Report(
        "Sampling",
        [Section("Chances", [chart, Rows(rows)])],
        says=(
            f"{stay} of {len(words)} words stay. The choice has {now:.2f} bits of entropy; it had {was:.2f}."
        ),
    )


TOOL = Tool(
    name="figures/sampling",
    title="Sampling",
    summary="Turn a rule and see which words can still come next, and how likely each one is.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "The logits are set by hand. The rules are those of nanochat.inference.sampling, in its order: "
        "penalty, temperature, top-k, top-p, min-p."
    ),
)
