"""What the checkpoint tools read: headers and numbers, against the package safetensors and torch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from nanochat.train.safe_files import write_tensors
from tools.checkpoints import numbers
from tools.checkpoints.header import BadFile, read_header

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
          "I64": torch.int64, "U8": torch.uint8, "BOOL": torch.bool}  # fmt: skip
SHAPES = st.lists(st.integers(0, 4), max_size=3)


def put(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    """A file with this header, well-formed or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(first: int, last: int, shape: list[int] | None = None, dtype: str = "F32") -> dict:
    return {
        "dtype": dtype,
        "shape": [(last - first) // 4] if shape is None else shape,
        "data_offsets": [first, last],
    }


# ---- headers ----


@settings(max_examples=60, deadline=None)
@given(
    told=st.dictionaries(st.text(min_size=1, max_size=6), st.tuples(st.sampled_from(list(DTYPES)), SHAPES))
)
def test_a_header_says_what_the_package_says(tmp_path_factory, told):
    path = tmp_path_factory.mktemp("header") / "x.safetensors"
    told = {name: one for name, one in told.items() if name != "__metadata__"}
    save_file(
        {name: torch.zeros(shape, dtype=DTYPES[kind]) for name, (kind, shape) in told.items()},
        path,
        {"a": "b"},
    )
    header = read_header(path)
    assert {t.name: (t.dtype, list(t.shape)) for t in header.tensors} == {
        n: (k, s) for n, (k, s) in told.items()
    }
    assert header.metadata == {"a": "b"}
    assert header.whole_bytes == header.file_bytes == path.stat().st_size
    assert header.parameters == sum(math.prod(shape) for _, shape in told.values())


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.integers(0, 400), mend=st.booleans())
def test_what_is_accepted_the_package_accepts(tmp_path_factory, place, value, cut, mend):
    """A byte changed, bytes cut off the end: whatever is let through here opens there too."""
    path = tmp_path_factory.mktemp("broken") / "x.safetensors"
    write_tensors(path, {"a.weight": torch.ones(3, 4), "b": torch.ones(5)})
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(bytes(data if mend else data[: max(0, len(data) - cut)]))
    try:
        read_header(path)
    except BadFile:
        return
    with safe_open(path, framework="pt") as file:
        list(file.keys())


BROKEN = {
    "an empty file": (b"", "is empty"),
    "a few bytes": (b"\x01\x02", "is cut short: it has 2 bytes"),
    "a header too long": (
        (10**12).to_bytes(8, "little") + b"{}",
        "its header would have 1,000,000,000,000 bytes",
    ),
    "a header cut": ((500).to_bytes(8, "little") + b'{"a":', "is cut short within its header: 13 bytes"),
    "a text file": (b"Call me Ishmael. Some years ago", "is no safetensors file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_are_none(tmp_path, name):
    data, reason = BROKEN[name]
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(BadFile, match=reason):
        read_header(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ({"a": entry(0, 8)}, 4, r"is cut short: it has \d+ of \d+ bytes; copy it again"),
        ({"a": entry(0, 8)}, 9, "is longer than its header says: 1 bytes are left over"),
        ({"a": entry(0, 8), "b": entry(4, 12)}, 12, "lets tensor 'b' overlap the one before it"),
        ({"a": entry(0, 8), "b": entry(12, 16)}, 16, "leaves a hole of 4 bytes before tensor 'b'"),
        ({"a": entry(4, 8)}, 8, "leaves a hole of 4 bytes before tensor 'a'"),
        ({"a": entry(0, 8, dtype="F33")}, 8, "the type 'F33', which is unknown here"),
        ({"a": entry(0, 8, [3])}, 8, r"gives tensor 'a' 8 bytes, and its shape 3 of F32 needs 12"),
        ({"a": entry(0, 8, [-2])}, 8, "the shape '\\[-2\\]', which is none"),
        ({"a": entry(0, 8, [True, 2])}, 8, "which is none"),
        ({"a": entry(0, 8) | {"data_offsets": [8, 0]}}, 8, "the offsets '\\[8, 0\\]', which are none"),
        ({"a": {"dtype": "F32"}}, 8, "does not say dtype, shape and data_offsets of tensor 'a'"),
        ({"a": [1]}, 8, "does not say dtype"),
        (b"[1, 2]", 0, "its header does not begin with {"),
        (b"{\"a\": }", 0, "has a header that is not JSON: Expecting value at byte 6"),
        (b"{\"\xff\": 1}", 0, "has a header that is not UTF-8 text"),
        (b'{"a":' + b"[" * 100_000, 0, "is not JSON: brackets inside brackets"),
        ({"__metadata__": {"a": 1}}, 0, "whose __metadata__ is not made of texts"),
    ],
)  # fmt: skip
def test_headers_that_contradict_themselves(tmp_path, header, data, reason):
    path = put(tmp_path / "x.safetensors", header, bytes(data))
    with pytest.raises(BadFile, match=reason) as error:
        read_header(path)
    assert str(error.value).startswith(str(path))
    with pytest.raises(SafetensorError), safe_open(path, framework="pt"):
        pass


def test_a_name_twice_is_refused(tmp_path):
    one = json.dumps({"a": entry(0, 8)})[1:-1]
    with pytest.raises(BadFile, match="has a header that names 'a' twice"):
        read_header(put(tmp_path / "x.safetensors", f"{{{one}, {one}}}".encode(), bytes(8)))


def test_a_header_alone_is_named_so(tmp_path):
    path = put(tmp_path / "model.safetensors.header", {"a": entry(0, 8)})
    assert not read_header(path).has_numbers
    path.rename(tmp_path / "model.safetensors")
    with pytest.raises(BadFile, match="is cut short"):
        read_header(tmp_path / "model.safetensors")


def test_only_the_header_of_a_large_file_is_read(tmp_path):
    """Two gigabytes that the disk does not hold: reading them would take memory and seconds."""
    path = put(tmp_path / "large.safetensors", {"a": entry(0, 2**31, [2**29])})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2**31)
    assert read_header(path).parameters == 2**29


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "nowhere.safetensors", tmp_path):
        with pytest.raises(BadFile, match="cannot be read: "):
            read_header(path)


# ---- numbers ----


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(numbers.READABLE), seed=st.integers(0, 10**6), n=st.integers(1, 50))
def test_norms_and_distances_are_torchs(tmp_path_factory, kind, seed, n):
    folder = tmp_path_factory.mktemp("numbers")
    torch.manual_seed(seed)
    first, second = (torch.randn(n, 3).to(DTYPES[kind]) for _ in range(2))
    paths = [folder / "a", folder / "b"]
    for path, tensor in zip(paths, (first, second), strict=True):
        write_tensors(path, {"w": tensor})
    headers = read_header(paths[0]), read_header(paths[1])
    with paths[0].open("rb") as one, paths[1].open("rb") as two:
        found = numbers.distance((one, two), headers, "w")
        alone = numbers.measure(one, headers[0], headers[0].named["w"])
    a, b = first.double(), second.double()
    assert found.first == alone.norm == pytest.approx(float(a.norm()))
    assert found.apart == pytest.approx(float((a - b).norm()))
    assert found.relative == pytest.approx(float((a - b).norm() / a.norm()))
    assert found.cosine == pytest.approx(float((a * b).sum() / a.norm() / b.norm()), abs=1e-9)


@pytest.mark.parametrize("kind", numbers.READABLE)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_none_is_found(tmp_path, monkeypatch, kind, bad):
    monkeypatch.setattr(numbers, "PIECE", 64)  # so that it does not lie in the first piece
    tensor = torch.randn(1_000).to(DTYPES[kind])
    tensor[777] = bad
    tensor[900] = -bad
    write_tensors(tmp_path / "a", {"w": tensor, "x": torch.ones(3)})
    header = read_header(tmp_path / "a")
    with (tmp_path / "a").open("rb") as file:
        found = numbers.measure(file, header, header.named["w"])
        good = numbers.measure(file, header, header.named["x"])
    assert (found.not_finite, found.first) == (2, 777)
    assert not found.is_good
    assert good.is_good


def test_large_numbers_are_no_infinities(tmp_path):
    tensor = torch.full((10_000,), torch.finfo(torch.float64).max, dtype=torch.float64)
    write_tensors(tmp_path / "a", {"w": tensor})
    header = read_header(tmp_path / "a")
    with (tmp_path / "a").open("rb") as file:
        assert numbers.measure(file, header, header.named["w"]).is_good


def test_types_that_hold_no_fractions_are_refused(tmp_path):
    write_tensors(tmp_path / "a", {"w": torch.arange(3)})
    header = read_header(tmp_path / "a")
    with (tmp_path / "a").open("rb") as file, pytest.raises(BadFile, match="holds w as I64; only F64"):
        numbers.measure(file, header, header.named["w"])
