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
BETAS = (0.9, 0.95)  # of the averages of slopes and of squared slopes

Row = list[float]


def sum_of_products(a: Iterable[float], b: Iterable[float]) -> float:
    """Multiply two rows number by number, and add up.

    >>> sum_of_products([1.0, 2.0], [10.0, 20.0])
    50.0
    """
    total: float = sum(map(mul, a, b))
    return total


Dot = Callable[[Iterable[float], Iterable[float]], float]
# Python 3.12 has one of its own, several times as fast.
dot: Dot = getattr(math, "sumprod", sum_of_products)


# ---- autograd: rows of numbers that know where they come from ----


class Vector:
    """A row of numbers that knows which rows it was made from."""

    def __init__(
        self,
        data: Row,
        parents: "Sequence[Vector]" = (),
        push: Callable[[Row], None] | None = None,
    ) -> None:
        self.data = data
        self.parents = parents
        self.push = push  # how slopes go back to the parents
        self.grad = [0.0] * len(data)  # slopes of the loss

    def receive(self, slopes: Iterable[float]) -> None:
        """Add slopes to those that came along other paths."""
        self.grad = list(map(add, self.grad, slopes))

    def backward(self, slope: float = 1.0) -> None:
        """Walk back to the beginning; every row hands slopes on."""
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
    """Rows of weights, with notes of all that went through them."""

    def __init__(
        self,
        chance: random.Random,
        n_rows: int,
        n_columns: int,
        spread: float,
    ) -> None:
        def drawn() -> Row:
            return [chance.gauss(0, spread) for _ in range(n_columns)]

        self.rows = [drawn() for _ in range(n_rows)]
        self.columns = list(zip(*self.rows))
        # The slopes of what came out, and what went in.
        self.notes: list[tuple[Row, Row]] = []

    def slopes(self) -> list[Row]:
        """The slope of every weight, over all notes."""
        came_out = zip(*(out for out, _ in self.notes))
        went_in = list(zip(*(row for _, row in self.notes)))
        return [[dot(out, column) for column in went_in] for out in came_out]


# ---- the operations: what each computes, and how slopes go back ----


def look_up(table: Table, number: int) -> Vector:
    """One row of a table."""
    here = [float(row == number) for row in range(len(table.rows))]

    def push(grad: Row) -> None:
        table.notes.append((here, grad))

    # No parents, since no row went in: slopes end in the table.
    return Vector(table.rows[number], (), push)


def linear(table: Table, x: Vector) -> Vector:
    """For each row of the table its dot product with `x`."""

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
    """A row made from `x` number by number, with each one's slope."""

    def push(grad: Row) -> None:
        x.receive(map(mul, grad, slopes))

    return Vector(data, (x,), push)


def relu_squared(x: Vector) -> Vector:
    """Numbers below 0 become 0, the others are squared."""
    kept = [max(0.0, v) for v in x.data]
    return each(x, [v * v for v in kept], [2 * v for v in kept])


def cap(x: Vector) -> Vector:
    """Numbers bent so that none leaves -15 to 15."""
    bent = [math.tanh(v / LARGEST_LOGIT) for v in x.data]
    data = [LARGEST_LOGIT * v for v in bent]
    return each(x, data, [1 - v * v for v in bent])


def norm(x: Vector) -> Vector:
    """The row scaled to a mean square of 1."""
    n = len(x.data)
    scale = 1 / math.sqrt(dot(x.data, x.data) / n + EPSILON)
    data = [v * scale for v in x.data]

    def push(grad: Row) -> None:
        along = dot(grad, data) / n
        x.receive([scale * (g - along * v) for g, v in zip(grad, data)])

    return Vector(data, (x,), push)


def rotate(x: Vector, position: int) -> Vector:
    """Pairs of numbers turned by angles that grow with the position."""
    half = len(x.data) // 2
    speeds = [ROTARY_BASE ** (-pair / half) for pair in range(half)]
    cos = [math.cos(position * speed) for speed in speeds]
    sin = [math.sin(position * speed) for speed in speeds]

    def turn(row: Row, sign: float) -> Row:
        pairs = list(zip(row, row[half:], cos, sin))
        first = [a * c + sign * b * s for a, b, c, s in pairs]
        return first + [b * c - sign * a * s for a, b, c, s in pairs]

    def push(grad: Row) -> None:
        x.receive(turn(grad, -1.0))

    return Vector(turn(x.data, 1.0), (x,), push)


def compare(query: Vector, keys: Sequence[Vector]) -> Vector:
    """How well each key fits: its dot product with the query, scaled."""
    keys = tuple(keys)  # a copy: the list of keys will grow
    scale = len(query.data) ** -0.5

    def push(grad: Row) -> None:
        grad = [scale * g for g in grad]
        for key, g in zip(keys, grad):
            key.receive([g * v for v in query.data])
        columns = zip(*(key.data for key in keys))
        query.receive([dot(grad, column) for column in columns])

    data = [scale * dot(key.data, query.data) for key in keys]
    return Vector(data, (query, *keys), push)


def softmax(x: Vector) -> Vector:
    """Scores as probabilities: positive, and 1 together."""
    highest = max(x.data)
    raised = [math.exp(v - highest) for v in x.data]
    total = sum(raised)
    data = [v / total for v in raised]

    def push(grad: Row) -> None:
        mean = dot(grad, data)
        x.receive([p * (g - mean) for p, g in zip(data, grad)])

    return Vector(data, (x,), push)


def mix(weights: Vector, values: Sequence[Vector]) -> Vector:
    """The values added up, each as much as its weight says."""
    values = tuple(values)

    def push(grad: Row) -> None:
        for value, weight in zip(values, weights.data):
            value.receive([weight * g for g in grad])
        weights.receive([dot(grad, value.data) for value in values])

    columns = zip(*(value.data for value in values))
    data = [dot(weights.data, column) for column in columns]
    return Vector(data, (weights, *values), push)


def join(parts: Sequence[Vector]) -> Vector:
    """Several rows as one long row."""

    def push(grad: Row) -> None:
        for number, part in enumerate(parts):
            size = len(part.data)
            part.receive(grad[number * size : (number + 1) * size])

    return Vector([v for part in parts for v in part.data], parts, push)


def surprise(logits: Vector, token: int) -> Vector:
    """Minus the logarithm of the token's probability, in nats."""
    chances = softmax(logits).data

    def push(grad: Row) -> None:
        slopes = [p - (i == token) for i, p in enumerate(chances)]
        logits.receive([grad[0] * slope for slope in slopes])

    return Vector([-math.log(chances[token])], (logits,), push)


# ---- the model ----

Seen = list[tuple[list[Vector], list[Vector]]]  # keys, values; by head


class Block:
    """The tables of one layer: attention's, by head, and the MLP's."""

    def __init__(self, chance: random.Random, width: int, n_head: int) -> None:
        spread = width**-0.5  # keeps the size of what goes through

        def for_each_head() -> list[Table]:
            size = width // n_head
            return [Table(chance, size, width, spread) for _ in range(n_head)]

        self.query = for_each_head()
        self.key = for_each_head()
        self.value = for_each_head()
        self.output = Table(chance, width, width, 0.0)
        self.up = Table(chance, 4 * width, width, 0.4 * spread)
        self.down = Table(chance, width, 4 * width, 0.0)

    def tables(self) -> list[Table]:
        """All of them."""
        by_head = [*self.query, *self.key, *self.value]
        return [*by_head, self.output, self.up, self.down]

    def attention(self, x: Vector, seen: Seen) -> Vector:
        """What each head finds in the letters so far."""
        found = []
        heads = zip(self.query, self.key, self.value, seen)
        for query, key, value, (keys, values) in heads:
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
    """A GPT for these letters; the first of them is the edge."""

    def __init__(
        self,
        letters: str,
        width: int = 16,
        n_head: int = 2,
        n_layer: int = 1,
        seed: int = 1,
    ) -> None:
        chance = random.Random(seed)
        self.letters = letters
        self.n_head = n_head
        self.embedding = Table(chance, len(letters), width, 0.8)
        self.blocks = [Block(chance, width, n_head) for _ in range(n_layer)]
        self.head = Table(chance, len(letters), width, 0.001)

    def tables(self) -> list[Table]:
        """Everything that is learned."""
        inside = [table for block in self.blocks for table in block.tables()]
        return [self.embedding, *inside, self.head]

    def nothing_read(self) -> list[Seen]:
        """The past, of each block, before the first letter."""
        return [[([], []) for _ in range(self.n_head)] for _ in self.blocks]

    def read(self, token: int, past: list[Seen]) -> Vector:
        """Read a token, add it to the past; the logits of the next."""
        x = norm(look_up(self.embedding, token))
        for block, seen in zip(self.blocks, past):
            x = plus(x, block.attention(norm(x), seen))
            x = plus(x, block.mlp(norm(x)))
        return cap(linear(self.head, norm(x)))

    def surprise(self, name: str) -> Vector:
        """The surprise at each letter and at the end, added up."""
        tokens = [self.letters.index(one) for one in EDGE + name + EDGE]
        past, total = self.nothing_read(), Vector([0.0])
        for token, following in pairwise(tokens):
            logits = self.read(token, past)
            total = plus(total, surprise(logits, following))
        return total

    def write(self, chance: random.Random, temperature: float = 1.0) -> str:
        """A new name, letter by letter, until it writes the edge."""
        past, token, name = self.nothing_read(), 0, ""
        while len(name) < LONGEST:
            logits = self.read(token, past).data
            cooled = Vector([logit / temperature for logit in logits])
            chances = softmax(cooled).data
            [token] = chance.choices(range(len(chances)), chances)
            if token == 0:
                break
            name += self.letters[token]
        return name


# ---- training ----


def average(old: Row, new: Row, keep: float) -> Row:
    """A running average: most of the old, a little of the new.

    >>> average([1.0], [0.0], keep=0.75)
    [0.75]
    """
    return [keep * a + (1 - keep) * b for a, b in zip(old, new)]


class Adam:
    """A weight's step: its mean slope over its root mean square slope."""

    def __init__(self, tables: list[Table]) -> None:
        self.tables, self.steps = tables, 0
        self.means = [[[0.0] * len(row) for row in one.rows] for one in tables]
        self.squares = [list(rows) for rows in self.means]

    def step(self, rate: float) -> None:
        """Move every weight against its slope, and forget the notes."""
        self.steps += 1
        keep, keep_square = BETAS
        # Both averages began at 0, so early ones are too small.
        rate /= 1 - keep**self.steps
        fair = 1 / (1 - keep_square**self.steps)
        for table, means, squares in zip(self.tables, self.means, self.squares):
            for i, slopes in enumerate(table.slopes()):
                means[i] = average(means[i], slopes, keep)
                squared = [g * g for g in slopes]
                squares[i] = average(squares[i], squared, keep_square)
                table.rows[i] = [
                    w - rate * m / (math.sqrt(fair * s) + 1e-10)
                    for w, m, s in zip(table.rows[i], means[i], squares[i])
                ]
            table.columns = list(zip(*table.rows))
            table.notes.clear()


def learn(
    model: Model,
    adam: Adam,
    names: Sequence[str],
    rate: float,
) -> float:
    """Take one step with these names; their surprise a letter before."""
    n_letters = sum(len(name) + 1 for name in names)
    loss = 0.0
    for name in names:
        total = model.surprise(name)
        total.backward(1 / n_letters)
        loss += total.data[0] / n_letters
    adam.step(rate)
    return loss


def train(
    model: Model,
    names: Sequence[str],
    steps: int,
    batch: int = 8,
    rate: float = 0.02,
    seed: int = 1,
) -> Iterator[float]:
    """Take so many steps; give the loss of each."""
    chance, adam = random.Random(seed), Adam(model.tables())
    for step in range(steps):
        chosen = chance.sample(names, batch)
        warm_up, warm_down = (step + 1) / WARMUP_STEPS, 1 - step / steps
        yield learn(model, adam, chosen, rate * min(warm_up, warm_down))


def mean_surprise(model: Model, names: Sequence[str]) -> float:
    """The mean surprise at a letter, without learning from it."""
    total = sum(model.surprise(name).data[0] for name in names)
    return total / sum(len(name) + 1 for name in names)


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
