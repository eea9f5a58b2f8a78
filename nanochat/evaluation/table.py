"""The results of one evaluation as a table of text.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nanochat.evaluation.results import EvaluationResult

HEAD = ("task", "n", "score", "centred")


def as_table(results: Sequence[EvaluationResult]) -> str:
    """One line a result; under CORE and ChatCORE one for each of their tasks.

    >>> bpb = EvaluationResult("d4", "base", 200, "", "bpb", "bits per byte", 1.25, None, 4_096, "")
    >>> arc = EvaluationResult("d4", "base", 200, "", "arc-easy", "accuracy", 0.5, 0.05, 100, "",
    ...                        accuracy=0.5, centred=0.3333, centred_error=0.0667)
    >>> print(as_table([bpb, arc]))
    task              n  score                 centred
    bpb           4,096  1.2500 bits per byte
    arc-easy        100  50.0 % ± 5.0          0.333 ± 0.067
    """  # fmt: skip
    rows = [HEAD, *(row for result in results for row in rows_of(result))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = []
    for name, n, score, centred in rows:
        line = f"{name:<{widths[0]}}  {n:>{max(widths[1], 9)}}  {score:<{widths[2]}}  {centred}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def rows_of(result: EvaluationResult) -> list[tuple[str, ...]]:
    """The lines of one result."""
    if result.accuracy is not None:
        return [row_of(result.task, vars(result))]
    if not result.parts:
        return [(result.task, f"{result.n:,}", f"{result.value:.4f} {result.metric}", "")]
    error = f" ± {result.error:.4f}" if result.error is not None else ""
    whole = (result.task, f"{result.n:,}", "", f"{result.value:.4f}{error}")
    return [whole, *(row_of(f"  {part['task']}", part) for part in result.parts)]


def row_of(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """The line of one accuracy."""
    score = f"{100 * found['accuracy']:.1f} % {in_words(found)}"
    centred = f"{found['centred']:.3f} ± {found['centred_error']:.3f}"
    return name, f"{found['n']:,}", score, centred


def in_words(found: Mapping[str, Any]) -> str:
    """How sure an accuracy is. None right of ten has no error, but does not make it certain.

    >>> in_words({"error": 0.05}), in_words({"error": 0.0, "accuracy": 0.0, "interval": (0.0, 0.278)})
    ('± 5.0', '(at most 27.8)')
    """
    if found["error"] or not found.get("interval"):
        return f"± {100 * found['error']:.1f}"
    low, high = found["interval"]
    return f"(at least {100 * low:.1f})" if found["accuracy"] else f"(at most {100 * high:.1f})"
