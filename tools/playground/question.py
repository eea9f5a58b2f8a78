"""What the tokenizer playground can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.core import parameters as ask

OURS = "nanochat"
TOKENIZERS = {
    OURS: "nanochat: this project's own",
    "gpt2": "gpt2: GPT-2 and GPT-3",
    "cl100k_base": "cl100k_base: GPT-3.5 and GPT-4",
    "o200k_base": "o200k_base: GPT-4o and later",
}
TEXT, TOKENIZER, MORE = "Text", "Tokenizer", "More to see"
FIRST_TEXT = "Tokenizers don't read letters: they read tokens. Naïve café, 2026, 中文, 🙂!"
FIRST_CHAT = '{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}'


@dataclass(frozen=True)
class Question:
    """Without anything said, the first text in the tokens of this project's own tokenizer.

    >>> Question().tokenizer
    'nanochat'
    """

    text: str = ask.text(
        FIRST_TEXT, "the text to cut into tokens", multiline=True, positional=True, group=TEXT
    )
    file: Path | None = ask.file(  # noqa: RUF009 (it makes a field, as the others do)
        "a text file in UTF-8 to read instead", stdin=True, group=TEXT
    )
    second_text: str | None = ask.text(
        None, "another text, to compare with the first", multiline=True, group=TEXT
    )

    tokenizer: str = ask.choice(OURS, TOKENIZERS, "whose tokens to show", group=TOKENIZER)
    compare: tuple[str, ...] = ask.choice(
        (), TOKENIZERS, "other tokenizers to set beside it", many=True, group=TOKENIZER, label="Compare with"
    )
    ranks: Path | None = ask.file(  # noqa: RUF009
        "a rank file: of a tokenizer you trained, to use as nanochat, or one of the published ones",
        suffixes=[".tiktoken"],
        group=TOKENIZER,
        label="Rank file",
    )
    special: bool = ask.flag(
        "read special tokens in the text as such, not as ordinary characters", group=TOKENIZER
    )

    word: str | None = ask.text(
        None, "a word whose merges to step through", high=200, group=MORE, label="Merges of a word"
    )
    chat: str | None = ask.text(
        None, 'a conversation as JSON: {"messages": [...]}', multiline=True, group=MORE
    )
    chat_file: Path | None = ask.file(  # noqa: RUF009
        "a file with a conversation as JSON", suffixes=[".json"], group=MORE
    )
    train: int | None = ask.integer(
        None, "merges to learn from the text by byte-pair encoding", low=1, high=100_000, group=MORE,
        label="Train on the text",
    )  # fmt: skip
    vocabulary: bool = ask.flag("statistics of the vocabulary and its special tokens", group=MORE)
    rows: int = ask.integer(
        50, "most rows in a table of tokens, steps or merges", low=1, high=10_000_000, group=MORE
    )
    colored: int = ask.integer(
        3_000, "most tokens to show in colours", low=1, high=10_000_000, group=MORE, label="Coloured tokens"
    )
