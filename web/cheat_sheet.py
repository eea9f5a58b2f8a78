"""The numbers of the cheat sheet, each worked out by the function of the project that holds its formula.

The page `site_docs/guides/cheat-sheet.md` writes its tables itself, with `@name@` where a number belongs;
`filled` puts it in. The example model is this project's at depth 12.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import torch

from nanochat.evaluation.statistics import Estimate, accuracy, bits, centred, difference, wilson_interval
from nanochat.inference.sampling import entropy, softmax
from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_flops, count_parameters
from nanochat.model.hardware import find_gpu
from nanochat.model.layers import norm
from nanochat.model.memory import inference_weights, kv_cache_bytes
from nanochat.model.planning import Machine, decode_limit, tokens_per_second
from nanochat.train.depth_dial import turn_dial
from nanochat.train.optimizer import RULES
from nanochat.train.polar import COEFFICIENTS
from nanochat.train.rollouts import advantages
from nanochat.train.schedule import Schedule

MODEL = GPTConfig.from_depth(12)
PLAN = turn_dial(12)
GPU = find_gpu("H100")
HALF = Machine(GPU, mfu=0.5)
SIZES = {
    "B": 32, "T": MODEL.sequence_len, "C": MODEL.n_embd, "H": MODEL.n_head, "K": MODEL.n_kv_head,
    "D": MODEL.head_dim, "F": MODEL.mlp_width, "V": MODEL.padded_vocab_size, "L": MODEL.n_layer,
}  # fmt: skip
STEPS = (  # what happens, the module's name in the code (or none), the shape that comes out
    ("token ids", "", "B T"),
    ("embedding", "embedding", "B T C"),
    ("a norm of any layer", "", "B T C"),
    ("queries, all heads side by side", "blocks.1.attention.query", "B T H·D"),
    ("keys", "blocks.1.attention.key", "B T K·D"),
    ("values", "blocks.1.attention.value", "B T K·D"),
    ("scores and weights (in squares, never whole)", "", "B H T T"),
    ("heads mixed, then the output projection", "blocks.1.attention.output", "B T C"),
    ("MLP, inside", "blocks.1.mlp.up", "B T F"),
    ("MLP, out", "blocks.1.mlp.down", "B T C"),
    ("logits", "head", "B T V"),
    ("loss: one number a token, then their mean", "", "B T"),
    ("KV cache of a layer: keys, and values", "", "B T K D"),
)


def shapes() -> str:
    """The table of shapes, in letters and for the example model."""
    lines = ["| Step | Shape | At depth 12 | In the code |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {what} | {unbroken(', '.join(letters.split()))} | {unbroken(in_numbers(letters))} "
        f"| {f'`{name}`' if name else ''} |"
        for what, name, letters in STEPS
    ]
    return "\n".join(lines)


def unbroken(text: str) -> str:
    """A text that stays on one line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def in_numbers(letters: str) -> str:
    """A shape's letters as the example model's sizes.

    >>> in_numbers("B T K·D")
    '32 × 2,048 × 768'
    """
    return " × ".join(f"{math.prod(SIZES[letter] for letter in one.split('·')):,}" for one in letters.split())


def filled(table: str) -> str:
    """A table with its numbers in, and its links as the built pages need them.

    >>> filled("[a](03-architecture.md#b) @soft_cap@")
    '[a](../03-architecture/#b) 40 → 14.86'
    """
    linked = re.sub(r"\]\(([\w-]+)\.md", r"](../\1/", table)
    return re.sub(r"@(\w+)@", lambda match: EXAMPLES[match[1]](), linked)


def listed(values: Sequence[float], digits: int = 2) -> str:
    """Numbers with a comma between them.

    >>> listed([0.5, 1 / 3])
    '0.50, 0.33'
    """
    return ", ".join(f"{value:.{digits}f}" for value in values)


def polynomial(stretch: float) -> list[float]:
    """What the Polar Express makes of one stretch, step by step."""
    found = [stretch]
    for a, b, c in COEFFICIENTS:
        s = found[-1]
        found.append(a * s + b * s**3 + c * s**5)
    return found


def newton_schulz(stretch: float, steps: int = 5) -> list[float]:
    """What Newton–Schulz makes of one stretch, step by step."""
    found = []
    for _ in range(steps):
        stretch = 1.5 * stretch - 0.5 * stretch**3
        found.append(stretch)
    return found


def rate(step: int) -> float:
    """The learning rate's factor at a step of a run of 1,000."""
    return Schedule(steps=1000, weight_decay=0).learning_rate(step)


EXAMPLES: dict[str, Callable[[], str]] = {
    "softmax": lambda: f"scores 2, 1, 0 → {listed(softmax([2, 1, 0]))}",
    "temperature": lambda: f"τ = 0.5: {listed(softmax([2, 1, 0], 0.5))}",
    "entropy": lambda: f"0.5, 0.25, 0.25 → {entropy([0.5, 0.25, 0.25]):g} bits",
    "no_idea": lambda: f"no idea: ln V = {math.log(SIZES['V']):.2f}",
    "bits": lambda: f"2.77 nats, 4 bytes → {bits(2.77, 4):.2f}",
    "perplexity": lambda: f"loss 2.77 → {math.exp(2.77):.1f}",
    "norm": lambda: f"3, 4 → {listed(norm(torch.tensor([3.0, 4.0])).tolist())}",
    "attention": lambda: f"scores 4, 2; D = 4 → {listed(softmax([4 / 2, 2 / 2]))}",
    "rotary": lambda: (
        f"last pair: {MODEL.rope_base ** (-2 * (MODEL.head_dim // 2 - 1) / MODEL.head_dim):.6f} radians"
    ),
    "qk": lambda: f"scores within ±{MODEL.qk_scale**2 * math.sqrt(MODEL.head_dim):.1f}",
    "soft_cap": lambda: f"40 → {MODEL.logit_softcap * math.tanh(40 / MODEL.logit_softcap):.2f}",
    "windows": lambda: f"windows {', '.join(f'{window:,}' for window in MODEL.windows()[:4])}, …",
    "parameters": lambda: f"{count_parameters(MODEL).total:,} in all",
    "flops": lambda: f"{count_flops(MODEL).total:,}",
    "run_flops": lambda: f"{count_flops(MODEL).total * PLAN.tokens:.2e}",
    "run_time": lambda: (
        f"{PLAN.tokens / tokens_per_second(MODEL, HALF, SIZES['T']) / 3600:.1f} h on one H100"
    ),
    "cache": lambda: f"2,048 tokens: {kv_cache_bytes(MODEL, context=2_048).value / 2**20:,.0f} MiB",
    "decode": lambda: f"{decode_limit(MODEL, GPU):,.0f} a second on an H100",
    "weights": lambda: f"{inference_weights(MODEL).value / 2**20:,.0f} MiB",
    "betas": lambda: (
        f"head: η = {RULES['head'].learning_rate:g}, β = {', '.join(map(str, RULES['head'].betas))}"
    ),
    "newton": lambda: f"s = 0.5 → {listed(newton_schulz(0.5))}",
    "polar": lambda: f"s = 0.2 → {listed(polynomial(0.2)[1:])}",
    "rates": lambda: f"of 1,000 steps: 0 → {rate(0):.3f}, 100 → {rate(100):g}, 999 → {rate(999):.3f}",
    "dial": lambda: (
        f"{PLAN.config.n_embd} wide, {PLAN.tokens / 1e9:.2f} billion tokens, {PLAN.steps:,} steps"
    ),
    "pass_at_k": lambda: f"{1 - math.comb(10 - 3, 2) / math.comb(10, 2):.3f}",
    "advantage": lambda: f"1, 0, 0, 0 → {listed(advantages([1, 0, 0, 0]))}",
    "centred": lambda: f"0.5, chance 0.25 → {centred(Estimate(0.5, 0.05), 0.25).value:.3f}",
    "accuracy": lambda: f"60 of 100: {accuracy(60, 100)}",
    "wilson": lambda: f"10 of 10: {listed(wilson_interval(1, 10))}",
    "difference": lambda: f"54 and 50 of 100: {difference(accuracy(54, 100), accuracy(50, 100))}",
}
