"""A GPT in one file: it learns first names, letter by letter, and makes up new ones. Standard library only.

    python tools/microgpt.py --steps 200

The architecture is that of `nanochat.model` in small, with every extra off. Four choices make plain Python
readable and fast enough:

- a node of the computation graph is a row of numbers, a `Vector`, not one number
- letters are read one after another, and keys and values are kept. So no letter can look ahead, and training
  and writing run the same lines
- slopes of weights are not added up letter by letter: a `Table` notes what went through it, and its slopes
  are made once a step
- the line break is token 0: it begins a name and ends it
"""

# ruff: noqa: B905  rows that meet are equally long; strict=True in every zip would hide the arithmetic

import argparse
import math
import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import add, mul
from pathlib import Path
from typing import NoReturn

NAMES = Path(__file__).with_name("names.txt")
EDGE = "\n"
LONGEST = 40  # letters of a name
FEWEST = 20  # names
EPSILON = 1e-6
ROTARY_BASE = 10_000.0
LARGEST_LOGIT = 15.0
WARMUP_STEPS = 20

Row = list[float]


def sum_of_products(a: Iterable[float], b: Iterable[float]) -> float:
    """Multiply two rows number by number, and add up.

    >>> sum_of_products([1.0, 2.0], [10.0, 20.0])
    50.0
    """
    total: float = sum(map(mul, a, b))
    return total


# Python 3.12 has one of its own, several times as fast.
dot: Callable[[Iterable[float], Iterable[float]], float] = getattr(math, "sumprod", sum_of_products)


# ---- autograd: rows of numbers that know where they come from ----


class Vector:
    """A row of numbers that remembers which rows it was made from, and how slopes go back to them."""

    def __init__(
        self, data: Row, parents: "Sequence[Vector]" = (), push: Callable[[Row], None] | None = None
    ) -> None:
        self.data, self.parents, self.push = data, parents, push
        self.grad = [0.0] * len(data)  # the slopes of the loss towards these numbers

    def receive(self, slopes: Iterable[float]) -> None:
        """Add slopes to those that came along other paths."""
        self.grad = list(map(add, self.grad, slopes))

    def backward(self, slope: float = 1.0) -> None:
        """Walk from here back to the beginning; every row hands its slopes on."""
        order: list[Vector] = []
        seen: set[Vector] = set()

        def visit(node: Vector) -> None:
            if node not in seen:
                seen.add(node)
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = [slope]
        for node in reversed(order):
            if node.push:
                node.push(node.grad)


class Table:
    """Rows of weights, with a note of all that went through them since the last step."""

    def __init__(self, chance: random.Random, n_rows: int, n_columns: int, spread: float) -> None:
        self.rows = [[chance.gauss(0, spread) for _ in range(n_columns)] for _ in range(n_rows)]
        self.columns = list(zip(*self.rows))
        self.notes: list[tuple[Row, Row]] = []  # slopes of what came out, and what went in

    def slopes(self) -> list[Row]:
        """The slope of every weight: what went in times the slope of what came out, over all notes."""
        came_out = zip(*(out for out, _ in self.notes))
        went_in = list(zip(*(row for _, row in self.notes)))
        return [[dot(slopes, numbers) for numbers in went_in] for slopes in came_out]


# ---- the operations: what each computes, and how slopes go back through it ----


def look_up(table: Table, number: int) -> Vector:
    """One row of a table."""
    here = [float(row == number) for row in range(len(table.rows))]
    return Vector(table.rows[number], (), lambda grad: table.notes.append((here, grad)))


def linear(table: Table, x: Vector) -> Vector:
    """One number for each row of the table: its dot product with `x`."""

    def push(grad: Row) -> None:
        table.notes.append((grad, x.data))
        x.receive([dot(grad, column) for column in table.columns])

    return Vector([dot(row, x.data) for row in table.rows], (x,), push)


def plus(a: Vector, b: Vector) -> Vector:
    """Two rows added."""

    def push(grad: Row) -> None:
        a.receive(grad)
        b.receive(grad)

    return Vector(list(map(add, a.data, b.data)), (a, b), push)


def each(x: Vector, data: Row, slopes: Row) -> Vector:
    """A row made from `x` number by number, with the slope of each."""
    return Vector(data, (x,), lambda grad: x.receive(map(mul, grad, slopes)))


def relu_squared(x: Vector) -> Vector:
    """Numbers below 0 become 0, the others are squared."""
    kept = [max(0.0, value) for value in x.data]
    return each(x, [value * value for value in kept], [2 * value for value in kept])


def cap(x: Vector) -> Vector:
    """Numbers bent so that none leaves -15 to 15."""
    bent = [math.tanh(value / LARGEST_LOGIT) for value in x.data]
    return each(x, [LARGEST_LOGIT * value for value in bent], [1 - value * value for value in bent])


def norm(x: Vector) -> Vector:
    """The row scaled to a mean square of 1."""
    n = len(x.data)
    scale = 1 / math.sqrt(dot(x.data, x.data) / n + EPSILON)
    data = [value * scale for value in x.data]

    def push(grad: Row) -> None:
        along = dot(grad, data) / n
        x.receive([scale * (slope - along * value) for slope, value in zip(grad, data)])

    return Vector(data, (x,), push)


def rotate(x: Vector, position: int) -> Vector:
    """Pairs of numbers turned by angles that grow with the position."""
    half = len(x.data) // 2
    angles = [position * ROTARY_BASE ** (-pair / half) for pair in range(half)]
    turns = [(math.cos(angle), math.sin(angle)) for angle in angles]

    def turn(row: Row, sign: float) -> Row:
        pairs = [(a, b, c, sign * s) for a, b, (c, s) in zip(row, row[half:], turns)]
        return [a * c + b * s for a, b, c, s in pairs] + [b * c - a * s for a, b, c, s in pairs]

    return Vector(turn(x.data, 1.0), (x,), lambda grad: x.receive(turn(grad, -1.0)))


def compare(query: Vector, keys: Sequence[Vector]) -> Vector:
    """How well each key fits the query: their dot product, over the root of their length."""
    keys, scale = tuple(keys), len(query.data) ** -0.5  # a copy: the list of keys will grow

    def push(grad: Row) -> None:
        for key, slope in zip(keys, grad):
            key.receive([scale * slope * value for value in query.data])
        query.receive([scale * dot(grad, column) for column in zip(*(key.data for key in keys))])

    return Vector([scale * dot(key.data, query.data) for key in keys], (query, *keys), push)


def softmax(x: Vector) -> Vector:
    """Scores as probabilities: positive, and 1 together."""
    highest = max(x.data)
    exponentials = [math.exp(value - highest) for value in x.data]
    total = sum(exponentials)
    data = [one / total for one in exponentials]

    def push(grad: Row) -> None:
        mean = dot(grad, data)
        x.receive([chance * (slope - mean) for chance, slope in zip(data, grad)])

    return Vector(data, (x,), push)


def mix(weights: Vector, values: Sequence[Vector]) -> Vector:
    """The values added up, each as much as its weight says."""
    values = tuple(values)

    def push(grad: Row) -> None:
        for value, weight in zip(values, weights.data):
            value.receive([weight * slope for slope in grad])
        weights.receive([dot(grad, value.data) for value in values])

    columns = zip(*(value.data for value in values))
    return Vector([dot(weights.data, column) for column in columns], (weights, *values), push)


def join(parts: Sequence[Vector]) -> Vector:
    """Several rows as one long row."""

    def push(grad: Row) -> None:
        for number, part in enumerate(parts):
            size = len(part.data)
            part.receive(grad[number * size : (number + 1) * size])

    return Vector([value for part in parts for value in part.data], parts, push)


def surprise(logits: Vector, token: int) -> Vector:
    """Minus the logarithm of the token's probability, in nats."""
    chances = softmax(logits).data

    def push(grad: Row) -> None:
        logits.receive([grad[0] * (chance - (i == token)) for i, chance in enumerate(chances)])

    return Vector([-math.log(chances[token])], (logits,), push)


# ---- the model ----

Past = list[list[tuple[list[Vector], list[Vector]]]]  # of each block and head, the keys and values so far


class Block:
    """The tables of one layer: attention's, three for each head, and the MLP's."""

    def __init__(self, chance: random.Random, width: int, n_head: int) -> None:
        size, spread = width // n_head, width**-0.5
        self.query = [Table(chance, size, width, spread) for _ in range(n_head)]
        self.key = [Table(chance, size, width, spread) for _ in range(n_head)]
        self.value = [Table(chance, size, width, spread) for _ in range(n_head)]
        self.output = Table(chance, width, width, 0.0)  # a new block adds nothing
        self.up = Table(chance, 4 * width, width, 0.4 * spread)
        self.down = Table(chance, width, 4 * width, 0.0)

    def attention(self, x: Vector, past: list[tuple[list[Vector], list[Vector]]]) -> Vector:
        """What each head finds in the letters so far."""
        found = []
        for query, key, value, (keys, values) in zip(self.query, self.key, self.value, past):
            position = len(keys)
            asks = rotate(norm(linear(query, x)), position)
            keys.append(rotate(norm(linear(key, x)), position))
            values.append(linear(value, x))
            found.append(mix(softmax(compare(asks, keys)), values))
        return linear(self.output, join(found))

    def mlp(self, x: Vector) -> Vector:
        """Wider, ReLU squared, narrow again."""
        return linear(self.down, relu_squared(linear(self.up, x)))


class Model:
    """A GPT whose tokens are `letters`; the first of them is the edge of a name."""

    def __init__(
        self, letters: str, width: int = 16, n_head: int = 2, n_layer: int = 1, seed: int = 1
    ) -> None:
        chance = random.Random(seed)
        self.letters, self.n_head = letters, n_head
        self.embedding = Table(chance, len(letters), width, 0.8)
        self.blocks = [Block(chance, width, n_head) for _ in range(n_layer)]
        self.head = Table(chance, len(letters), width, 0.001)

    def tables(self) -> list[Table]:
        """Everything that is learned."""
        found = [self.embedding, self.head]
        for block in self.blocks:
            found += [*block.query, *block.key, *block.value, block.output, block.up, block.down]
        return found

    def nothing_read(self) -> Past:
        """The past of a model that has read no letter."""
        return [[([], []) for _ in range(self.n_head)] for _ in self.blocks]

    def read(self, token: int, past: Past) -> Vector:
        """Read one more token, keep its keys and values in `past`, and give the logits of the next."""
        x = norm(look_up(self.embedding, token))
        for block, block_past in zip(self.blocks, past):
            x = plus(x, block.attention(norm(x), block_past))
            x = plus(x, block.mlp(norm(x)))
        return cap(linear(self.head, norm(x)))

    def surprise(self, name: str) -> Vector:
        """The surprise at every letter of a name and at its end, added up."""
        tokens = [self.letters.index(letter) for letter in EDGE + name + EDGE]
        past, total = self.nothing_read(), Vector([0.0])
        for token, following in pairwise(tokens):
            total = plus(total, surprise(self.read(token, past), following))
        return total

    def write(self, chance: random.Random, temperature: float = 1.0) -> str:
        """A new name, letter by letter, until the model writes the edge."""
        past, token, name = self.nothing_read(), 0, ""
        while len(name) < LONGEST:
            logits = self.read(token, past)
            chances = softmax(Vector([logit / temperature for logit in logits.data])).data
            [token] = chance.choices(range(len(chances)), chances)
            if token == 0:
                break
            name += self.letters[token]
        return name


# ---- training ----


class Adam:
    """The optimizer: each weight's step is its mean slope over the root of its mean squared slope."""

    def __init__(self, tables: list[Table], betas: tuple[float, float] = (0.9, 0.95)) -> None:
        self.tables, self.betas, self.steps = tables, betas, 0
        self.means = [[[0.0] * len(row) for row in table.rows] for table in tables]
        self.squares = [[[0.0] * len(row) for row in table.rows] for table in tables]

    def step(self, rate: float) -> None:
        """Move every weight against its slope, and forget the notes."""
        self.steps += 1
        b, c = self.betas
        rate /= 1 - b**self.steps  # the means began at 0: early ones are too small
        fair = 1 / (1 - c**self.steps)
        for table, means, squares in zip(self.tables, self.means, self.squares):
            for i, grad in enumerate(table.slopes()):
                means[i] = [b * mean + (1 - b) * slope for mean, slope in zip(means[i], grad)]
                squares[i] = [c * square + (1 - c) * slope * slope for square, slope in zip(squares[i], grad)]
                table.rows[i] = [
                    weight - rate * mean / (math.sqrt(fair * square) + 1e-10)
                    for weight, mean, square in zip(table.rows[i], means[i], squares[i])
                ]
            table.columns = list(zip(*table.rows))
            table.notes.clear()


def train(
    model: Model, names: Sequence[str], steps: int, batch: int = 8, rate: float = 0.02, seed: int = 1
) -> Iterator[float]:
    """Take so many steps, each on a few names, and give the loss of each: the mean surprise at a letter."""
    chance, adam = random.Random(seed), Adam(model.tables())
    for step in range(steps):
        chosen = chance.sample(names, batch)
        letters = sum(len(name) + 1 for name in chosen)
        loss = 0.0
        for name in chosen:
            total = model.surprise(name)
            total.backward(1 / letters)
            loss += total.data[0] / letters
        adam.step(rate * min((step + 1) / WARMUP_STEPS, 1 - step / steps))
        yield loss


def mean_surprise(model: Model, names: Sequence[str]) -> float:
    """The mean surprise at a letter of these names, without learning from them."""
    return sum(model.surprise(name).data[0] for name in names) / sum(len(name) + 1 for name in names)


# ---- names, and the command ----


def read_names(path: str | Path = NAMES) -> list[str]:
    """The names of a file, one a line, each once, in small letters.

    Raises ValueError for a file that cannot be used, saying why.

    >>> read_names()[:3]
    ['aaron', 'abby', 'abel']
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").lower().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ValueError(f"cannot read names from {path}: {why}") from None
    names = list(dict.fromkeys(name for line in lines if (name := line.strip())))
    if too_long := [name for name in names if len(name) > LONGEST]:
        raise ValueError(f"{path}: {too_long[0][:20]!r}... has more than {LONGEST} letters; one name a line")
    if len(names) < FEWEST:
        raise ValueError(f"{path} has {len(names)} names; give {FEWEST} or more, one a line")
    return names


def alphabet(names: Sequence[str]) -> str:
    """The edge, and every letter of the names.

    >>> alphabet(["eve", "ned"])
    '\\ndenv'
    """
    return EDGE + "".join(sorted(set("".join(names))))


class Parser(argparse.ArgumentParser):
    """A parser of flags that complains in one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with code 2."""
        self.exit(2, f"microgpt: error: {message}; see --help\n")


def within(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """What reads a number of this kind, and refuses one that is out of its range."""

    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least:,} to {most:,}")
        return number

    return read


def flags() -> Parser:
    """The flags of the command."""
    parser = Parser(
        prog="microgpt", description="Train a tiny GPT on names, and let it make up new ones.",
        epilog="example: python tools/microgpt.py --steps 200 --names my_names.txt", allow_abbrev=False,
    )  # fmt: skip
    for name, kind, default, least, most, what in (
        ("steps", int, 400, 1, 1_000_000, "steps of training"),
        ("batch", int, 8, 1, 10_000, "names in a step"),
        ("rate", float, 0.02, 0.0, 10.0, "learning rate"),
        ("width", int, 16, 2, 1024, "numbers for a letter"),
        ("heads", int, 2, 1, 64, "heads of attention"),
        ("layers", int, 1, 1, 64, "layers"),
        ("samples", int, 20, 0, 100_000, "names to make up at the end"),
        ("temperature", float, 0.8, 0.01, 100.0, "how daring these are"),
        ("seed", int, 1, 0, 2**32, "where chance begins: the same seed gives the same names"),
    ):
        told = f"{what} (default {default})"
        parser.add_argument(f"--{name}", type=within(kind, least, most), default=default, help=told)
    parser.add_argument("--names", default=NAMES, metavar="FILE", help="your own names, one a line")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Read the names, train, and write new ones; the exit code."""
    parser = flags()
    given = parser.parse_args(arguments)
    try:
        names = read_names(given.names)
    except ValueError as error:
        parser.error(str(error))
    chance = random.Random(given.seed)
    chance.shuffle(names)
    held_out, known = names[: len(names) // 10], names[len(names) // 10 :]
    if given.width % (2 * given.heads):
        parser.error(f"--width {given.width} must be a multiple of {2 * given.heads}, twice the heads")
    if given.batch > len(known):
        parser.error(f"--batch {given.batch} is more than the {len(known)} names to learn from")
    model = Model(alphabet(names), given.width, given.heads, given.layers, given.seed)
    weights = sum(len(row) for table in model.tables() for row in table.rows)
    try:
        print(
            f"{len(known):,} names to learn from, {len(held_out):,} held out; {weights:,} weights", flush=True
        )
        for step, loss in enumerate(train(model, known, given.steps, given.batch, given.rate, given.seed), 1):
            if step == 1 or step % 50 == 0 or step == given.steps:
                some = "  ".join(model.write(chance, given.temperature) for _ in range(5))
                print(f"step {step:5}   loss {loss:.3f}   {some}", flush=True)
        print(f"held-out names: loss {mean_surprise(model, held_out):.3f}")
        for _ in range(given.samples):
            print(model.write(chance, given.temperature))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
