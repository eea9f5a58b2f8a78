"""Orthogonalizing a matrix with nothing but matrix products: the heart of Muon.

Every matrix is X = U S Vᵀ: a turn, a stretch along some directions, another turn. Its polar factor U Vᵀ
keeps the turns and makes every stretch 1. The SVD would give it, slowly. An odd polynomial p(X) = aX +
bXXᵀX + ... acts on the singular values alone (p(S) between the same U and Vᵀ), so a few polynomials one
after the other, chosen to push every singular value towards 1, do the same with products only.

- The coefficients are Polar Express (Amsel et al. 2025, arXiv 2505.16932): each step uses the odd
  polynomial of degree 5 that is best on the interval in which the step before left the singular values.
  They are derived here, in `polar_coefficients`, and not copied from a table.
- Polynomials need singular values of at most 1. The usual bound is the Frobenius norm, which for a flat
  spectrum is far too large and costs a step to make good. The first product, G = XXᵀ, gives a better one
  for nothing: the largest singular value to the fourth is at most the sum of all, ‖G‖_F². With it the
  singular values of a 256 x 256 matrix start about four times larger, which is worth a step. Five steps
  are taken all the same: four saved a fifth of Muon's time and cost 0.003 bits per byte.
- A wide matrix is worked on through its small Gram matrix G: p(X) = q(G)·X, and the next G is
  q(G)·G·q(G), so the long side is touched twice in all and not twice a step. Rounding grows along the
  way, which fp32 can bear and bf16 cannot: there, and for nearly square matrices, X itself is carried
  along.

Shapes: N matrices in a stack, R rows, C columns, S the smaller of the two.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 5
SMALLEST = 1e-3  # singular values below this share of the bound are noise, and may stay small
CUSHION = 0.024  # no step aims lower: steeper polynomials would lift rounding errors too (paper, section 3.4)
SAFETY = 1.01  # rounding may leave a singular value above its interval, where the next step overshoots
TINY = 1e-18  # a matrix of zeros is divided by this, and stays one; its square is still a number in fp32
GRAM_RATIO = 1.5  # from this ratio of the sides on, the Gram matrix needs fewer operations

Coefficients = tuple[tuple[float, float, float], ...]


def best_quintic(low: float, high: float) -> tuple[float, float, float]:
    """The odd polynomial of degree 5 nearest to 1 on [low, high], by Remez's exchange algorithm.

    Its error swings between +E and -E at four points: both ends, and two inside where its slope is 0.
    Solve for a, b, c, E at guessed points, move the points to where the slope is 0, repeat.

    >>> a, b, c = best_quintic(0.5, 1.0)
    >>> [round(1 - (a * x + b * x**3 + c * x**5), 4) for x in (0.5, 1.0)]
    [0.024, -0.024]
    """
    if low > (1 - 5e-6) * high:  # a point: the polynomial that touches 1 there (paper, algorithm 1)
        return 15 / 8 / high, -10 / 8 / high**3, 3 / 8 / high**5
    inside = [(3 * low + high) / 4, (low + 3 * high) / 4]
    error, before = float("inf"), 0.0
    while abs(error - before) > 1e-15:
        points = torch.tensor([low, *inside, high], dtype=torch.float64)
        signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
        system = torch.stack([points, points**3, points**5, signs], dim=1)
        before = error
        a, b, c, error = torch.linalg.solve(system, torch.ones_like(points)).tolist()
        root = (9 * b * b - 20 * a * c) ** 0.5  # slope a + 3b·x² + 5c·x⁴ = 0
        inside = [((-3 * b - root) / (10 * c)) ** 0.5, ((-3 * b + root) / (10 * c)) ** 0.5]
    return a, b, c


def polar_coefficients(steps: int, smallest: float = SMALLEST) -> Coefficients:
    """(a, b, c) of every step's a·x + b·x³ + c·x⁵, for singular values from `smallest` to 1.

    The best polynomial for one step is the one with the smallest largest error on the interval; the best
    sequence takes, step by step, the best one for what the last has left (paper, theorem 3.1).

    >>> [round(c, 3) for c in polar_coefficients(5)[0]]  # the paper's first step, less its safety factor
    [8.206, -22.907, 16.465]
    """
    low, high = smallest, 1.0
    found = []
    for step in range(steps):
        a, b, c = best_quintic(max(low, CUSHION * high), high)
        ends = [a * x + b * x**3 + c * x**5 for x in (low, high)]
        centred = 2 / sum(ends)  # with the cushion the errors at both ends differ; this makes them equal
        safety = SAFETY if step < steps - 1 else 1.0
        found.append((centred * a / safety, centred * b / safety**3, centred * c / safety**5))
        low = centred * ends[0]
        high = 2 - low
    return tuple(found)


COEFFICIENTS = polar_coefficients(STEPS)


def orthogonalize(X_NRC: Tensor, coefficients: Coefficients = COEFFICIENTS) -> Tensor:
    """The polar factor U Vᵀ of every matrix in the stack, near enough for an optimizer.

    >>> X = torch.tensor([[[3.0, 0.0], [0.0, -0.5]]])
    >>> (orthogonalize(X) - torch.tensor([[1.0, 0.0], [0.0, -1.0]])).abs().max() < 0.2
    tensor(True)
    """
    tall = X_NRC.size(-2) > X_NRC.size(-1)
    X_NSC = X_NRC.mT if tall else X_NRC
    size_N11 = X_NSC.norm(dim=(-2, -1), keepdim=True).clamp_min(TINY)
    if X_NSC.dtype != torch.float32:  # the product below would round away what its scale makes small
        X_NSC, size_N11 = X_NSC / size_N11, torch.ones_like(size_N11)
    G_NSS = (X_NSC @ X_NSC.mT) / size_N11.square()
    bound_N11 = G_NSS.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-6).sqrt()  # at least 1/√S but for zeros
    through_gram = X_NSC.dtype == torch.float32 and X_NSC.size(-1) >= GRAM_RATIO * X_NSC.size(-2)
    iterate = iterate_gram if through_gram else iterate_directly
    Y_NSC = iterate(X_NSC, G_NSS / bound_N11.square(), 1 / (size_N11 * bound_N11), coefficients)
    return Y_NSC.mT if tall else Y_NSC


def iterate_directly(X_NSC: Tensor, G_NSS: Tensor, scale_N11: Tensor, coefficients: Coefficients) -> Tensor:
    """Each step in turn: X becomes aX + (bG + cG²)X, with G = XXᵀ, starting from the scaled X.

    >>> X = torch.eye(2)[None]
    >>> iterate_directly(X, X / 4, torch.full((1, 1, 1), 0.5), ((1.0, 0.0, 0.0),)).equal(X / 2)
    True
    """
    first, *others = coefficients
    X_NSC = (polynomial(G_NSS, first) * scale_N11) @ X_NSC  # scaling the small factor scales X for nothing
    for a, b, c in others:
        G_NSS = X_NSC @ X_NSC.mT
        higher_NSS = torch.baddbmm(G_NSS, G_NSS, G_NSS, beta=b, alpha=c)
        X_NSC = torch.baddbmm(X_NSC, higher_NSS, X_NSC, beta=a)
    return X_NSC


def iterate_gram(X_NSC: Tensor, G_NSS: Tensor, scale_N11: Tensor, coefficients: Coefficients) -> Tensor:
    """The same polynomials, gathered into one small matrix Q that multiplies X at the end.

    >>> X, one = torch.eye(2, 4)[None], torch.ones(1, 1, 1)
    >>> same = iterate_directly(X, X @ X.mT, one, COEFFICIENTS)
    >>> torch.allclose(iterate_gram(X, X @ X.mT, one, COEFFICIENTS), same)
    True
    """
    first, *others = coefficients
    Q_NSS = factor_NSS = polynomial(G_NSS, first)
    for step in others:
        G_NSS = factor_NSS @ G_NSS @ factor_NSS  # all are polynomials of the first G, so they commute
        factor_NSS = polynomial(G_NSS, step)
        Q_NSS = Q_NSS @ factor_NSS
    return (Q_NSS * scale_N11) @ X_NSC


def polynomial(G_NSS: Tensor, coefficients: tuple[float, float, float]) -> Tensor:
    """a·1 + bG + cG² for every matrix of a stack.

    >>> polynomial(2 * torch.eye(1)[None], (1.0, 10.0, 100.0)).item()
    421.0
    """
    a, b, c = coefficients
    value_NSS = torch.baddbmm(G_NSS, G_NSS, G_NSS, beta=b, alpha=c)
    value_NSS.diagonal(dim1=-2, dim2=-1).add_(a)
    return value_NSS
