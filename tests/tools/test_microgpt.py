"""microGPT: its slopes are right, it is the project's model in small, it learns, and its command is civil."""

from __future__ import annotations

import ast
import math
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from tools import microgpt
from tools.microgpt import Adam, Model, Table, Vector, alphabet, mean_surprise, read_names, train

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "microgpt.py"
PAGE = ROOT / "site_docs" / "guides" / "microgpt.md"
NUDGE = 1e-5

numbers = st.floats(-2, 2).filter(lambda x: abs(x) > 0.01)  # ReLU bends at 0, where no slope is right
rows = st.lists(numbers, min_size=4, max_size=4)


# ---- slopes, against nudging ----


def weighted(out: Vector, weights: list[float]) -> Vector:
    """One number from a row, so that each of its numbers counts."""
    total = sum(weight * value for weight, value in zip(weights, out.data, strict=False))
    return Vector([total], (out,), lambda grad: out.receive([grad[0] * w for w in weights[: len(out.data)]]))


def nudged(compute, row, place: int) -> float:
    """The slope of a number of `row`, found by moving it a little."""
    before = row[place]
    found = []
    for step in (NUDGE, -NUDGE):
        row[place] = before + step
        found.append(compute().data[0])
    row[place] = before
    return (found[0] - found[1]) / (2 * NUDGE)


WEIGHTS = [1.0, -0.5, 2.0, 0.25, -1.5, 0.75, 1.25, -1.0]
OPERATIONS = {
    "plus": lambda a, b, c: microgpt.plus(a, b),
    "plus itself": lambda a, b, c: microgpt.plus(a, a),
    "relu_squared": lambda a, b, c: microgpt.relu_squared(a),
    "cap": lambda a, b, c: microgpt.cap(a),
    "norm": lambda a, b, c: microgpt.norm(a),
    "rotate": lambda a, b, c: microgpt.rotate(a, 3),
    "compare": lambda a, b, c: microgpt.compare(a, [b, c, a]),
    "softmax": lambda a, b, c: microgpt.softmax(a),
    "mix": lambda a, b, c: microgpt.mix(a, [a, b, c, b]),
    "join": lambda a, b, c: microgpt.join([a, b]),
    "surprise": lambda a, b, c: microgpt.surprise(a, 2),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(a=rows, b=rows, c=rows)
@settings(max_examples=30)
def test_every_operation_hands_slopes_on_rightly(name, a, b, c):
    vectors = [Vector(row) for row in (a, b, c)]

    def compute() -> Vector:
        return weighted(OPERATIONS[name](*vectors), WEIGHTS)

    compute().backward()
    for vector in vectors:
        slopes = [nudged(compute, vector.data, place) for place in range(4)]
        assert vector.grad == pytest.approx(slopes, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("operation", [microgpt.linear, lambda table, x: microgpt.look_up(table, 1)])
@given(seed=st.integers(0, 10_000), first=rows, second=rows)
@settings(max_examples=30)
def test_the_slopes_of_a_table_add_up_over_all_that_went_through_it(operation, seed, first, second):
    table = Table(random.Random(seed), 3, 4, 1.0)
    inputs = [Vector(first), Vector(second)]

    def compute() -> Vector:
        table.columns = list(zip(*table.rows, strict=True))
        one, two = (weighted(operation(table, x), WEIGHTS) for x in inputs)
        return microgpt.plus(one, two)

    compute().backward()
    slopes, notes = table.slopes(), list(table.notes)
    for row, found in zip(table.rows, slopes, strict=True):
        assert found == pytest.approx([nudged(compute, row, place) for place in range(4)], rel=1e-4, abs=1e-5)
    for x in inputs:
        found = [nudged(compute, x.data, place) for place in range(4)]
        assert x.grad == pytest.approx(found, rel=1e-4, abs=1e-5)
    assert len(notes) == 2


def test_both_ways_to_multiply_agree():
    chance = random.Random(1)
    a, b = ([chance.gauss() for _ in range(50)] for _ in range(2))
    assert microgpt.sum_of_products(a, b) == pytest.approx(microgpt.dot(a, b), abs=1e-12)


# ---- the same model in torch ----


def shaken(width: int, n_head: int, n_layer: int, seed: int) -> Model:
    """A model none of whose weights is zero, as after training."""
    model = Model("\nabcdefgh", width, n_head, n_layer, seed)
    chance = random.Random(seed)
    for table in model.tables():
        table.rows = [[weight + chance.gauss(0, 0.3) for weight in row] for row in table.rows]
        table.columns = list(zip(*table.rows, strict=True))
    return model


def weights_for_torch(model: Model) -> dict[str, list[Table]]:
    """The tables under the names of nanochat's GPT; those of several heads stand on top of each other."""
    found = {"embedding.weight": [model.embedding], "head.weight": [model.head]}
    for number, block in enumerate(model.blocks):
        for name in ("query", "key", "value"):
            found[f"blocks.{number}.attention.{name}.weight"] = getattr(block, name)
        found[f"blocks.{number}.attention.output.weight"] = [block.output]
        found[f"blocks.{number}.mlp.up.weight"] = [block.up]
        found[f"blocks.{number}.mlp.down.weight"] = [block.down]
    return found


def in_torch(model: Model, width: int, n_head: int, n_layer: int) -> GPT:
    config = GPTConfig.core(
        n_layer=n_layer, n_embd=width, n_head=n_head, n_kv_head=n_head,
        vocab_size=len(model.letters), sequence_len=64,
    )  # fmt: skip
    same = GPT(config).initialize(0)
    parameters = dict(same.named_parameters())
    tables = weights_for_torch(model)
    assert parameters.keys() == tables.keys()
    with torch.no_grad():
        for name, parts in tables.items():
            value = torch.tensor([row for table in parts for row in table.rows])
            parameters[name][: len(value)] = value
    return same


@pytest.mark.parametrize(("width", "n_head", "n_layer"), [(16, 2, 1), (12, 3, 2), (8, 1, 3)])
def test_it_is_the_projects_model_in_small(width, n_head, n_layer):
    model = shaken(width, n_head, n_layer, seed=n_layer)
    same = in_torch(model, width, n_head, n_layer)
    name = "badgehcabfade"
    ids = [model.letters.index(letter) for letter in f"\n{name}\n"]

    past = model.nothing_read()
    logits = torch.tensor([model.read(token, past).data for token in ids[:-1]])
    torch.testing.assert_close(same(torch.tensor([ids[:-1]]))[0], logits, rtol=0, atol=1e-5)

    total = model.surprise(name)
    total.backward()
    loss = same(torch.tensor([ids[:-1]]), targets_BT=torch.tensor([ids[1:]]))
    loss.backward()
    assert total.data[0] == pytest.approx(loss.item(), abs=1e-4)
    gradients = {name: parameter.grad for name, parameter in same.named_parameters()}
    for weight, parts in weights_for_torch(model).items():
        mine = torch.tensor([row for table in parts for row in table.slopes()])
        theirs = gradients[weight][: len(mine)]
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4, msg=weight)


def test_adam_steps_as_torchs_does():
    table = Table(random.Random(3), 2, 3, 1.0)
    weight = torch.nn.Parameter(torch.tensor(table.rows, dtype=torch.float64))
    adam = Adam([table])
    theirs = torch.optim.Adam([weight], lr=0.1, betas=(0.9, 0.95), eps=1e-10)
    for step in range(4):
        x = Vector([0.5, -1.0 + step, 2.0])
        weighted(microgpt.linear(table, x), WEIGHTS).backward()
        theirs.zero_grad()
        (weight @ torch.tensor(x.data, dtype=torch.float64) * torch.tensor(WEIGHTS[:2])).sum().backward()
        adam.step(0.1)
        theirs.step()
        torch.testing.assert_close(torch.tensor(table.rows, dtype=torch.float64), weight.detach())
        assert not table.notes


def test_no_letter_sees_a_later_one():
    model = shaken(8, 2, 2, seed=5)

    def logits(letters: str) -> list[list[float]]:
        past = model.nothing_read()
        return [model.read(model.letters.index(letter), past).data for letter in letters]

    assert logits("\nabcd")[:3] == logits("\nabef")[:3]
    assert logits("\nabcd")[3:] != logits("\nabef")[3:]


# ---- it learns ----


def pronounceable(name: str) -> bool:
    """A vowel, no four consonants and no four vowels in a row, two letters or more."""
    return bool(
        2 <= len(name) <= 12
        and re.search("[aeiouy]", name)
        and not re.search("[^aeiouy]{4}|[aeiou]{4}|(.)\\1\\1", name)
        and not re.match("([^aeiouy])\\1", name)
    )


def counting_loss(names: list[str], held_out: list[str]) -> float:
    """The loss of a model that knows how frequent each letter is, and nothing else."""
    counts = Counter(letter for name in names for letter in name + "\n")
    nats = [-math.log(counts[letter] / counts.total()) for name in held_out for letter in name + "\n"]
    return sum(nats) / len(nats)


def test_it_learns_to_make_up_names():
    names = read_names()
    random.Random(0).shuffle(names)
    held_out, known = names[:60], names[60:]
    untrained = Model(alphabet(known), seed=1)
    model = Model(alphabet(known), seed=1)
    losses = list(train(model, known, steps=200))
    assert losses[0] == pytest.approx(math.log(len(model.letters)), abs=0.02)
    learnt, counted = mean_surprise(model, held_out), counting_loss(known, held_out)
    assert learnt < counted - 0.35, (learnt, counted)

    def written(by: Model) -> list[str]:
        chance = random.Random(7)
        return [by.write(chance, temperature=0.8) for _ in range(100)]

    samples = written(model)
    assert sum(map(pronounceable, samples)) >= 80
    assert sum(map(pronounceable, written(untrained))) <= 35
    assert len(set(samples) - set(names)) >= 70
    assert sum(map(pronounceable, names)) > 0.98 * len(names)


def test_the_same_seed_gives_the_same_run():
    names = read_names()[:40]

    def run(seed: int) -> list[float]:
        return list(train(Model(alphabet(names), width=4, n_head=1, seed=seed), names, 3, seed=seed))

    assert run(1) == run(1)
    assert run(1) != run(2)


# ---- the names, the command, the page ----


def test_the_list_of_names():
    names = read_names()
    assert names == sorted(set(names))
    assert len(names) >= 1000
    assert all(re.fullmatch("[a-z]{2,12}", name) for name in names)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the file as a reader does: by its path, with a bare Python."""
    return subprocess.run([sys.executable, "-I", SCRIPT, *arguments], capture_output=True, text=True)


QUICK = ("--steps", "2", "--width", "4", "--heads", "1", "--samples", "2")


def test_the_command_trains_on_a_readers_own_names(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text(
        "\ufeff" + "\n".join(f"Zoë{'abcde'[i % 5] * (i // 5)}" for i in range(30)), encoding="utf-8"
    )
    first, second = (command(*QUICK, "--names", str(file), "--seed", "4") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    lines = first.stdout.splitlines()
    assert re.fullmatch(r"\d+ names to learn from, \d+ held out; [\d,]+ weights", lines[0])
    assert lines[1].startswith("step     1   loss 2.")
    assert lines[3].startswith("held-out names: loss 2.")
    assert len(lines) == 6
    assert set("".join(lines[4:])) <= set("zoëabcde")
    assert "--temperature" in command("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--steps", "0"], "argument --steps: '0' is not a whole number from 1 to 1,000,000"),
        (["--steps", "many"], "'many' is not a whole number"),
        (["--rate", "nan"], "argument --rate: 'nan' is not a number from 0.0 to 10.0"),
        (["--width", "10", "--heads", "4"], "--width 10 must be a multiple of 8, twice the heads"),
        (["--batch", "9999"], "--batch 9999 is more than the 1041 names to learn from"),
        (["--names", "no/such/file"], "cannot read names from no/such/file: No such file or directory"),
        (["--names", sys.executable], "it is not UTF-8 text"),
        (["--names", str(SCRIPT)], "has more than 40 letters; one name a line"),
        (["--names", "/dev/null"], "/dev/null has 0 names; give 20 or more, one a line"),
        (["--step", "5"], "unrecognized arguments: --step 5"),
    ],
)
def test_mistakes_are_one_line(arguments, complaint):
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("microgpt: error: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_can_be_stopped():
    running = subprocess.Popen(
        [sys.executable, "-I", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "names to learn from" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert errors == "stopped\n"


def test_the_page_shows_the_whole_model():
    """Every symbol of the file is in a live cell of the page, but for the command's."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = [getattr(node, "name", None) or symbol_assigned(node) for node in tree.body]
    shown = {
        name for symbols in re.findall(r'symbols="tools\.microgpt:([^"]+)"', PAGE.read_text(encoding="utf-8"))
        for name in symbols.split(",")
    }  # fmt: skip
    not_shown = {"NAMES", "FEWEST", "read_names", "Parser", "within", "flags", "main"}
    assert shown == {name for name in names if name} - not_shown


def symbol_assigned(node: ast.stmt) -> str | None:
    """The name that a constant is given."""
    if isinstance(node, ast.Assign):
        return node.targets[0].id
    return node.target.id if isinstance(node, ast.AnnAssign) else None
