"""How fast text is written: prefill, the first token, decoding, against what the memory allows.

The model has chance weights, which cost what learnt ones cost. Decoding must read every weight once a step,
and the keys and values of every row; how fast memory can be read is measured in the same process, so the
share that is reached says how much the rest costs.

- prefill: one prompt, read at once
- first token: from the question to the first token, a prompt read and a token chosen, in a warm engine
- decode: the middle one of many steps, at each number of rows, tokens chosen by chance at temperature 1
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from torch import Tensor

from nanochat.commands.measure import machine
from nanochat.errors import UserError
from nanochat.inference.choosing import choose_tokens
from nanochat.inference.decoder import Decoder
from nanochat.inference.engine import Engine
from nanochat.inference.request import Request, Sampling
from nanochat.model.config import GPTConfig
from nanochat.model.counting import EMBEDDING, VALUE_EMBEDDING, count_parameters
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer, with_chat_specials
from nanochat.train.distributed import Launch, pick_device
from nanochat.train.machine import is_out_of_memory
from nanochat.train.precision import TYPES, pick_dtype

READ_BYTES = 2**29  # read to measure the memory's speed: more than any cache holds
READS = 5
FIRST_TOKENS = 5
AS_CHAT = Sampling(temperature=1.0)


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Time prefill and decode; see `nanochat.commands.bench_infer` for what the question holds."""
    device = pick_device(Launch())
    dtype = pick_dtype(question["dtype"], device)
    config = GPTConfig(**question["model"])
    model = GPT(config, TYPES[dtype]).initialize(0).to(device).eval()
    if device.type == "cuda":
        model.to(TYPES[dtype])
    try:
        prompt = chance_ids(config.vocab_size, question["prompt"])
        found = {
            "bandwidth": round(bandwidth(device)),
            "prefill_tokens_per_second": round(prefill(model, prompt, question["steps"]), 1),
            "first_token_seconds": round(first_token(model, prompt), 5),
            "rows": [decode(model, prompt, rows, question["steps"]) for rows in question["batches"]],
        }
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise UserError("out of memory: use a smaller --depth, --prompt or --batches") from None
        raise
    return {
        **found,
        "dtype": dtype,
        "parameters": count_parameters(config).total,
        "bytes_read": bytes_read(config, TYPES[dtype]),
        "machine": machine.describe(),
    }


def chance_ids(vocab_size: int, count: int) -> list[int]:
    """Ids of a prompt by chance."""
    chance = torch.Generator().manual_seed(0)
    found: list[int] = torch.randint(vocab_size, (count,), generator=chance).tolist()
    return found


def bytes_read(config: GPTConfig, dtype: torch.dtype) -> int:
    """Bytes of weights that a step of decoding must read: all but tables, of which it reads a row each."""
    count = count_parameters(config)
    return (count.total - count.of_kind(EMBEDDING, VALUE_EMBEDDING)) * dtype.itemsize


def bandwidth(device: torch.device) -> float:
    """Bytes a second that the memory can be read at."""
    numbers = torch.ones(READ_BYTES // 4, device=device)

    def read() -> None:
        float(numbers.sum())

    read()
    return READ_BYTES / min(seconds_of(read, device) for _ in range(READS))


def seconds_of(action: Any, device: torch.device) -> float:
    """How long an action takes, what it started on a GPU included."""
    wait_for(device)
    start = time.perf_counter()
    action()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device) -> None:
    """Let a GPU finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def prefill(model: GPT, prompt: list[int], repeats: int) -> float:
    """Tokens a second at which one prompt is read."""
    decoder, device = Decoder(model, rows=1), model.head.weight.device

    def read() -> None:
        decoder.forget(0)
        decoder.read({0: prompt})

    read()
    return len(prompt) / min(seconds_of(read, device) for _ in range(max(3, repeats // 10)))


def first_token(model: GPT, prompt: list[int]) -> float:
    """Seconds from a question to the first token, the middle one of some."""
    engine = Engine(model, made_up_tokenizer(model.config.vocab_size), rows=1)
    times = []
    for seed in range(FIRST_TOKENS + 1):
        start = time.perf_counter()
        engine.submit(Request(tuple(prompt), 1, AS_CHAT, seed, use_tools=False))
        while engine.busy:
            engine.step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def made_up_tokenizer(vocab_size: int) -> Tokenizer:
    """As many words as the model has, of no meaning.

    >>> made_up_tokenizer(4_096).n_vocab
    4096
    """
    words = [bytes([value]) for value in range(256)]
    words += [b" word %d" % number for number in range(256, vocab_size - len(CHAT_SPECIALS))]
    return with_chat_specials("made-up", {word: number for number, word in enumerate(words)})


def decode(model: GPT, prompt: list[int], rows: int, steps: int) -> dict[str, Any]:
    """Tokens a second of `rows` texts together."""
    decoder, device = Decoder(model, rows), model.head.weight.device
    logits_BV: Tensor = decoder.read(dict.fromkeys(range(rows), prompt))
    times = []
    for step in range(steps + 3):  # three to warm up
        start = time.perf_counter()
        ids = choose_tokens(logits_BV, [AS_CHAT] * rows, [0.37] * rows)
        logits_BV = decoder.step(ids)
        wait_for(device)
        if step >= 3:
            times.append(time.perf_counter() - start)
    step_seconds = statistics.median(times)
    return {
        "rows": rows,
        "tokens_per_second": round(rows / step_seconds, 1),
        "step_seconds": round(step_seconds, 6),
        "cache_bytes": decoder.cache.bytes,
    }
