"""The sections about a chat with its training mask, and about a whole vocabulary."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nanochat.tokenizer.chat import ConversationError
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer
from tools.common.chat_view import can_chat, chat_view
from tools.core.errors import ToolError, UsageError
from tools.core.files import MEGABYTE, parse_json, read_json
from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table
from tools.playground.views import kind_of_bytes, show

LONGEST_BAR = 12
EXAMPLES = 10
# The longest conversations people train on have some hundred thousand characters.
LARGEST_CHAT = 10 * MEGABYTE
PURPOSES = dict(
    zip(
        CHAT_SPECIALS,
        (
            "a document begins", "the user begins to speak", "the user has finished",
            "the assistant begins to speak", "the assistant has finished",
            "Python code begins", "Python code ends",
            "what the code printed begins", "what the code printed ends",
        ),
        strict=True,
    )
)  # fmt: skip
# What OpenAI's special tokens are for; fill-in-the-middle is from Bavarian et al. 2022 (arXiv 2207.14255).
PURPOSES |= {
    "<|endoftext|>": "a document ends",
    "<|fim_prefix|>": "what comes before a gap to fill",
    "<|fim_middle|>": "what fills the gap",
    "<|fim_suffix|>": "what comes after the gap",
    "<|endofprompt|>": "the instructions end",
}


def read_chat(words: str | None, path: Path | None) -> object:
    """The conversation, from JSON given directly or in a file."""
    if words and path:
        raise UsageError("--chat and --chat-file both give a conversation; use one", parameter="chat")
    if path:
        return read_json(path, LARGEST_CHAT, "a conversation", "chat_file")
    try:
        return parse_json(words or "")
    except ValueError as error:
        raise UsageError(f"--chat is not JSON: {error}", parameter="chat") from None


def chat_section(
    tokenizer: Tokenizer, name: str, conversation: object, most: int, colored: int, source: str = ""
) -> Section:
    """A conversation in tokens: what the model learns of it is coloured."""
    if not can_chat(tokenizer):
        raise UsageError(
            f"--chat needs a tokenizer with chat tokens, and {name} has none; use --tokenizer nanochat",
            parameter="tokenizer",
        )
    try:
        return chat_view(tokenizer, conversation, most, colored)  # type: ignore[arg-type]
    except ConversationError as error:
        of = f" of {source}" if source else ""
        raise ToolError(f"the conversation{of} is not valid: {error}") from None


def vocabulary_section(tokenizer: Tokenizer, name: str) -> Section:
    """What a vocabulary is made of."""
    lengths = Counter(min(len(token), LONGEST_BAR) for token in tokenizer.ranks)
    kinds = Counter(map(kind_of_bytes, tokenizer.ranks))
    with_space = sum(token[:1] == b" " and len(token) > 1 for token in tokenizer.ranks)
    n_merged = len(tokenizer.ranks) - 256
    rows = [
        Row("ids", "Ids", tokenizer.n_vocab),
        Row("single_bytes", "Single bytes", 256),
        Row("merged", "Merged tokens", n_merged),
        Row("special", "Special tokens", len(tokenizer.special_tokens)),
        Row("with_space", "Begin with a space", with_space),
    ]
    bars = [
        Bar(
            f"{length} bytes or more" if length == LONGEST_BAR else f"{length} byte{'s' * (length > 1)}",
            count,
        )
        for length, count in sorted(lengths.items())
    ]
    by_kind = [Bar(kind, count) for kind, count in kinds.most_common()]
    blocks: list[Block] = [
        Rows(rows),
        Bars("lengths", bars, caption="Tokens by their length"),
        Bars("kinds", by_kind, caption="Tokens by what they are made of"),
        _examples(tokenizer),
    ]
    return Section(f"The vocabulary of {name}", blocks, icon="📚", key="vocabulary")


def _examples(tokenizer: Tokenizer) -> Table:
    """First, last and longest merged tokens, side by side."""
    merged = sorted((rank, token) for token, rank in tokenizer.ranks.items() if len(token) > 1)
    longest = sorted(merged, key=lambda entry: (-len(entry[1]), entry[0]))
    columns = [Column("first", "Learned first"), Column("last", "Learned last"), Column("longest", "Longest")]
    rows = [
        [show(token)[:60] for _, token in trio]
        for trio in zip(merged[:EXAMPLES], merged[: -EXAMPLES - 1 : -1], longest[:EXAMPLES], strict=True)
    ]
    return Table("examples", columns, rows, caption="Some of its tokens; ␣ is a space")


def special_section(tokenizer: Tokenizer, name: str) -> Section:
    """The ids that no text can produce."""
    columns = [Column("token", "Token"), Column("id", "Id", "right"), Column("purpose", "What it says")]
    rows: list[list[Cell | int | str]] = [
        [text, Cell(token_id, str(token_id)), PURPOSES.get(text, "")]
        for text, token_id in tokenizer.special_tokens.items()
    ]
    caption = "Text that merely spells one is ordinary characters, unless --special is given"
    return Section(
        f"The special tokens of {name}",
        [Table("special", columns, rows, caption=caption)],
        icon="🚩",
        key="special_tokens",
    )
