"""Orthogonalization by polynomials, against the SVD."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nanochat.train.polar import (
    COEFFICIENTS,
    best_quintic,
    iterate_directly,
    iterate_gram,
    orthogonalize,
    polar_coefficients,
)

SHAPES = [(1, 7), (4, 12), (12, 4), (40, 40), (64, 256), (256, 64)]


def spectrum(shape: tuple[int, int], smallest: float, seed: int = 0) -> Tensor:
    """A matrix whose singular values go from 1 down to `smallest` in equal ratios."""
    torch.manual_seed(seed)
    U, _, Vh = torch.linalg.svd(torch.randn(shape, dtype=torch.float64), full_matrices=False)
    stretch = torch.logspace(0, torch.tensor(smallest).log10().item(), min(shape), dtype=torch.float64)
    return (U * stretch) @ Vh


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_near_the_polar_factor(shape: tuple[int, int], scale: float) -> None:
    X_RC = spectrum(shape, 0.03)
    U, _, Vh = torch.linalg.svd(X_RC, full_matrices=False)
    Y_RC = orthogonalize((X_RC * scale).float()[None])[0].double()
    assert (Y_RC - U @ Vh).norm() < 0.15 * (U @ Vh).norm()
    # only the stretches changed: in the bases of X the result is diagonal
    core = U.T @ Y_RC @ Vh.T
    assert (core - core.diag().diag()).abs().max() < 2e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_all_directions_grow_and_none_runs_away(shape: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonalize(spectrum(shape, 1e-6).float()[None])[0])
    assert values.max() < 1.25


def test_the_same_through_the_gram_matrix() -> None:
    X_NRC = torch.stack([spectrum((48, 192), 1e-3, seed) for seed in range(3)]).float()
    scale_N11 = 1 / X_NRC.norm(dim=(-2, -1), keepdim=True)
    G_NSS = X_NRC @ X_NRC.mT * scale_N11.square()
    direct, through_gram = (
        iterate(X_NRC, G_NSS, scale_N11, COEFFICIENTS) for iterate in (iterate_directly, iterate_gram)
    )
    assert (direct - through_gram).norm() < 2e-3 * direct.norm()


def test_the_gram_matrix_bears_a_matrix_of_low_rank_in_fp32() -> None:
    torch.manual_seed(0)
    X_NRC = torch.randn(2, 256, 3) @ torch.randn(2, 3, 1024)  # 253 singular values are nothing but rounding
    Y_NRC = orthogonalize(X_NRC)
    exact = torch.linalg.svd(X_NRC.double(), full_matrices=False)
    for Y_RC, U, Vh in zip(Y_NRC, exact.U, exact.Vh, strict=True):
        assert (Y_RC - U[:, :3] @ Vh[:3]).norm() < 0.35  # out of a norm of 1.7


def test_bf16_is_carried_along() -> None:
    X_NRC = spectrum((64, 256), 0.03).to(torch.bfloat16)[None]
    Y_NRC = orthogonalize(X_NRC)
    assert Y_NRC.dtype == torch.bfloat16
    values = torch.linalg.svdvals(Y_NRC[0].float())
    assert values.min() > 0.8
    assert values.max() < 1.25


def test_zeros_stay_zeros() -> None:
    assert orthogonalize(torch.zeros(2, 3, 5)).count_nonzero() == 0


def test_each_matrix_of_a_stack_is_for_itself() -> None:
    X_NRC = torch.randn(5, 6, 9)
    one_by_one = torch.cat([orthogonalize(X_RC[None] * 3.0) for X_RC in X_NRC])
    assert torch.allclose(orthogonalize(X_NRC), one_by_one, atol=1e-5)


def test_coefficients_of_the_paper() -> None:
    # Amsel et al. 2025, arXiv 2505.16932, the list printed with algorithm 1: smallest value 0.001, no safety
    printed = [
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
        (3.3184196573706015, -2.488488024314874, 0.51004894012372),
        (2.300652019954817, -1.6689039845749493, 0.4188073119525673),
    ]
    ours = polar_coefficients(5)
    for step, (mine, theirs) in enumerate(zip(ours, printed, strict=True)):
        safety = 1.01 if step < 4 else 1.0
        assert [mine[0] * safety, mine[1] * safety**3, mine[2] * safety**5] == pytest.approx(theirs, rel=2e-3)


@given(st.floats(0.03, 0.99), st.floats(0.5, 2.0))
def test_the_quintic_swings_evenly(share: float, high: float) -> None:
    low = share * high
    a, b, c = best_quintic(low, high)
    x = torch.linspace(low, high, 2001, dtype=torch.float64)
    error = 1 - (a * x + b * x**3 + c * x**5)
    # Chebyshev: none of the kind does better than one whose error reaches its largest size four times
    assert error.max() == pytest.approx(-error.min().item(), abs=1e-5)
    assert abs(error[0]) == pytest.approx(abs(error[-1].item()), abs=1e-6)
