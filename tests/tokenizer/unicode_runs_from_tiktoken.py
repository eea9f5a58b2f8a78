"""Ask tiktoken which character belongs to which class, and write the answer as runs.

tiktoken's regular expressions come from a Rust library with its own copy of the Unicode tables. Its encoder
leaves out whatever its pattern does not match, so a tokenizer whose pattern is `\\p{Lu}` answers for every
character at once. `python tests/tokenizer/unicode_runs_from_tiktoken.py` prints the lines to put
into `nanochat/tokenizer/unicode_table.py` when a newer tiktoken brings newer tables.
"""

from __future__ import annotations

import itertools
import textwrap

PATTERNS = {
    "U": r"[\p{Lu}\p{Lt}]",
    "L": r"\p{Ll}",
    "O": r"[\p{Lm}\p{Lo}]",
    "M": r"\p{M}",
    "N": r"\p{N}",
    "S": r"\s",
}
SURROGATES = range(0xD800, 0xE000)
EVERY_CHARACTER = "".join(chr(code) for code in range(0x110000) if code not in SURROGATES)


def matched(pattern: str) -> str:
    """All characters that tiktoken's regular expressions find with `pattern`, in order."""
    import tiktoken

    bytes_only = {bytes([value]): value for value in range(256)}
    probe = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=bytes_only, special_tokens={})
    return probe.decode(probe.encode_ordinary(EVERY_CHARACTER))


def kinds() -> dict[str, str]:
    """Character to kind letter, for every character that has one."""
    return {character: kind for kind, pattern in PATTERNS.items() for character in matched(pattern)}


def runs() -> str:
    """The whole of Unicode as `kind, how many` pairs; a run of one has no number.

    The last run is left out: nothing follows it.
    """
    known = kinds()
    letters = (known.get(chr(code), "_") for code in range(0x110000))
    counted = [(kind, sum(1 for _ in group)) for kind, group in itertools.groupby(letters)]
    return "".join(f"{kind}{count if count > 1 else ''}" for kind, count in counted[:-1])


if __name__ == "__main__":
    print("\n".join(textwrap.wrap(runs(), 106)))
