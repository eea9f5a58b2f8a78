"""What a GPU can do and roughly what an hour of it costs.

Peak figures are the makers' own for dense bfloat16 products with 32-bit sums: the large numbers on a box
are often for sparse matrices (twice as much) or for 8-bit ones (twice again). No program reaches the peak;
the share it does reach is its MFU, model FLOPs utilisation (Chowdhery et al. 2022, PaLM, section 4.1).

Prices move and differ up to three-fold between providers. The ones here are rounded middles of public
price lists for one hour of one GPU, to make an estimate possible; set your own.
"""

from __future__ import annotations

from dataclasses import dataclass

GIB = 2**30
PRICES_AS_OF = "May 2026"
PRICES_SOURCE = (
    "RunPod's price list (March 2026) and the AIMultiple and Mercatus GPU price indices (May 2026)"
)


@dataclass(frozen=True)
class GPU:
    """One kind of GPU. Memory is what the maker calls GB and the driver reports in GiB.

    >>> find_gpu("H100").peak_flops / 1e12
    989.0
    """

    name: str
    label: str
    peak_flops: float  # dense bf16 products, operations a second
    memory_gib: float
    bandwidth: float  # bytes a second
    price: float  # US dollars an hour
    source: str

    @property
    def memory_bytes(self) -> int:
        """Memory in bytes.

        >>> find_gpu("RTX4090").memory_bytes == 24 * 2**30
        True
        """
        return int(self.memory_gib * GIB)


def _gpu(name: str, label: str, tera: float, gib: float, giga: float, price: float, source: str) -> GPU:
    """A row of the table in the units of data sheets: TFLOP/s, GiB, GB/s, dollars."""
    return GPU(name, label, tera * 1e12, gib, giga * 1e9, price, source)


GPUS = (
    _gpu(
        "RTX3090", "NVIDIA GeForce RTX 3090", 71, 24, 936, 0.30, "NVIDIA Ampere GA102 whitepaper, appendix A"
    ),
    _gpu("RTX4090", "NVIDIA GeForce RTX 4090", 165.2, 24, 1008, 0.45, "NVIDIA Ada whitepaper, appendix A"),
    _gpu("RTX5090", "NVIDIA GeForce RTX 5090", 209.5, 32, 1792, 0.90, "NVIDIA RTX Blackwell whitepaper"),
    _gpu("L4", "NVIDIA L4", 121, 24, 300, 0.60, "NVIDIA L4 data sheet (242 with sparsity)"),
    _gpu("L40S", "NVIDIA L40S", 362, 48, 864, 1.10, "NVIDIA L40S data sheet (733 with sparsity)"),
    _gpu("A100-40GB", "NVIDIA A100 SXM 40 GB", 312, 40, 1555, 1.30, "NVIDIA A100 data sheet"),
    _gpu("A100", "NVIDIA A100 SXM 80 GB", 312, 80, 2039, 1.60, "NVIDIA A100 data sheet"),
    _gpu(
        "H100-PCIe", "NVIDIA H100 PCIe", 756, 80, 2000, 2.40, "NVIDIA H100 data sheet (1,513 with sparsity)"
    ),
    _gpu("H100", "NVIDIA H100 SXM", 989, 80, 3350, 3.00, "NVIDIA H100 data sheet (1,979 with sparsity)"),
    _gpu("H200", "NVIDIA H200 SXM", 989, 141, 4800, 4.00, "NVIDIA H200 data sheet (1,979 with sparsity)"),
    _gpu(
        "B200", "NVIDIA B200 SXM", 2250, 180, 8000, 6.00, "NVIDIA DGX B200 data sheet (4,500 with sparsity)"
    ),
)


def gpu_names() -> list[str]:
    """The names the table knows, in its order.

    >>> gpu_names()[0], gpu_names()[-1]
    ('RTX3090', 'B200')
    """
    return [gpu.name for gpu in GPUS]


def find_gpu(name: str) -> GPU:
    """Look up a GPU, whatever the case of its name.

    >>> find_gpu("h200").label
    'NVIDIA H200 SXM'
    >>> find_gpu("Z80")
    Traceback (most recent call last):
        ...
    ValueError: no GPU named 'Z80' in the table; use RTX3090, RTX4090, RTX5090, L4, L40S, A100-40GB, A100, ...
    """
    for gpu in GPUS:
        if gpu.name.lower() == name.lower():
            return gpu
    raise ValueError(f"no GPU named {name!r} in the table; use {', '.join(gpu_names()[:7])}, ...")
