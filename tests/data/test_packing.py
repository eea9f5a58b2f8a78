"""Packing against a brute-force count, and what must hold for any lengths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.packing import fill_row, longest, shortest

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def slow_fill(waiting: list[int], room: int) -> list[tuple[int, int]]:
    """The three rules of the module's head, one token at a time."""
    row = [[0, 0]]
    used = {0}
    for _ in range(room):
        index, taken = row[-1]
        if taken == waiting[index]:
            free = room - sum(taken for _, taken in row)
            left = [i for i in range(len(waiting)) if i not in used]
            if not left:
                break
            whole = [i for i in left if waiting[i] <= free]
            best = sorted(whole or left, key=lambda i: waiting[i], reverse=True)[0]
            used.add(best)
            row.append([best, 0])
        row[-1][1] += 1
    return [(index, taken) for index, taken in row]


@given(LENGTHS, st.integers(1, 100))
def test_a_row_is_what_the_rules_say_token_by_token(waiting, room):
    assert fill_row(waiting, room) == slow_fill(waiting, room)


@given(LENGTHS, st.integers(1, 100), st.sampled_from([longest, shortest]))
def test_a_row_is_full_and_cuts_one_document_at_most(waiting, room, to_cut):
    row = fill_row(waiting, room, to_cut)
    assert sum(taken for _, taken in row) == min(room, sum(waiting))
    assert len({index for index, _ in row}) == len(row)
    assert all(0 < taken <= waiting[index] for index, taken in row)
    assert all(taken == waiting[index] for index, taken in row[:-1])
    assert row[0][0] == 0


@given(LENGTHS, st.integers(1, 40))
def test_rows_one_after_another_use_every_token_once_and_in_order(lengths, room):
    waiting = dict(enumerate(lengths))
    used = dict.fromkeys(waiting, 0)
    rows = 0
    while waiting:
        numbers = list(waiting)
        for index, taken in fill_row(list(waiting.values()), room):
            used[numbers[index]] += taken
            waiting[numbers[index]] -= taken
        waiting = {number: left for number, left in waiting.items() if left}
        rows += 1
    assert used == dict(enumerate(lengths))
    assert rows == -(-sum(lengths) // room), "only the last row may have room left"
