"""Rotary positions against complex numbers."""

from __future__ import annotations

import cmath

import torch
from hypothesis import given
from hypothesis import strategies as st

from nanochat.model.rotary import rotary_table, rotate


def turned(vector: list[float], position: int, base: float) -> list[float]:
    """Pair the first half's channels with the second's, as complex numbers; turn them clockwise."""
    half = len(vector) // 2
    pairs = [complex(vector[e], vector[half + e]) for e in range(half)]
    pairs = [z * cmath.exp(-1j * position * base ** (-e / half)) for e, z in enumerate(pairs)]
    return [z.real for z in pairs] + [z.imag for z in pairs]


def test_a_pair_of_channels_is_a_complex_number_turned_by_its_angle():
    x_BTHD = torch.randn(2, 7, 3, 8, generator=torch.Generator().manual_seed(0))
    out_BTHD = rotate(x_BTHD, *rotary_table(7, 8, base=100.0))
    for b in range(2):
        for t in range(7):
            for h in range(3):
                expected = turned(x_BTHD[b, t, h].tolist(), t, 100.0)
                torch.testing.assert_close(out_BTHD[b, t, h], torch.tensor(expected))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_only_the_distance_counts(query: int, key: int, moved: int):
    q_D, k_D = torch.randn(2, 16, generator=torch.Generator().manual_seed(1)).unbind()
    cos_TE, sin_TE = rotary_table(101, 16)

    def at(x_D: torch.Tensor, position: int) -> torch.Tensor:
        return rotate(x_D.view(1, 1, 1, 16), cos_TE[[position]], sin_TE[[position]]).flatten()

    here = at(q_D, query) @ at(k_D, key)
    there = at(q_D, query + moved) @ at(k_D, key + moved)
    torch.testing.assert_close(here, there, atol=1e-4, rtol=0)


def test_angles_stay_exact_far_out():
    _, sin_TE = rotary_table(100_001, 2)
    assert abs(sin_TE[100_000, 0].item() - cmath.exp(100_000j).imag) < 1e-6


def test_the_type_of_the_stream_is_kept():
    assert rotate(torch.zeros(1, 4, 1, 4, dtype=torch.bfloat16), *rotary_table(4, 4)).dtype == torch.bfloat16
