"""What the server has done and is doing, as the text that Prometheus reads. Standard library only.

The format is Prometheus' text exposition format, version 0.0.4: a line for each sample, `# HELP` and `# TYPE`
before each family, and for a histogram the number of observations up to each edge.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
TOKENS_A_SECOND = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0)


class Histogram:
    """How often a figure fell below each of some edges.

    >>> wait = Histogram((0.1, 1.0))
    >>> for seconds in (0.05, 0.1, 3.0):
    ...     wait.observe(seconds)
    >>> print("\\n".join(wait.lines("wait")))
    wait_bucket{le="0.1"} 2
    wait_bucket{le="1.0"} 2
    wait_bucket{le="+Inf"} 3
    wait_sum 3.15
    wait_count 3
    """

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value

    def lines(self, name: str) -> list[str]:
        """The samples."""
        found, so_far = [], 0
        for edge, count in zip((*self.edges, "+Inf"), self.counts, strict=True):
            so_far += count
            found.append(f'{name}_bucket{{le="{edge}"}} {so_far}')
        return [*found, f"{name}_sum {round(self.total, 6)}", f"{name}_count {so_far}"]


class Metrics:
    """All figures of a server since its start.

    >>> metrics = Metrics()
    >>> metrics.answered("stop", prompt_tokens=12, tokens=30, seconds=0.5)
    >>> "nanochat_completion_tokens_total 30" in metrics.text(rows_in_use=1, queue=0, workers=1)
    True
    """

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()  # path and status
        self.answers: Counter[str] = Counter()  # how they ended
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.restarts = 0
        self.first_token = Histogram(SECONDS)
        self.token_rate = Histogram(TOKENS_A_SECOND)

    def answered(self, how: str, prompt_tokens: int, tokens: int, seconds: float) -> None:
        """Count an answer that has ended, `seconds` after its first token."""
        self.answers[how] += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += tokens
        if tokens > 1 and seconds > 0:
            self.token_rate.observe((tokens - 1) / seconds)

    def text(self, rows_in_use: int, queue: int, workers: int) -> str:
        """Everything, with the three figures that only this moment has."""
        requests = [
            f'nanochat_requests_total{{path="{path}",status="{status}"}} {count}'
            for (path, status), count in sorted(self.requests.items())
        ]
        answers = [
            f'nanochat_answers_total{{end="{how}"}} {count}' for how, count in sorted(self.answers.items())
        ]
        families = (
            ("requests_total", "counter", "HTTP requests, by path and status", requests),
            ("answers_total", "counter", "answers, by how they ended", answers),
            ("prompt_tokens_total", "counter", "tokens of prompts", self.prompt_tokens),
            ("completion_tokens_total", "counter", "tokens of answers", self.completion_tokens),
            ("worker_restarts_total", "counter", "engines that died and were started again", self.restarts),
            ("queue_length", "gauge", "answers that wait for a row", queue),
            ("rows_in_use", "gauge", "answers being written", rows_in_use),
            ("workers_ready", "gauge", "engines that are up", workers),
            ("time_to_first_token_seconds", "histogram", "from the request to its first token",
             self.first_token.lines("nanochat_time_to_first_token_seconds")),
            ("tokens_per_second", "histogram", "of one answer, after its first token",
             self.token_rate.lines("nanochat_tokens_per_second")),
        )  # fmt: skip
        lines = []
        for name, kind, says, samples in families:
            lines += [f"# HELP nanochat_{name} {says}", f"# TYPE nanochat_{name} {kind}"]
            lines += samples if isinstance(samples, list) else [f"nanochat_{name} {samples}"]
        return "\n".join(lines) + "\n"
