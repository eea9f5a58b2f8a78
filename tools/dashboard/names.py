"""The metrics that the trainer writes, as `nanochat.train.metrics` lists them: what each is called, which way
is better, how its figures read. A test compares these names with what real runs of all three stages wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LOWER, HIGHER = "lower", "higher"


def plain(value: float) -> str:
    """A figure in four digits, with separators.

    >>> plain(1.64377), plain(8131.2), plain(0.93)
    ('1.6438', '8,131', '0.9300')
    """
    if 10 <= abs(value) < 1000:
        return f"{value:.2f}"
    if value and (abs(value) < 1e-3 or abs(value) >= 1e12):
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


def share(value: float) -> str:
    """A share in percent."""
    return f"{value:.1%}"


def size(value: float) -> str:
    """Bytes as GiB.

    >>> size(1646272512)
    '1.53 GiB'
    """
    return f"{value / 2**30:.2f} GiB"


def clock(seconds: float) -> str:
    """A duration as a clock shows it, as the trainer does.

    >>> clock(83), clock(3_725), clock(200_000)
    ('1:23', '1:02:05', '2 d 7 h')
    """
    whole = round(seconds)
    if whole >= 2 * 86_400:
        return f"{whole // 86_400:,} d {whole % 86_400 // 3_600} h"
    hours, minutes = whole // 3_600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@dataclass(frozen=True)
class Metric:
    """One metric: its key in the file, its name, its unit, and which way is `better`, if either is."""

    key: str
    label: str
    unit: str = ""
    better: str = ""
    shown: Callable[[float], str] = plain
    brief: str = ""  # its name where there is little room

    @property
    def short(self) -> str:
        """Its shortest name."""
        return self.brief or self.label

    @property
    def arrow(self) -> str:
        """Which way is better: ↓ or ↑."""
        return {LOWER: "↓", HIGHER: "↑"}.get(self.better, "")


LOSS = Metric("loss", "loss", "nats per token", LOWER)
POLICY_LOSS = Metric("loss", "policy-gradient loss", brief="loss")  # of rl: neither way is better
VAL_BPB = Metric("val_bpb", "val bpb", "bits per byte", LOWER, brief="bpb")
VAL_ACCURACY = Metric("val_accuracy", "val accuracy", "share solved", HIGHER, share, "acc")
REWARD = Metric("reward", "reward", "mean grade", HIGHER)
METRICS = (
    LOSS,
    VAL_BPB,
    REWARD,
    VAL_ACCURACY,
    Metric("mixed_groups", "mixed groups", "share of questions", "", share),
    Metric("reply_tokens", "reply length", "tokens"),
    Metric("grad_norm", "gradient norm", "length"),
    Metric("tokens_per_second", "speed", "tokens/s", HIGHER),
    Metric("seconds", "time of a step", "s", LOWER),
    Metric("mfu", "MFU", "share of peak", HIGHER, share),
    Metric("memory_bytes", "memory", "GiB", LOWER, size),
    Metric("wait_share", "waiting for text", "share of step", LOWER, share),
)
"""In the order in which they are shown. `step`, `tokens` and the `lr` of each group are not among them."""
BY_KEY = {metric.key: metric for metric in METRICS}
RATES = "lr/"
"""What the keys of learning rates begin with: the file has `{"lr": {"head": …}}`, here it is `lr/head`."""


def metric_of(key: str) -> Metric:
    """What is known of a key; of a foreign one only its name."""
    return BY_KEY.get(key) or Metric(key, key)
