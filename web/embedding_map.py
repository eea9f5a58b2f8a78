"""Where the embeddings of all tokens lie: two coordinates of each, and which are nearest to it.

An embedding has hundreds of channels, and paper has two. The two directions in which the embeddings differ
most are kept (principal component analysis: Pearson 1901, "On lines and planes of closest fit"). Nearest
means the largest cosine of the angle between two, in all channels, not in the two of the picture.

Rows are scaled to the same length first, as the model does before it reads them. Tokens that are no text by
themselves are left out: halves of a letter, control characters, special tokens.

Shapes: N tokens that are shown, V vocabulary, C channels, K neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nanochat.model.layers import EPSILON
from nanochat.tokenizer.tokenizer import Tokenizer

NEIGHBOURS = 8
Array = npt.NDArray[Any]


def embedding_map(table_VC: Array, tokenizer: Tokenizer) -> dict[str, Any]:
    """Lists of one length: `ids`, `texts`, `x` and `y`, `neighbours` (ids) and `similarity` (cosines).

    `variance` says which share of all differences between the rows each of the two directions shows.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> table_VC = np.random.default_rng(0).standard_normal((2_048, 16), dtype=np.float32)
    >>> made = embedding_map(table_VC, sample_tokenizer())
    >>> made["ids"][:3], len(made["x"]) == len(made["ids"]), len(made["neighbours"][0])
    ([32, 33, 34], True, 8)
    """
    ids = [token_id for token_id in range(len(table_VC)) if is_text(tokenizer, token_id)]
    unit_NC = unit_rows(table_VC[ids])
    (x_N, y_N), shares = two_directions(unit_NC * table_VC.shape[1] ** 0.5)
    near_NK, cosine_NK = nearest(unit_NC)
    return {
        "ids": ids,
        "texts": [tokenizer.token_bytes(token_id).decode() for token_id in ids],
        "variance": [round(float(one), 4) for one in shares],
        "x": [round(float(one), 3) for one in x_N],
        "y": [round(float(one), 3) for one in y_N],
        "neighbours": np.array(ids)[near_NK].tolist(),
        "similarity": [[round(float(one), 2) for one in row] for row in cosine_NK],
    }


def is_text(tokenizer: Tokenizer, token_id: int) -> bool:
    """Whether a token is whole letters or signs that can be shown.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> [is_text(sample_tokenizer(), token_id) for token_id in (65, 10, 255, 2039)]
    [True, False, False, False]
    """
    if token_id in tokenizer.special_tokens.values():
        return False
    try:
        return tokenizer.token_bytes(token_id).decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return False


def unit_rows(rows_NC: Array) -> Array:
    """Each row at length 1."""
    size = rows_NC.shape[1]
    scaled_NC: Array = rows_NC / np.sqrt((rows_NC**2).mean(axis=1, keepdims=True) + EPSILON) / size**0.5
    return scaled_NC


def two_directions(rows_NC: Array) -> tuple[Array, Array]:
    """Coordinates in the two directions in which rows differ most, and the share of the variance of each.

    A direction may be turned round; its largest part is made to be positive.

    >>> (x, y), shares = two_directions(np.array([[0.0, 3, 0], [0, -3, 0], [1, 0, 0], [-1, 0, 0]]))
    >>> x.round(3).tolist(), y.round(3).tolist(), shares.round(3).tolist()
    ([3.0, -3.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0], [0.9, 0.1])
    """
    centred_NC = (rows_NC - rows_NC.mean(axis=0)).astype(np.float64)
    sizes_C, directions_CC = np.linalg.eigh(centred_NC.T @ centred_NC)  # from the least to the most
    two_C2 = directions_CC[:, [-1, -2]]
    largest = np.abs(two_C2).argmax(axis=0)
    two_C2 = two_C2 * np.sign(two_C2[largest, [0, 1]])
    return (centred_NC @ two_C2).T, sizes_C[[-1, -2]] / sizes_C.sum()


def nearest(unit_NC: Array) -> tuple[Array, Array]:
    """For each row the places of the rows most like it, [N, K], and their cosines; not the row itself."""
    cosine_NN = unit_NC @ unit_NC.T
    np.fill_diagonal(cosine_NN, -np.inf)
    near_NK = np.argsort(-cosine_NN, axis=1, kind="stable")[:, :NEIGHBOURS]
    return near_NK, np.take_along_axis(cosine_NN, near_NK, axis=1)
