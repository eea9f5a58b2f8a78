"""What is asked of the engine, and what it gives back. Standard library only.

A request is a prompt in ids and how to go on from it. The answer comes as news while it is written, and as a
`Generation` at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen from the logits; the defaults are a chat's.

    >>> Sampling(temperature=-1)
    Traceback (most recent call last):
    ValueError: temperature=-1 must be from 0 to 100
    """

    temperature: float = 0.8  # 0: always the likeliest token
    top_k: int = 0  # only the K likeliest tokens; 0: all
    top_p: float = 1.0  # only the likeliest tokens that together have this probability
    min_p: float = 0.0  # only tokens with at least this share of the likeliest one's probability
    repetition_penalty: float = 1.0  # above 1: what was written already becomes less likely

    def __post_init__(self) -> None:
        limits = {
            "temperature": (0, 100), "top_k": (0, 10**9), "top_p": (0, 1), "min_p": (0, 1),
            "repetition_penalty": (0.01, 100),
        }  # fmt: skip
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:  # also false for nan
                raise ValueError(f"{name}={value} must be from {low:,} to {high:,}")


GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True)
class Request:
    """One prompt to go on from."""

    prompt: tuple[int, ...]
    max_tokens: int  # of the continuation, tool output included
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0  # the same prompt, sampling and seed give the same text, whatever else the engine does
    stop_ids: frozenset[int] = frozenset()  # ids that end it, besides the special tokens
    stop_texts: tuple[str, ...] = ()  # it ends before the first of these
    use_tools: bool = True  # run what stands between <|python_start|> and <|python_end|>


@dataclass(frozen=True)
class Part:
    """A stretch of a continuation: text, a call of a tool, or what it gave back."""

    type: Literal["text", "python", "python_output"]  # the names of nanochat.tokenizer.chat
    text: str


@dataclass(frozen=True)
class Generation:
    """A finished continuation. Its ids and parts have neither the end marker nor a stop text.

    >>> parts = (
    ...     Part("text", "It is "),
    ...     Part("python", "1+1"),
    ...     Part("python_output", "2"),
    ...     Part("text", "2."),
    ... )
    >>> Generation((1,), (2, 3), (True, True), parts, "stop").text
    'It is 2.'
    """

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    sampled: tuple[bool, ...]  # for each id: chosen by the model; False where a tool's output was put in
    parts: tuple[Part, ...]
    finish: Finish
    ended_with: int | None = None  # the special token that ended it, which the model chose

    @property
    def text(self) -> str:
        """What was written, without calls of tools."""
        return "".join(part.text for part in self.parts if part.type == "text")


@dataclass(frozen=True)
class News:
    """Something that has happened to a request: more text, a call, a result; at last the whole.

    Text comes in pieces of whole characters; a call when it is complete.
    """

    ticket: int
    part: Part | None = None
    done: Generation | None = None
