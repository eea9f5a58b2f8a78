"""Traces of attention: their numbers, their file, what is refused; measures against the plain definition."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.attention.measures import FIRST_ROW, measure, places_of
from tools.attention.patterns import patterns_of
from tools.attention.tokens import kinds, n_bytes, named, spans, text_of
from tools.attention.trace import PARTS, Repeated, Token, Trace, in_parts
from tools.attention.trace_file import read_trace, trace_text
from tools.core.errors import ToolError


def make_trace(n_tokens: int = 6, n_layer: int = 2, n_head: int = 2, seed: int = 0) -> Trace:
    """Weights drawn by chance; the first layer sees three tokens back, the others all."""
    chance = random.Random(seed)
    windows = [3, *[n_tokens] * (n_layer - 1)]
    weights = [
        [
            [
                in_parts([chance.random() if at > t - window else 0.0 for at in range(t + 1)])
                for t in range(n_tokens)
            ]
            for _ in range(n_head)
        ]
        for window in windows
    ]
    tokens = [Token(300, b"<|bos|>", special=True)]
    tokens += [Token(one, bytes([97 + one])) for one in chance.choices(range(3), k=n_tokens - 1)]
    repeated = Repeated(25, 8, 0, [[0.5] * n_head] * n_layer)
    return Trace(tokens, weights, windows, 1, "text", {"run": "d2", "step": 10}, repeated)


# ---- numbers ----


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60).filter(lambda row: sum(row) > 1e-3))
def test_parts_sum_exactly_and_none_is_off_by_a_part(row):
    whole = in_parts(row)
    assert sum(whole) == PARTS
    assert all(abs(one - PARTS * weight / sum(row)) < 1 for one, weight in zip(whole, row, strict=True))
    assert all(one == 0 for one, weight in zip(whole, row, strict=True) if weight == 0)


def plain_measures(trace: Trace, layer: int, head: int, near: int) -> dict[str, float]:
    """The definitions, pair by pair."""
    rows = [[one / PARTS for one in row] for row in trace.weights[layer][head]]
    ids = [token.token_id for token in trace.tokens]
    later = range(FIRST_ROW, len(rows))
    told: dict[str, float] = {
        "previous": sum(rows[t][t - 1] for t in later) / len(later),
        "first": sum(rows[t][0] for t in later) / len(later),
        "itself": sum(rows[t][t] for t in later) / len(later),
        "entropy": sum(-w * math.log2(w) for t in later for w in rows[t] if w) / len(later),
        "distance": sum(w * (t - at) for t in later for at, w in enumerate(rows[t])) / len(later),
        "near": sum(w for t in later for at, w in enumerate(rows[t]) if t - at < near) / len(later),
    }
    same, following = [], []
    for t in later:
        before = [at for at in range(t) if ids[at] == ids[t]]
        if before:
            same.append(sum(rows[t][at] for at in before))
        if after := [at + 1 for at in before if at + 1 < t]:
            following.append(sum(rows[t][at] for at in after))
    told["same"] = sum(same) / len(same) if same else math.nan
    told["induction"] = sum(following) / len(following) if following else math.nan
    return told


@settings(max_examples=40)
@given(st.integers(3, 20), st.integers(0, 10**6), st.integers(1, 25))
def test_measures_are_their_definitions(n_tokens, seed, near):
    trace = make_trace(n_tokens, seed=seed)
    for layer in range(2):
        found = measure(trace.weights[layer][0], places_of(trace.tokens), trace.windows[layer], near)
        for name, expected in plain_measures(trace, layer, 0, near).items():
            value = getattr(found, name)
            assert math.isnan(expected) if value is None else value == pytest.approx(expected, abs=1e-12)


def head_that_looks(n_tokens: int, where) -> list[list[int]]:
    """All weight of token t on `where(t)`."""
    return [[PARTS if at == where(t) else 0 for at in range(t + 1)] for t in range(n_tokens)]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (lambda t: max(0, t - 1), ["previous token", "local"]),
        (lambda t: 0, ["first token"]),
        (lambda t: t, ["itself", "local"]),
        (lambda t: t - 8 if t > 8 else max(0, t - 4), ["same token"]),
        (lambda t: t - 7 if t > 8 else max(0, t - 4), ["induction"]),
    ],
)
def test_each_pattern_is_found_by_its_name(where, names):
    """A mark and eight letters, twice: so letter t stood at t - 8, and what followed it at t - 7."""
    tokens = [Token(99, b"."), *(Token(one, b"x") for one in [*range(8), *range(8)])]
    found = measure(head_that_looks(17, where), places_of(tokens), window=17, near=17)
    assert patterns_of(found, None) == names


def test_an_even_head_is_broad_and_nothing_else():
    even = [in_parts([1.0] * (t + 1)) for t in range(20)]
    tokens = [Token(place % 12, b"x") for place in range(20)]
    assert patterns_of(measure(even, places_of(tokens), window=20, near=20), 0.02) == ["broad"]


def test_induction_on_random_tokens_goes_before_the_text():
    looks_right = head_that_looks(17, lambda t: t - 7 if t > 8 else 0)
    tokens = [Token(99, b"."), *(Token(one, b"x") for one in [*range(8), *range(8)])]
    found = measure(looks_right, places_of(tokens), window=17, near=17)
    assert found.induction == 1.0
    assert "induction" not in patterns_of(found, 0.02)


# ---- tokens, exact to the byte ----


def test_characters_that_span_tokens_are_counted_as_bytes():
    """Four tokens of one byte each are one character; counting decoded pieces would say four or twelve."""
    tokens = [Token(one, bytes([one])) for one in "🙂".encode()] + [Token(300, "é!".encode())]
    assert (n_bytes(tokens), len(text_of(tokens)), text_of(tokens)) == (7, 3, "🙂é!")
    assert kinds(tokens)[:4] == [f"byte {place} of 4 of 🙂" for place in (1, 2, 3, 4)]
    assert named(tokens) == ["1 \\xf0", "2 \\x9f", "3 \\x99", "4 \\x82", "5 é!"]
    assert "byte 2 of 4 of 🙂" in spans(tokens)[1].note


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), st.randoms())
def test_however_a_text_is_cut_its_bytes_stay(text, chance):
    data, tokens, start = text.encode(), [Token(9, b"<|bos|>", special=True)], 0
    while start < len(data):
        end = start + chance.randint(1, 4)
        tokens.append(Token(1, data[start:end]))
        start = end
    assert (n_bytes(tokens), text_of(tokens)) == (len(data), text)


# ---- the file ----


@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_what_is_written_is_read(tmp_path_factory, n_tokens, seed):
    trace = make_trace(n_tokens, seed=seed)
    path = tmp_path_factory.mktemp("trace") / "trace.json"
    path.write_text("".join(trace_text(trace)), encoding="utf-8")
    assert read_trace(path) == trace


def test_the_first_tokens_are_a_trace_of_their_own(tmp_path):
    trace = make_trace(8)
    (tmp_path / "cut.json").write_text("".join(trace_text(trace.first(3))))
    cut = read_trace(tmp_path / "cut.json")
    assert (cut.tokens, cut.weights[1][0]) == (trace.tokens[:3], trace.weights[1][0][:3])


def changed(tmp_path: Path, change) -> str:
    """What is said of a good trace after a change to its JSON."""
    data = json.loads("".join(trace_text(make_trace())))
    change(data)
    path = tmp_path / "trace.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ToolError) as error:
        read_trace(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def put(*where, value):
    """A change: put a value at a place."""

    def change(data):
        for step in where[:-1]:
            data = data[step]
        data[where[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (put("format", value="x"), "is not an attention trace"),
        (put("version", value=2), "is a trace of version 2; this program reads version 1"),
        (put("parts", value=255), '"parts" is 255; in version 1 it is 100000'),
        (put("kind", value=None), '"kind" is None'),
        (put("tokens", value=[]), '"tokens" is not a list with something in it'),
        (put("tokens", 1, value={"id": 5}), 'token 2 has neither "special" nor "bytes"'),
        (put("tokens", 1, "bytes", value="zz"), 'token 2 has neither "special" nor "bytes"'),
        (put("tokens", 1, "id", value=True), '"id" of token 2 must be a whole number'),
        (put("tokens", value=[{"id": 1, "bytes": "61"}] * 257), "has 257 tokens; a trace has from 1 to 256"),
        (put("windows", value=[3]), 'has 2 layers in "weights" and 1 in "windows"'),
        (
            put("windows", 1, value=2),
            "layer 2, head 1, row 3 looks back further than the layer's window of 2",
        ),
        (put("weights", 1, value=[]), "layer 2 is not a list of 2 heads"),
        (put("weights", 0, 1, value=[[PARTS]]), "layer 1, head 2 is not a list of 6 rows"),
        (put("weights", 0, 1, 2, value=[PARTS]), "layer 1, head 2, row 3 is not a list of 3 numbers"),
        (put("weights", 0, 1, 0, value=[99_999]), "layer 1, head 2, row 1 sums to 99,999, not to 100,000"),
        (put("weights", 0, 0, 1, value=[PARTS + 1, -1]), "holds '100001'; weights are whole numbers"),
        (put("weights", 0, 0, 1, value=[0.5, 0.5]), "holds '0.5'"),
        (put("n_kv_head", value=3), '"n_kv_head" is 3, which does not divide the 2 heads'),
        (put("repeated", "induction", value=[[1]]), "is not 2 lists of 2 numbers from 0 to 1"),
        (put("repeated", "seed", value="x"), '"seed" in "repeated" must be a whole number'),
        (put("made_by", value=[]), '"made_by" is not an object'),
        (lambda data: data.pop("weights"), 'lacks "weights"'),
    ],
)
def test_a_trace_that_is_wrong_is_refused_by_name(tmp_path, change, says):
    assert says in changed(tmp_path, change)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty; a trace is made with --save-trace"),
        (b'{"format": "nanochat-att', "is not JSON: Unterminated string starting at line 1, column 12"),
        (b"\xff\xfe{\0}\0", "is not UTF-8 text, so it is not a trace"),
        (b"\x00\x01\x02\x03", "is not JSON"),
        (b'{"messages": []}', "is not an attention trace"),
        (b"[1, 2]", "is not an attention trace"),
        (b"[" * 100_000, "brackets inside brackets"),
        (b"1" * 5_000, "thousands of digits"),
    ],
)
def test_a_file_that_is_no_trace_is_refused_by_name(tmp_path, content, says):
    path = tmp_path / "trace.json"
    path.write_bytes(content)
    with pytest.raises(ToolError, match=r"trace\.json") as error:
        read_trace(path)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
