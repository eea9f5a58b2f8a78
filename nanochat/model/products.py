"""Which library multiplies matrices in fp32 on a CPU.

PyTorch leaves it to MKL, which on CPUs of other makers than Intel leaves their AVX-512 units unused. oneDNN,
which PyTorch carries too, uses them: 490 GFLOP/s against 210 on two cores of an AMD EPYC of 2024. PyTorch has
no switch for oneDNN in fp32; it has one that allows oneDNN to round to bf16 where it likes to. It likes to
where a CPU has units for bf16 matrices (AMX); without them it multiplies in fp32. So the switch is set on
these CPUs alone, and taken back if products turn out rounded.

The choice depends on the CPU's make and on exact numbers, never on a stopwatch: a run that is resumed must
multiply as it did before.
"""

from __future__ import annotations

import contextlib
import platform
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

CPUINFO = Path("/proc/cpuinfo")
MKLDNN: Any = torch.backends.mkldnn  # its switch came with torch 2.9, and not yet into its types
ROUNDED = 1e-3  # relative; bf16 is wrong by 4e-3, sums in fp32 by some 1e-7


@cache
def use_fast_products() -> bool:
    """Have this process multiply by oneDNN where that is faster and as exact; whether it does now.

    >>> use_fast_products() == use_fast_products()
    True
    """
    if torch.backends.cpu.get_cpu_capability() != "AVX512" or maker_of_cpu() in ("GenuineIntel", ""):
        return False
    switch = MKLDNN.matmul
    before = switch.fp32_precision
    switch.fp32_precision = "bf16"
    if products_are_exact():
        return True
    switch.fp32_precision = before
    return False


@contextlib.contextmanager
def small_products() -> Iterator[None]:
    """For many products of small matrices, such as attention's: there the usual library has less to set up.

    >>> with small_products():
    ...     torch.backends.mkldnn.matmul.fp32_precision != "bf16"
    True
    """
    switch = MKLDNN.matmul
    before = switch.fp32_precision
    if before == "bf16":
        switch.fp32_precision = "ieee"
    try:
        yield
    finally:
        if before == "bf16":
            switch.fp32_precision = before


def maker_of_cpu(cpuinfo: Path = CPUINFO) -> str:
    """Such as GenuineIntel or AuthenticAMD; an empty text where it is not known."""
    try:
        found = re.search(r"^vendor_id\s*:\s*(\S+)", cpuinfo.read_text(), re.M)
    except OSError:
        found = re.search(r"(GenuineIntel|AuthenticAMD)", platform.processor())
    return found[1] if found else ""


def products_are_exact() -> bool:
    """Whether products keep the digits of fp32, in sizes that have kernels of their own.

    >>> products_are_exact()
    True
    """
    chance = torch.Generator().manual_seed(0)
    for rows, inner, columns in ((1, 512, 64), (8, 64, 512), (512, 256, 256), (64, 2_048, 64)):
        a, b = torch.rand(rows, inner, generator=chance), torch.rand(inner, columns, generator=chance)
        exact = a.double() @ b.double()
        products = (a @ b, torch.nn.functional.linear(a, b.t().contiguous()), (b.t() @ a.t()).t())
        stacked = torch.bmm(a[None].expand(2, -1, -1), b[None].expand(2, -1, -1))[1]
        if any((one / exact - 1).abs().max() > ROUNDED for one in (*products, stacked)):
            return False
    return True
