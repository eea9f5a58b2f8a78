"""The figures of the PyTorch part of guide 1: tensors, matrix products, the training loop.

>>> matrix_product([[1, 2], [3, 4]], [[5, 6], [7, 8]])
[[19, 22], [43, 50]]
"""

from __future__ import annotations

from collections.abc import Callable

from web.figures.svg import Svg

CELL = 30


def matrix_product(a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
    """The matrix product of two lists of rows."""
    return [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]


def _grid(
    pic: Svg,
    left: float,
    top: float,
    rows: list[list[int]],
    tone: int,
    marked: Callable[[int, int], bool] = lambda i, j: False,
) -> None:
    """A grid of numbers; cells for which `marked(row, column)` is true get the second hue and bold text."""
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            pic.box(
                left + CELL * j,
                top + CELL * i,
                CELL,
                CELL,
                f"{value:g}",
                round=2,
                tone=2 if marked(i, j) else tone,
                kind="strong" if marked(i, j) else "ink",
            )


def tensor_shapes() -> str:
    """A scalar, a vector, a matrix and a stack of matrices, each with its shape."""
    pic = Svg(
        "tensor-shapes",
        440,
        190,
        title="Tensors of zero, one, two and three dimensions",
        description="A single number has the shape (), a list of three numbers (3,), a grid of two rows and "
        "three columns (2, 3), and a stack of two such grids (2, 2, 3).",
    )
    _grid(pic, 26, 60, [[7]], 1)
    _grid(pic, 88, 60, [[1, 2, 3]], 3)
    _grid(pic, 206, 60, [[1, 2, 3], [4, 5, 6]], 4)
    _grid(pic, 340, 40, [[7, 8, 9], [10, 11, 12]], 5)
    _grid(pic, 322, 66, [[1, 2, 3], [4, 5, 6]], 5)
    for x, name, shape in (
        (41, "number", "()"),
        (133, "vector", "(3,)"),
        (251, "matrix", "(2, 3)"),
        (376, "stack", "(2, 2, 3)"),
    ):
        pic.text(x, 22, name, anchor="middle", kind="strong")
        pic.text(x, 152, "shape", anchor="middle", size=12, kind="muted")
        pic.text(x, 172, shape, anchor="middle", mono=True)
    return pic.figure(
        "A tensor is numbers in a grid. Its <em>shape</em> says how long the grid is in each direction."
    )


def matrix_multiplication() -> str:
    """One number of a matrix product: a row times a column."""
    a, b = [[1, 2], [3, 4]], [[5, 6], [7, 8]]
    product = matrix_product(a, b)
    pic = Svg(
        "matrix-multiplication",
        440,
        140,
        title="Matrix multiplication: row times column",
        description=f"The row 3, 4 of the first matrix meets the column 5, 7 of the second: 3 times 5 plus "
        f"4 times 7 is {product[1][0]}, which stands in row 2, column 1 of the result.",
    )
    _grid(pic, 60, 20, a, 1, lambda i, j: i == 1)
    pic.text(145, 50, "@", anchor="middle", middle=True, mono=True, size=18)
    _grid(pic, 170, 20, b, 1, lambda i, j: j == 0)
    pic.text(255, 50, "=", anchor="middle", middle=True, mono=True, size=18)
    _grid(pic, 280, 20, product, 3, lambda i, j: (i, j) == (1, 0))
    pic.text(220, 112, f"3·5 + 4·7 = {product[1][0]}", anchor="middle", mono=True, size=14)
    return pic.figure(
        "Each number of the result is a row of the first matrix times a column of the second, added up."
    )


def training_loop() -> str:
    """Forward, loss, backward, step: the four moves of training."""
    pic = Svg(
        "training-loop",
        440,
        210,
        title="The training loop",
        description="Four boxes in a circle: forward, the model makes predictions; loss, measure how wrong; "
        "backward, autograd finds every slope; step, the optimizer changes the parameters. Then again.",
    )
    places = (
        (20, 20, ["1  forward", "predict"], 1),
        (250, 20, ["2  loss", "how wrong?"], 2),
        (250, 130, ["3  backward", "find the slopes"], 3),
        (20, 130, ["4  step", "change parameters"], 4),
    )
    for x, y, lines, tone in places:
        pic.box(x, y, 170, 58, lines, tone=tone)
    pic.arrow(190, 49, 250, 49)
    pic.arrow(335, 78, 335, 130)
    pic.arrow(250, 159, 190, 159)
    pic.arrow(105, 130, 105, 78)
    pic.text(220, 108, "repeat many times", anchor="middle", size=12, kind="muted")
    return pic.figure("All training, from a taxi price to a large language model, is this loop.")
