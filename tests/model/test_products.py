"""The library that multiplies: chosen by the CPU's make, and only if it keeps the digits of fp32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model import products
from nanochat.model.products import maker_of_cpu, small_products, use_fast_products

SWITCH = torch.backends.mkldnn.matmul


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = SWITCH.fp32_precision
    use_fast_products.cache_clear()
    yield
    SWITCH.fp32_precision = before
    use_fast_products.cache_clear()


def amd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str = "AuthenticAMD") -> None:
    """Pretend to be a CPU with AVX-512 of some maker."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(products, "maker_of_cpu", lambda: vendor)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300), st.integers(1, 600), st.integers(1, 300), st.integers(0, 10**6))
def test_products_keep_the_digits_of_fp32(rows: int, inner: int, columns: int, seed: int) -> None:
    use_fast_products()
    chance = torch.Generator().manual_seed(seed)
    a, b = torch.rand(rows, inner, generator=chance), torch.rand(inner, columns, generator=chance)
    torch.testing.assert_close((a @ b).double(), a.double() @ b.double(), rtol=1e-5, atol=0)
    torch.testing.assert_close((b.t() @ a.t()).double(), (a.double() @ b.double()).t(), rtol=1e-5, atol=0)


def test_a_cpu_that_rounds_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    amd(tmp_path, monkeypatch)
    monkeypatch.setattr(products, "products_are_exact", lambda: False)
    before = SWITCH.fp32_precision
    assert not use_fast_products()
    assert SWITCH.fp32_precision == before


def test_rounding_to_bf16_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    true_product = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda a, b: true_product(a.bfloat16(), b.bfloat16()).float()
    )
    assert not products.products_are_exact()


@pytest.mark.parametrize("vendor", ["GenuineIntel", ""])
def test_intel_and_the_unknown_keep_the_usual_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str
) -> None:
    amd(tmp_path, monkeypatch, vendor)
    assert not use_fast_products()


def test_small_products_take_the_usual_library_meanwhile() -> None:
    SWITCH.fp32_precision = "bf16"
    with small_products():
        assert SWITCH.fp32_precision == "ieee"
    assert SWITCH.fp32_precision == "bf16"
    with pytest.raises(ZeroDivisionError), small_products():
        _ = 1 / 0
    assert SWITCH.fp32_precision == "bf16"


def test_the_maker_is_read_from_the_system(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n")
    assert maker_of_cpu(file) == "GenuineIntel"
