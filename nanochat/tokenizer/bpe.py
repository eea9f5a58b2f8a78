"""Byte-pair encoding: learn merges from text, encode with them, decode, and look on while it happens.

Gage (1994) compressed data by replacing the commonest pair of bytes again and again; Sennrich et al. (2016,
arXiv 1508.07909) made it the standard way to cut text for language models; GPT-2 (2019) works on UTF-8
bytes, so no text is ever unknown. A vocabulary is one dictionary, `ranks`: the bytes of each token → its id.
The 256 single bytes come first, then the merges in the order in which they were learned; a lower rank merges
earlier.

Standard library only. The fast trainer and tiktoken give the same merges and ids; tests hold them equal.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from nanochat.tokenizer.split import NANOCHAT, SplitPattern

Pair = tuple[int, int]
# From this many bytes on, a piece is merged with a heap. Below it a plain search for the best pair is faster.
LONG_PIECE = 64


def byte_ranks() -> dict[bytes, int]:
    """The vocabulary before any merge: each byte is a token.

    >>> byte_ranks()[b"a"]
    97
    """
    return {bytes([value]): value for value in range(256)}


# ---- learning ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Merge:
    """One learned merge: `left` and `right`, seen side by side `count` times, become the token `token`.

    `saved` is by how many tokens that made the text shorter: `count`, but for pairs like the two of `aaa`, of
    which only one can merge.
    """

    left: bytes
    right: bytes
    token: int
    count: int
    saved: int

    @property
    def joined(self) -> bytes:
        """The bytes of the new token."""
        return self.left + self.right


def train(
    texts: str | Iterable[str],
    n_merges: int,
    pattern: SplitPattern = NANOCHAT,
    on_merge: Callable[[Merge], None] | None = None,
) -> list[Merge]:
    """Learn up to `n_merges` merges from one text or several, the commonest pair first.

    The rule for ties, the same as rustbpe's: of equally common pairs the one with the lowest ids wins, the
    left id compared first. A pair is counted wherever it stands, so `aaa` holds `aa` twice; merging goes from
    left to right. Training stops early when no pair is left. `on_merge` is called after each merge.

    Counting every pair afresh for each merge would take (text × merges) steps. Instead equal pieces are
    counted once, and a merge only visits the pieces that hold its pair, keeping the counts up to date.

    >>> for merge in train("low low low lower lowest", n_merges=3):
    ...     print(merge)
    Merge(left=b'l', right=b'o', token=256, count=5, saved=5)
    Merge(left=b'lo', right=b'w', token=257, count=5, saved=5)
    Merge(left=b' ', right=b'low', token=258, count=4, saved=4)
    """
    if n_merges < 0:
        raise ValueError(f"n_merges={n_merges} must be 0 or more")
    words = _Words(texts, pattern)
    tokens = [bytes([value]) for value in range(256)]
    merges: list[Merge] = []
    while len(merges) < n_merges and (best := words.commonest_pair()):
        (left, right), count = best
        saved = words.merge((left, right), into=len(tokens))
        merges.append(Merge(tokens[left], tokens[right], len(tokens), count, saved))
        tokens.append(merges[-1].joined)
        if on_merge:
            on_merge(merges[-1])
    return merges


def ranks_of(merges: Iterable[Merge]) -> dict[bytes, int]:
    """The vocabulary that merges make: all bytes, then each merged token.

    >>> ranks = ranks_of(train("low low low", n_merges=2))
    >>> encode("low", ranks)
    [257]
    """
    ranks = byte_ranks()
    for merge in merges:
        ranks.setdefault(merge.joined, merge.token)
    return ranks


class _Words:
    """The different pieces of the training text, each once with its count, and where each pair occurs."""

    def __init__(self, texts: str | Iterable[str], pattern: SplitPattern) -> None:
        pieces: Counter[str] = Counter()
        for text in [texts] if isinstance(texts, str) else texts:
            pieces.update(pattern.split(text))
        self.words = [list(piece.encode()) for piece in pieces]
        self.counts = list(pieces.values())
        self.pair_counts: Counter[Pair] = Counter()
        self.where: dict[Pair, set[int]] = {}
        for number, word in enumerate(self.words):
            self._add_pairs(pairwise(word), number)
        # Commonest first, then lowest ids. An entry may be out of date: it is checked when it is taken.
        self.heap = [(-count, pair) for pair, count in self.pair_counts.items()]
        heapq.heapify(self.heap)

    def _add_pairs(self, pairs: Iterable[Pair], number: int) -> None:
        for pair in pairs:
            self.pair_counts[pair] += self.counts[number]
            self.where.setdefault(pair, set()).add(number)

    def commonest_pair(self) -> tuple[Pair, int] | None:
        """Take the best pair off the heap, with its count.

        After a pair's first entry its count can only fall, so an entry that is out of date is simply put back
        with the true count.
        """
        while self.heap:
            negative_count, pair = heapq.heappop(self.heap)
            true_count = self.pair_counts[pair]
            if true_count == -negative_count:
                return pair, true_count
            if true_count > 0:
                heapq.heappush(self.heap, (-true_count, pair))
        return None

    def merge(self, pair: Pair, into: int) -> int:
        """Replace `pair` by the token `into` in every word that holds it; how many tokens that saves."""
        changes: Counter[Pair] = Counter()
        saved = 0
        for number in self.where.pop(pair):
            before = self.words[number]
            after = merge_pair(before, pair, into)
            if len(after) == len(before):
                continue  # an earlier merge had taken this pair apart
            self.words[number] = after
            count = self.counts[number]
            saved += count * (len(before) - len(after))
            for old in pairwise(before):
                changes[old] -= count
            for new in pairwise(after):
                changes[new] += count
                if into in new:
                    self.where.setdefault(new, set()).add(number)
        for changed, change in changes.items():
            self.pair_counts[changed] += change
            if into in changed:
                heapq.heappush(self.heap, (-change, changed))
        del self.pair_counts[pair]
        return saved


def merge_pair(ids: list[int], pair: Pair, into: int) -> list[int]:
    """`ids` with each `pair`, from left to right, replaced by the one id `into`.

    >>> merge_pair([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    left, right = pair
    merged, position, last = [], 0, len(ids) - 1
    while position <= last:
        if ids[position] == left and position < last and ids[position + 1] == right:
            merged.append(into)
            position += 2
        else:
            merged.append(ids[position])
            position += 1
    return merged


# ---- encoding and decoding -----------------------------------------------------------------------------


def encode(text: str, ranks: dict[bytes, int], pattern: SplitPattern = NANOCHAT) -> list[int]:
    """Token ids of a text: cut it into pieces, then merge inside each piece.

    >>> encode("hi!", byte_ranks())
    [104, 105, 33]
    """
    ids: list[int] = []
    for piece in pattern.split(text):
        ids.extend(encode_piece(piece.encode(), ranks))
    return ids


def decode(ids: Iterable[int], ranks: dict[bytes, int]) -> str:
    """The text of token ids. Bytes that are not valid UTF-8 (half a character, say) show as U+FFFD.

    >>> decode([104, 105, 33], byte_ranks()), decode([0xF0], byte_ranks())
    ('hi!', '\ufffd')
    """
    token_bytes = {rank: token for token, rank in ranks.items()}
    return b"".join(token_bytes[token_id] for token_id in ids).decode("utf-8", errors="replace")


def encode_piece(piece: bytes, ranks: dict[bytes, int]) -> list[int]:
    """Token ids of one piece: merge the neighbours with the lowest rank, leftmost first, while any has one.

    >>> encode_piece(b"abab", byte_ranks() | {b"ab": 256, b"aba": 257})
    [256, 256]
    """
    if piece in ranks:  # most words of a common language are tokens; this answer needs no merging
        return [ranks[piece]]
    merge = _merge_long if len(piece) >= LONG_PIECE else _merge_short
    return [ranks[token] for token in merge(piece, ranks)]


def _merge_short(piece: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """Look through all neighbours for every merge: (length × merges) steps, with little work in each."""
    parts = [piece[position : position + 1] for position in range(len(piece))]
    scores = [ranks.get(left + right) for left, right in pairwise(parts)]
    while scores:
        best = min((score for score in scores if score is not None), default=None)
        if best is None:
            break
        at = scores.index(best)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
        del scores[at]
        if at > 0:
            scores[at - 1] = ranks.get(parts[at - 1] + parts[at])
        if at < len(scores):
            scores[at] = ranks.get(parts[at] + parts[at + 1])
    return parts


def _merge_long(piece: bytes, ranks: dict[bytes, int]) -> list[bytes]:
    """The same merges from a heap of neighbours: length × log(length) steps, whatever is merged.

    Parts are linked through their first bytes' positions: `end[start]` is where a part ends and the next
    begins. A heap entry holds what it saw (start, middle, end) and is skipped if that is no longer there.
    """
    length = len(piece)
    end = list(range(1, length + 1))
    previous = list(range(-1, length))
    heap: list[tuple[int, int, int, int]] = []

    def offer(start: int) -> None:
        middle = end[start]
        if middle < length:
            rank = ranks.get(piece[start : end[middle]])
            if rank is not None:
                heapq.heappush(heap, (rank, start, middle, end[middle]))

    for start in range(length):
        offer(start)
    while heap:
        _, start, middle, stop = heapq.heappop(heap)
        if end[start] != middle or end[middle] != stop:
            continue
        end[start] = stop
        end[middle] = 0  # no part starts here any more, so entries that say so are out of date
        if stop < length:
            previous[stop] = start
        offer(start)
        if previous[start] >= 0:
            offer(previous[start])
    parts, start = [], 0
    while start < length:
        parts.append(piece[start : end[start]])
        start = end[start]
    return parts


# ---- looking on ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MergeStep:
    """The parts before a merge, and the merge: parts `at` and `at + 1` become the token of that rank.

    `candidates` are all neighbours that could merge, as (position, rank); the lowest rank is taken. The
    last step has no merge: `at` and `rank` are None.
    """

    parts: tuple[bytes, ...]
    candidates: tuple[tuple[int, int], ...]
    at: int | None
    rank: int | None


def merge_steps(piece: bytes, ranks: dict[bytes, int]) -> list[MergeStep]:
    """Every step on the way from single bytes to the tokens of one piece.

    >>> for step in merge_steps(b"lower", byte_ranks() | {b"er": 256, b"lo": 257, b"low": 258}):
    ...     print(b"|".join(step.parts).decode(), step.rank)
    l|o|w|e|r 256
    l|o|w|er 257
    lo|w|er 258
    low|er None
    """
    parts = [piece[position : position + 1] for position in range(len(piece))]
    steps = []
    while True:
        joined = [(at, ranks.get(left + right)) for at, (left, right) in enumerate(pairwise(parts))]
        candidates = tuple((at, rank) for at, rank in joined if rank is not None)
        if not candidates:
            steps.append(MergeStep(tuple(parts), (), None, None))
            return steps
        at, rank = min(candidates, key=lambda candidate: (candidate[1], candidate[0]))
        steps.append(MergeStep(tuple(parts), candidates, at, rank))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
