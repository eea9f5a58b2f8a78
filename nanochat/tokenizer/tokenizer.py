"""A tokenizer: a vocabulary, a split pattern and special tokens, with a cache that makes encoding fast.

Special tokens are ids that no text can produce: they mark where a document or a turn of a chat begins and
ends. Text that merely spells one, `<|bos|>` typed by a user, is ordinary bytes; only a caller who says
`allowed_special` gets the id. Otherwise anyone could write the end of somebody else's turn.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from nanochat.tokenizer import ranks as rank_files
from nanochat.tokenizer.bpe import encode_piece
from nanochat.tokenizer.split import CL100K, GPT2, NANOCHAT, O200K, PATTERNS, SplitPattern

# Markers around documents, turns of a chat, code that the model runs, and what that code printed. Always the
# highest ids, in this order.
CHAT_SPECIALS = (
    "<|bos|>",
    "<|user_start|>",
    "<|user_end|>",
    "<|assistant_start|>",
    "<|assistant_end|>",
    "<|python_start|>",
    "<|python_end|>",
    "<|output_start|>",
    "<|output_end|>",
)
PUBLISHED = {"gpt2": GPT2, "cl100k_base": CL100K, "o200k_base": O200K}
RANKS_FILE = "tokenizer.tiktoken"
SETTINGS_FILE = "tokenizer_settings.json"
# Pieces whose ids are remembered. 10 MB of speeches have 29,000 different ones; each takes about 200 bytes.
CACHE_SIZE = 200_000
# A piece longer than this is seldom seen twice and would fill the memory.
CACHE_LONGEST = 100


class Tokenizer:
    """Text to token ids and back.

    >>> tokenizer = sample_tokenizer()
    >>> ids = tokenizer.encode("Call me Ishmael.")
    >>> [tokenizer.token_bytes(token_id) for token_id in ids]
    [b'C', b'all', b' me', b' Ishmael', b'.']
    >>> tokenizer.decode(ids)
    'Call me Ishmael.'
    """

    def __init__(
        self,
        name: str,
        ranks: Mapping[bytes, int],
        pattern: SplitPattern = NANOCHAT,
        special_tokens: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.ranks = dict(ranks) if not isinstance(ranks, dict) else ranks
        self.pattern = pattern
        self.special_tokens = dict(special_tokens or {})
        self._check()
        self._cache: dict[str, list[int]] = {}

    def _check(self) -> None:
        missing = [value for value in range(256) if bytes([value]) not in self.ranks]
        if missing:
            raise ValueError(
                f"{self.name}: the vocabulary lacks the byte 0x{missing[0]:02x}, so some text has no tokens"
            )
        taken = set(self.ranks.values())
        if len(taken) != len(self.ranks):
            raise ValueError(f"{self.name}: two tokens have the same id")
        for text, token_id in self.special_tokens.items():
            if token_id in taken:
                raise ValueError(f"{self.name}: the id {token_id} of {text} belongs to another token already")
            taken.add(token_id)

    @functools.cached_property
    def _bytes_of(self) -> dict[int, bytes]:
        specials = {token_id: text.encode() for text, token_id in self.special_tokens.items()}
        return {rank: token for token, rank in self.ranks.items()} | specials

    @functools.cached_property
    def special_ids(self) -> frozenset[int]:
        """The ids that no text can produce."""
        return frozenset(self.special_tokens.values())

    @property
    def n_vocab(self) -> int:
        """One more than the highest id: the number of rows an embedding needs. Some ids may be unused."""
        return max(max(self.ranks.values()), max(self.special_tokens.values(), default=0)) + 1

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides the ids: ranks, pattern and special tokens, not the name.

        >>> sample_tokenizer().fingerprint[:8]
        '05ffff67'
        """
        from hashlib import sha256

        rest = json.dumps([self.pattern.published, sorted(self.special_tokens.items())])
        return sha256(rank_files.write(self.ranks) + rest.encode()).hexdigest()

    # ---- text to ids ----

    def encode(self, text: str, allowed_special: Collection[str] = ()) -> list[int]:
        """Ids of `text`. Only the special tokens named in `allowed_special` are seen as such.

        >>> tokenizer = sample_tokenizer()
        >>> tokenizer.encode("<|bos|>hi", allowed_special=["<|bos|>"])
        [2039, 104, 105]
        >>> tokenizer.decode(tokenizer.encode("<|bos|>hi")[:4])  # not allowed: ordinary characters
        '<|bos'
        """
        ids: list[int] = []
        for part, special_id in self._parts(text, allowed_special):
            if special_id is None:
                ids.extend(self._encode_ordinary(part))
            else:
                ids.append(special_id)
        return ids

    def pieces(self, text: str, allowed_special: Collection[str] = ()) -> Iterator[tuple[str, list[int]]]:
        """Each piece of `text` with its ids; `encode` is all these ids one after another.

        >>> list(sample_tokenizer().pieces("Call me"))
        [('Call', [67, 392]), (' me', [364])]
        """
        for part, special_id in self._parts(text, allowed_special):
            if special_id is None:
                for piece in self.pattern.split(part):
                    yield piece, self.encode_piece(piece)
            else:
                yield part, [special_id]

    def _parts(self, text: str, allowed: Collection[str]) -> Iterator[tuple[str, int | None]]:
        """`text` cut at its special tokens; each of these comes with its id, what lies between without."""
        if not allowed:
            yield text, None
            return
        for number, part in enumerate(self._special_pattern(frozenset(allowed)).split(text)):
            # re.split puts what it split at, the special tokens, at the odd places.
            yield part, self.special_id(part) if number % 2 else None

    def encode_stream(self, chunks: Iterable[str]) -> Iterator[int]:
        """Ids of text that comes in chunks, the same as those of the whole; for files of any size.

        >>> tokenizer = sample_tokenizer()
        >>> list(tokenizer.encode_stream(["Call me", " Ishmael."])) == tokenizer.encode("Call me Ishmael.")
        True
        """
        for piece in self.pattern.stream(chunks):
            yield from self.encode_piece(piece)

    def encode_piece(self, piece: str) -> list[int]:
        """Ids of one piece of the split pattern. The list is remembered: do not change it."""
        known = self._cache.get(piece)
        return self._merge_and_remember(piece) if known is None else known

    def _encode_ordinary(self, text: str) -> list[int]:
        # A loop over a local variable: a method call for every piece would double the time.
        ids: list[int] = []
        known, add = self._cache.get, ids.extend
        for piece in self.pattern.split(text):
            add(known(piece) or self._merge_and_remember(piece))
        return ids

    def _merge_and_remember(self, piece: str) -> list[int]:
        try:
            data = piece.encode()
        except UnicodeEncodeError as error:
            code = ord(piece[error.start])
            raise ValueError(
                f"the text holds U+{code:04X}, half of a surrogate pair and no character, after "
                f"{piece[: error.start]!r}; decode the text again with errors='replace'"
            ) from None
        ids = encode_piece(data, self.ranks)
        if len(piece) <= CACHE_LONGEST:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[piece] = ids
        return ids

    def _special_pattern(self, allowed: frozenset[str]) -> re.Pattern[str]:
        for text in sorted(allowed):
            self.special_id(text)
        longest_first = sorted(allowed, key=lambda text: (-len(text), text))
        return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")

    # ---- ids to text ----

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids. A token can end inside a character: bytes that make none show as U+FFFD.

        >>> tokenizer = sample_tokenizer()
        >>> tokenizer.decode(tokenizer.encode("🙂")), tokenizer.decode(tokenizer.encode("🙂")[:2])
        ('🙂', '\ufffd')
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes of token ids."""
        return b"".join(map(self.token_bytes, ids))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token; of a special token, those of its name."""
        try:
            return self._bytes_of[token_id]
        except KeyError:
            raise ValueError(
                f"{self.name} has no token {token_id}; its ids go from 0 to {self.n_vocab - 1}"
            ) from None

    def special_id(self, text: str) -> int:
        """The id of a special token.

        >>> sample_tokenizer().special_id("<|eos|>")
        Traceback (most recent call last):
        ...
        ValueError: sample has no special token '<|eos|>'; it has <|bos|>, <|user_start|>, <|user_end|>, \
<|assistant_start|>, <|assistant_end|>, <|python_start|>, <|python_end|>, <|output_start|>, <|output_end|>
        """
        try:
            return self.special_tokens[text]
        except KeyError:
            has = ", ".join(self.special_tokens) or "none"
            raise ValueError(f"{self.name} has no special token {text!r}; it has {has}") from None

    def byte_lengths(self) -> list[int]:
        """How many bytes of text each id stands for: what bits per byte is divided by.

        The length of the raw bytes, also where they are no valid UTF-8. Special tokens and unused ids are 0.

        >>> lengths = sample_tokenizer().byte_lengths()
        >>> lengths[:256] == [1] * 256, lengths[-9:] == [0] * 9
        (True, True)
        """
        lengths = [0] * self.n_vocab
        for token, rank in self.ranks.items():
            lengths[rank] = len(token)
        return lengths

    # ---- on disk ----

    def save(self, folder: Path, overwrite: bool = False) -> None:
        """Write the ranks and the settings into `folder`; two files, readable by anyone."""
        from hashlib import sha256

        data = rank_files.write(self.ranks)
        settings = {
            "name": self.name,
            "pattern": self.pattern.name,
            "published_pattern": self.pattern.published,
            "special_tokens": self.special_tokens,
            "ranks_sha256": sha256(data).hexdigest(),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for file in (folder / RANKS_FILE, folder / SETTINGS_FILE):
            if file.exists() and not overwrite:
                raise FileExistsError(f"{file} exists; choose another folder or say overwrite")
        (folder / RANKS_FILE).write_bytes(data)
        (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read what `save` wrote. Raises ValueError naming the file if one is damaged."""
        settings_file, ranks_file = folder / SETTINGS_FILE, folder / RANKS_FILE
        try:
            settings = json.loads(settings_file.read_text(encoding="utf-8"))
            pattern = PATTERNS[settings["pattern"]]
            name, specials, expected = settings["name"], settings["special_tokens"], settings["ranks_sha256"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ValueError(
                f"{settings_file} is not the settings of a tokenizer ({type(error).__name__}: {error})"
            ) from None
        if not (isinstance(name, str) and isinstance(expected, str) and _are_specials(specials)):
            raise ValueError(
                f"{settings_file} is not the settings of a tokenizer: name and ranks_sha256 must be texts, "
                "special_tokens must give each text an id of 0 or more"
            )
        data = ranks_file.read_bytes()
        return cls(name, rank_files.parse_checked(data, str(ranks_file), expected), pattern, specials)


def _are_specials(found: object) -> bool:
    """Whether this can be the special tokens of a settings file: texts, each with an id."""
    return isinstance(found, dict) and all(
        text and isinstance(token_id, int) and not isinstance(token_id, bool) and token_id >= 0
        for text, token_id in found.items()
    )


def with_chat_specials(name: str, ranks: Mapping[bytes, int], pattern: SplitPattern = NANOCHAT) -> Tokenizer:
    """A tokenizer of this project: the nine special tokens follow the last rank.

    >>> from nanochat.tokenizer.bpe import ranks_of, train
    >>> tokenizer = with_chat_specials("tiny", ranks_of(train("low low low", n_merges=2)))
    >>> tokenizer.special_tokens["<|bos|>"], tokenizer.n_vocab
    (258, 267)
    """
    first = max(ranks.values(), default=-1) + 1  # the check of an empty vocabulary comes later
    specials = {text: first + number for number, text in enumerate(CHAT_SPECIALS)}
    return Tokenizer(name, ranks, pattern, specials)


@functools.cache
def published_tokenizer(name: str) -> Tokenizer:
    """gpt2, cl100k_base or o200k_base, with tiktoken's ids.

    Raises `ranks.RanksMissing`, whose message says how to get the file, if it is not on this machine.
    """
    ranks = rank_files.published(name)
    return Tokenizer(name, ranks, PUBLISHED[name], rank_files.SPECIAL_TOKENS[name])


@functools.cache
def sample_tokenizer() -> Tokenizer:
    """A small tokenizer of 2,048 ids that comes with the code, so there is always one to look at.

    It was learned by `bpe.train` from `sample.txt` beside this file, 55 KB of English in the public domain.

    >>> sample_tokenizer().n_vocab
    2048
    """
    file = Path(__file__).with_name("sample.tiktoken")
    return with_chat_specials("sample", rank_files.parse(file.read_bytes(), str(file)))


def sample_text() -> str:
    """The text that the sample tokenizer was learned from.

    Chapters 1 and 2 of Moby-Dick (Melville, 1851) and parts of four State of the Union addresses (United
    States Government, 1790, 1862, 1941 and 1962), all in the public domain.

    >>> sample_text()[:16]
    'Call me Ishmael.'
    """
    return Path(__file__).with_name("sample.txt").read_text(encoding="utf-8")
