"""The engine: many requests written at the same time, each as if it were alone.

A round of the engine reads the prompts that have newly come (prefill), lets every row read the token it chose
last (decode), and chooses the next token of each. Requests join and leave between rounds (continuous
batching, Yu et al. 2022, Orca, OSDI, section 3.2), so no row waits for the longest.

The choices:

- requests with the same prompt read it once; their rows are copies, and each draws its own tokens from the
  first on
- a call of a tool takes only its own row out of the round; the result is read as a prompt is, and the row
  goes on
- the rows in use are the first ones: when one ends, the last takes its place
- with `reuse`, what a row has read stays until the row is needed, and a prompt that begins with all of it
  goes on from there: the next turn of a chat reads only what is new

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import count

import torch
from torch import Tensor

from nanochat.inference.choosing import choose_tokens
from nanochat.inference.decoder import MOST_AT_ONCE, Decoder
from nanochat.inference.request import Generation, News, Part, Request
from nanochat.inference.sampling import draw
from nanochat.inference.writing import Tokenizer, Writing
from nanochat.model.gpt import GPT

ROWS = 8
TOOL_THREADS = 4  # tools that run at the same time
PAUSE = 0.02  # seconds that a round waits when all rows wait for tools: a new request may come meanwhile


@dataclass
class Row:
    """A request that is being written."""

    ticket: int
    writing: Writing
    unread: list[int]  # tokens that the model has not read yet
    result: Future[str] | None = None  # of a tool that is at work; the row rests meanwhile
    written_V: Tensor | None = None  # true for ids in the text, where a repetition penalty wants to know
    news: list[News] = field(default_factory=list)

    @property
    def text(self) -> list[int]:
        """All ids so far."""
        return [*self.writing.request.prompt, *self.writing.ids]


class Engine:
    """A model that writes up to `rows` continuations at a time.

    >>> from nanochat.model.config import GPTConfig
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> model = GPT(GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=tokenizer.n_vocab))
    >>> engine = Engine(model.initialize(0), tokenizer)
    >>> some = [Request((2039, 67), max_tokens=5, seed=seed) for seed in (1, 2, 1)]
    >>> first, second, third = engine.generate(some)
    >>> first.ids == third.ids, first.ids == second.ids
    (True, False)
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        rows: int = ROWS,
        tool: Callable[[str], str] | None = None,
        reuse: bool = False,
        packed: bool = True,
    ) -> None:
        self.tokenizer, self.tool, self.reuse = tokenizer, tool, reuse
        self.vocab_size, self.context = model.config.vocab_size, model.config.sequence_len
        self.most_rows = rows
        self.decoder = Decoder(model, rows + reuse, packed)  # one more, to change two rows' places
        self.rows: list[Row] = []  # of the decoder's rows the first ones, in their order
        self.waiting: deque[tuple[int, Request]] = deque()
        self.tickets = count(1)
        self.threads: ThreadPoolExecutor | None = None

    # ---- asking ----

    def submit(self, request: Request) -> int:
        """Have a request answered in the rounds to come; the ticket that its news will bear.

        Raises ValueError for a prompt that is empty, longer than the context allows, or not made of ids.
        """
        if not request.prompt:
            raise ValueError("the prompt is empty; it begins with <|bos|>")
        if len(request.prompt) >= self.context:
            raise ValueError(
                f"the prompt has {len(request.prompt):,} tokens; the model reads {self.context:,} in all, "
                "and one must be left to write"
            )
        if not 0 <= min(request.prompt) <= max(request.prompt) < self.vocab_size:
            raise ValueError(f"the prompt has an id that is not from 0 to {self.vocab_size - 1:,}")
        if request.max_tokens < 1:
            raise ValueError(f"max_tokens={request.max_tokens} must be at least 1")
        ticket = next(self.tickets)
        self.waiting.append((ticket, request))
        return ticket

    def cancel(self, ticket: int) -> None:
        """End a request now. It has no more news."""
        self.waiting = deque(one for one in self.waiting if one[0] != ticket)
        for number, row in enumerate(self.rows):
            if row.ticket == ticket:
                self.leave(number)
                return

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.rows or self.waiting)

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Answer all of these, in their order."""
        tickets = [self.submit(request) for request in requests]
        found: dict[int, Generation] = {}
        while len(found) < len(tickets):
            for news in self.step():
                if news.done is not None and news.ticket in tickets:
                    found[news.ticket] = news.done
        return [found[ticket] for ticket in tickets]

    def stream(self, request: Request) -> Iterator[Part]:
        """Parts of the answer to one request, as they come. Leaving the loop early cancels it."""
        ticket = self.submit(request)
        try:
            while True:
                for news in self.step():
                    if news.ticket != ticket:
                        continue
                    if news.part is not None:
                        yield news.part
                    if news.done is not None:
                        return
        finally:
            self.cancel(ticket)

    # ---- a round ----

    def step(self) -> list[News]:
        """One round; what has come of it."""
        self.take_results()
        self.admit()
        if not self.rows:
            return []
        active = [n for n, row in enumerate(self.rows) if row.result is None and row.writing.finish is None]
        if active:
            self.choose(active, self.logits_of(active))
        elif results := [row.result for row in self.rows if row.result is not None]:
            wait(results, timeout=PAUSE, return_when=FIRST_COMPLETED)
        news = [one for row in self.rows for one in row.news]
        for number in reversed(range(len(self.rows))):
            self.rows[number].news = []
            if self.rows[number].writing.finish is not None:
                self.leave(number)
        return news

    def take_results(self) -> None:
        """Put the results of tools that have ended into their rows."""
        for row in self.rows:
            if row.result is not None and row.result.done():
                ids = row.writing.put_in(outcome(row.result))
                row.result = None
                row.unread += ids
                row.news.append(News(row.ticket, row.writing.parts[-1]))
                if row.written_V is not None:
                    row.written_V[ids] = True
                self.end_if_full(row)

    def admit(self) -> None:
        """Give rows to requests that wait, as many as there is room for; not more text than a round bears."""
        tokens = 0
        while self.waiting and len(self.rows) < self.most_rows:
            ticket, request = self.waiting[0]
            tokens += len(request.prompt)
            if tokens > MOST_AT_ONCE and tokens > len(request.prompt):
                return
            self.waiting.popleft()
            number, row = len(self.rows), Row(ticket, Writing(request, self.tokenizer), [])
            row.unread = list(request.prompt[self.prepare(number, request.prompt) :])
            if request.sampling.repetition_penalty != 1:
                row.written_V = torch.zeros(self.vocab_size, dtype=torch.bool)
                row.written_V[list(request.prompt)] = True
            self.rows.append(row)

    def prepare(self, number: int, prompt: Sequence[int]) -> int:
        """Have the decoder's row `number` begin a prompt; how many of its tokens it has read already."""
        texts = self.decoder.cache.texts
        if self.reuse:
            lengths = {
                one: len(text)
                for one, text in enumerate(texts[: self.most_rows])
                if one >= number and len(text) < len(prompt) and list(prompt[: len(text)]) == text
            }
            best = max(lengths, key=lengths.__getitem__, default=number)
            if lengths.get(best):
                if best != number:
                    self.swap(best, number)
                return lengths[best]
        self.decoder.forget(number)
        return 0

    def logits_of(self, active: Sequence[int]) -> Tensor:
        """Logits for the next token of the active rows, [B, V]: by reading what is unread."""
        short = {n: self.rows[n].unread[0] for n in active if len(self.rows[n].unread) == 1 and self.begun(n)}
        texts = {n: self.rows[n].unread for n in active if n not in short}
        first_of: dict[tuple[int, ...], int] = {}
        copies = {}
        for number, ids in texts.items():
            if not self.begun(number):
                copies[number] = first_of.setdefault(tuple(ids), number)
        found: dict[int, Tensor] = {}
        # The short ones first: what `read` adds to a row would be one token too far for them.
        if short:
            last = max(short)
            logits_BV = self.decoder.step([short.get(number) for number in range(last + 1)])
            found |= {number: logits_BV[number] for number in short}
        originals = {n: ids for n, ids in texts.items() if copies.get(n, n) == n}
        if originals:
            found |= dict(zip(originals, self.decoder.read(originals), strict=True))
        for number, original in copies.items():
            if number != original:
                self.decoder.copy_row(original, number)
                found[number] = found[original]
        for number in active:
            self.rows[number].unread = []
        return torch.stack([found[number] for number in active])

    def begun(self, number: int) -> bool:
        """Whether the decoder has read anything of this row."""
        return bool(self.decoder.cache.texts[number])

    def choose(self, active: Sequence[int], logits_BV: Tensor) -> None:
        """The next token of each active row, and what follows from it."""
        rows = [self.rows[number] for number in active]
        hows = [row.writing.request.sampling for row in rows]
        drawn = [draw(row.writing.request.seed, len(row.text)) for row in rows]
        written_BV = None
        if any(row.written_V is not None for row in rows):
            nothing_V = torch.zeros(self.vocab_size, dtype=torch.bool)
            kept = [nothing_V if row.written_V is None else row.written_V for row in rows]
            written_BV = torch.stack(kept).to(logits_BV.device)
        for row, token_id in zip(rows, choose_tokens(logits_BV, hows, drawn, written_BV), strict=True):
            self.accept(row, token_id)

    def accept(self, row: Row, token_id: int) -> None:
        """A row goes on with a token."""
        row.news += [News(row.ticket, part) for part in row.writing.accept(token_id)]
        row.unread.append(token_id)
        if row.written_V is not None:
            row.written_V[token_id] = True
        if row.writing.finish is None and row.writing.call is not None:
            row.result = self.call(row.writing.call)
        self.end_if_full(row)

    def end_if_full(self, row: Row) -> None:
        """End a row that has come to the end of the context; tell of one that has ended."""
        if row.writing.finish is None and len(row.text) >= self.context:
            row.news += [News(row.ticket, part) for part in row.writing.end("length")]
        if row.writing.finish is not None:
            row.news.append(News(row.ticket, done=row.writing.generation()))

    def call(self, code: str) -> Future[str]:
        """Begin to run a tool."""
        if self.tool is None:
            nothing: Future[str] = Future()
            nothing.set_result("error: there is no tool")
            return nothing
        if self.threads is None:
            self.threads = ThreadPoolExecutor(TOOL_THREADS, thread_name_prefix="tool")
        return self.threads.submit(self.tool, code)

    # ---- rows ----

    def leave(self, number: int) -> None:
        """Free a row; the last row in use takes its place."""
        last = len(self.rows) - 1
        if number != last:
            self.swap(number, last)
            self.rows[number] = self.rows[last]
        self.rows.pop()

    def swap(self, one: int, other: int) -> None:
        """Change two of the decoder's rows; without `reuse` only the second's text is still needed."""
        if self.reuse:
            spare = self.most_rows
            self.decoder.copy_row(one, spare)
            self.decoder.copy_row(other, one)
            self.decoder.copy_row(spare, other)
        else:
            self.decoder.copy_row(other, one)
            self.decoder.forget(other)

    def close(self) -> None:
        """End the threads of tools."""
        if self.threads is not None:
            self.threads.shutdown(wait=False, cancel_futures=True)


def outcome(result: Future[str]) -> str:
    """What a tool gave back. One that fails must not take the other rows with it.

    >>> failed: Future[str] = Future()
    >>> failed.set_exception(OSError("no space"))
    >>> outcome(failed)
    'error: OSError'
    """
    error = result.exception()
    return result.result() if error is None else f"error: {type(error).__name__}"
