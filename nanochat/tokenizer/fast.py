"""The same tokenizer, several times as fast: encoding by tiktoken.

`FastTokenizer` is a `Tokenizer` in all it can do and in the files it is kept in; only the loop that cuts and
merges is tiktoken's, which is written in Rust. Tests hold the ids equal. Whoever wants to know what happens
inside reads `tokenizer.py` and `bpe.py`; whoever trains a model uses this.

Three choices:

- Ids come as numpy arrays of int32 where they come in bulk: a Python list of a million ids takes 36 MB and
  holds the interpreter's lock while it is made; the array takes 4 MB and leaves the lock to other threads.
- tiktoken gives up on some texts (a million spaces in a row overflow the stack of its regular expressions);
  the standard-library code, which has no such limit, then encodes them.
- Half of a surrogate pair is an error here as there; tiktoken alone would put U+FFFD in its place unasked.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tiktoken

from nanochat.errors import UserError
from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE, Tokenizer


class FastTokenizer(Tokenizer):
    """Text to token ids and back, at the speed that training needs.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = FastTokenizer.of(sample_tokenizer())
    >>> tokenizer.encode("Call me Ishmael.") == sample_tokenizer().encode("Call me Ishmael.")
    True
    >>> tokenizer.encode_batch(["Call me", "Ishmael."])
    [array([ 67, 392, 364], dtype=int32), array([  73, 1002, 1266,   46], dtype=int32)]
    """

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> FastTokenizer:
        """The fast form of any tokenizer, our own or a published one."""
        return cls(tokenizer.name, tokenizer.ranks, tokenizer.pattern, tokenizer.special_tokens)

    @classmethod
    def load(cls, folder: Path) -> FastTokenizer:
        """Read what `save` wrote. Raises UserError if nothing is there or it is damaged."""
        missing = [name for name in (SETTINGS_FILE, RANKS_FILE) if not (folder / name).is_file()]
        if missing:
            raise UserError(f"there is no tokenizer in {folder}: it has no {missing[0]}")
        try:
            return cls.of(Tokenizer.load(folder))
        except ValueError as error:
            raise UserError(str(error)) from None

    @functools.cached_property
    def encoding(self) -> tiktoken.Encoding:
        """tiktoken's own object for this vocabulary."""
        return tiktoken.Encoding(
            self.name,
            pat_str=self.pattern.published,
            mergeable_ranks=self.ranks,
            special_tokens=self.special_tokens,
        )

    def _encode_ordinary(self, text: str) -> list[int]:
        ids: list[int] = self.encode_array(text).tolist()
        return ids

    def encode_array(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of `text` as an array, which is read-only. No special token is seen as such.

        >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
        >>> FastTokenizer.of(sample_tokenizer()).encode_array("Call me")
        array([ 67, 392, 364], dtype=int32)
        """
        try:
            return self.encoding.encode_to_numpy(text, disallowed_special=()).view(np.int32)
        except ValueError:  # no text at all, or too much for tiktoken's regular expressions
            return np.array(super()._encode_ordinary(text), dtype=np.int32)

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[npt.NDArray[np.int32]]:
        """Ids of several texts, in their order, by as many threads; each has its own text to work on."""
        self.encoding  # noqa: B018  made once, before the threads ask for it
        if threads <= 1 or len(texts) <= 1:
            return [self.encode_array(text) for text in texts]
        with ThreadPoolExecutor(threads, thread_name_prefix="tokenizer") as pool:
            return list(pool.map(self.encode_array, texts))

    @property
    def bos(self) -> int:
        """The id that begins every document."""
        return self.special_id("<|bos|>")
