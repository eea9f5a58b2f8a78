"""What a model writes to fifty prompts, token for token, so that every place where it runs can be compared.

Texts are greedy: always the likeliest token, so nothing is left to chance. At each place the five likeliest
tokens are kept with their probabilities; also at places where a tool's output was put in, which the model
reads but did not choose (`forced`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanochat.inference.engine import Engine
from nanochat.inference.request import GREEDY, Generation, Request
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.toolbox.tools import make_tools

MAX_TOKENS = 32
KEPT = 5  # tokens at each place
DIGITS = 6  # of their probabilities


@dataclass(frozen=True)
class Prompt:
    """A question, or the beginning of a text (`completion`), and where there is one the right answer."""

    kind: str
    text: str
    answer: str = ""


def of_kind(kind: str, *texts: str | tuple[str, str]) -> tuple[Prompt, ...]:
    """Prompts of one kind, with or without answers.

    >>> of_kind("everyday", "Hello", ("2+2?", "4"))
    (Prompt(kind='everyday', text='Hello', answer=''), Prompt(kind='everyday', text='2+2?', answer='4'))
    """
    return tuple(Prompt(kind, one) if isinstance(one, str) else Prompt(kind, *one) for one in texts)


PROMPTS = (
    *of_kind(
        "arithmetic",
        ("What is 7 + 5?", "12"),
        ("What is 37 * 12?", "444"),
        ("Calculate 81 - 46.", "35"),
        ("What is 144 divided by 12?", "12"),
        ("How much is 9 times 8?", "72"),
        ("123 + 456 =", "579"),
        ("What do you get if you subtract 18 from 100?", "82"),
        ("Please calculate 25 * 25.", "625"),
        ("What is half of 90?", "45"),
        ("Add 640 and 77.", "717"),
        ("How many times does 6 go into 96?", "16"),
        ("What is 1000 - 1?", "999"),
        ("Tom has 14 pens and gets 9 more. How many pens does he have?", "23"),
        ("A box holds 12 eggs. How many eggs are in 5 boxes?", "60"),
        ("Anna shares 56 nuts among 8 friends. How many does each get?", "7"),
    ),
    *of_kind(
        "letters",
        ("How many r are in strawberry?", "3"),
        ("How many e are in cheese?", "3"),
        ("How many times does the letter s appear in glasses?", "3"),
        ("Count the letter o in balloon.", "2"),
        ("Spell the word apple.", "a p p l e"),
        ("How do you spell garden?", "g a r d e n"),
        ("Which letters are in the word window?", "w i n d o w"),
        ("Please spell winter.", "w i n t e r"),
    ),
    *of_kind(
        "story",
        "Tell me a story.",
        "Tell me a story about a dog.",
        "Write a short story about a girl and a boat.",
        "Tell me a story about a king.",
        "Can you tell me a story about the sea?",
        "Write a story about two friends.",
        "Tell me a short story about a cat and a bird.",
        "Make up a story about a lost key.",
    ),
    *of_kind(
        "everyday",
        "Hello!",
        "Who are you?",
        "How are you today?",
        "What can you do?",
        "What is your favourite colour?",
        "Thank you very much.",
        "Good night!",
    ),
    *of_kind(
        "completion",
        "Call me Ishmael. Some years ago",
        "Once upon a time there was",
        "It was a dark night, and",
        "The captain looked at the sea and",
        "She opened the door and saw",
        "In the morning the children",
        '"Where have you been?" said',
        "The old man sat down by the fire",
        "The house stood at the end of",
        "There is nothing in the world so",
        "My dear friend,",
        "The people of the United States",
    ),
)


def ids_of(tokenizer: FastTokenizer, prompt: Prompt) -> list[int]:
    """What the model reads: the beginning of a text, or a user's turn and the start of its own."""
    if prompt.kind == "completion":
        return [tokenizer.bos, *tokenizer.encode(prompt.text)]
    return render_prompt(tokenizer, {"messages": [{"role": "user", "content": prompt.text}]})


def write_texts(model: GPT, tokenizer: FastTokenizer, prompts: Sequence[Prompt]) -> list[dict[str, Any]]:
    """What a model writes to each prompt, as `with_places` keeps it."""
    requests = [
        # A text that only goes on has no tools, as everywhere on the pages.
        Request(tuple(ids_of(tokenizer, one)), MAX_TOKENS, GREEDY, use_tools=one.kind != "completion")
        for one in prompts
    ]
    # Laid out as it was trained: whoever computes this again gets the same sums.
    engine = Engine(model, tokenizer, tool=make_tools(python=False), packed=False)
    return [with_places(model, done) for done in engine.generate(requests)]


def with_places(model: GPT, done: Generation) -> dict[str, Any]:
    """Ids with the marker at the end, text, calls, which ids a tool put in, the likeliest at each place."""
    ids = [*done.ids, *([] if done.ended_with is None else [done.ended_with])]
    return {
        "ids": ids,
        "forced": [place for place, chosen in enumerate(done.sampled) if not chosen],
        "finish": done.finish,
        "text": done.text,
        "calls": [[part.type, part.text] for part in done.parts if part.type != "text"],
        "top": likeliest(model, done.prompt, ids),
    }


def likeliest(model: GPT, prompt: Sequence[int], ids: Sequence[int]) -> list[list[list[float]]]:
    """At the place of each of `ids` the likeliest tokens: id and probability."""
    chances, best = places(model, prompt, ids).topk(KEPT, dim=1)
    return [
        [[token_id, round(chance, DIGITS)] for token_id, chance in zip(*pair, strict=True)]
        for pair in zip(best.tolist(), chances.tolist(), strict=True)
    ]


@torch.inference_mode()
def places(model: GPT, prompt: Sequence[int], ids: Sequence[int]) -> Tensor:
    """The probabilities of all words at the place of each of `ids`, [T, V]."""
    logits_TV = model(torch.tensor([[*prompt, *ids][:-1]]))[0, len(prompt) - 1 :]
    return torch.softmax(logits_TV.double(), dim=1)


def largest_difference(model: GPT, texts: Iterable[Mapping[str, Any]], which: str) -> float:
    """How far a model's probabilities are from those that were kept, along the kept texts, at most.

    Both read the same tokens, so a text that the model itself would have continued in another way counts up
    to its end like any other.
    """
    largest = 0.0
    for one in texts:
        kept = one[which]
        if not kept["ids"]:
            continue
        found_TV = places(model, one["prompt"], kept["ids"])
        ids_TK = torch.tensor([[int(token_id) for token_id, _ in place] for place in kept["top"]])
        expected_TK = torch.tensor([[chance for _, chance in place] for place in kept["top"]])
        largest = max(largest, float((found_TV.gather(1, ids_TK) - expected_TK).abs().max()))
    return largest


def equal_texts(texts: Iterable[Mapping[str, Any]], one: str, other: str) -> int:
    """How many texts are the same, token for token.

    >>> equal_texts([{"fp32": {"ids": [1, 2]}, "int8": {"ids": [1, 2]}}], "fp32", "int8")
    1
    """
    return sum(text[one]["ids"] == text[other]["ids"] for text in texts)


def make_expected(before: GPT, after: GPT, tokenizer: FastTokenizer) -> dict[str, Any]:
    """The whole file: what a model writes as it was trained (fp32), and with its weights rounded (int8)."""
    written = zip(
        PROMPTS,
        write_texts(before, tokenizer, PROMPTS),
        write_texts(after, tokenizer, PROMPTS),
        strict=True,
    )
    texts = [
        {
            "kind": prompt.kind,
            "text": prompt.text,
            "answer": prompt.answer,
            "prompt": ids_of(tokenizer, prompt),
            "fp32": fp32,
            "int8": int8,
        }
        for prompt, fp32, int8 in written
    ]
    rounding = {
        "largest_difference": round(largest_difference(after, texts, "fp32"), DIGITS),
        "equal_texts": equal_texts(texts, "fp32", "int8"),
        "texts": len(texts),
    }
    return {"max_tokens": MAX_TOKENS, "temperature": 0, "rounding": rounding, "texts": texts}
