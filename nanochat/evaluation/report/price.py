"""What a run has cost: hours times a price, where one is known. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nanochat.model.hardware import GPU, GPUS, PRICES_AS_OF, PRICES_SOURCE


@dataclass(frozen=True)
class Price:
    """Dollars for an hour of the machine, and who says so."""

    an_hour: float
    source: str

    def of(self, seconds: float) -> float:
        """Dollars for a time.

        >>> Price(3.0, "").of(1_800)
        1.5
        """
        return self.an_hour * seconds / 3_600


def price_of(devices: Iterable[str], given: float | None = None) -> Price | None:
    """The price of the one machine that all of it ran on; None where it is not known.

    `given` are dollars for an hour of the whole machine; else a GPU of the table has its price there.

    >>> price_of(["8 × NVIDIA H100 80GB HBM3"]).an_hour
    24.0
    >>> price_of(["CPU, 2 cores"]), price_of(["CPU, 2 cores"], given=0.1).source
    (None, 'as given')
    """
    if given is not None:
        return Price(given, "as given")
    machines = set(devices)
    if len(machines) != 1:
        return None
    count, gpu = gpus_in(machines.pop())
    if gpu is None:
        return None
    many = f"{count} × " if count > 1 else ""
    return Price(
        count * gpu.price,
        f"for {many}{gpu.label} at {gpu.price:.2f} dollars each: rounded middle of {PRICES_SOURCE}, "
        f"{PRICES_AS_OF}; prices differ up to three-fold",
    )


def gpus_in(device: str) -> tuple[int, GPU | None]:
    """How many GPUs a machine has, and the table's entry for them, from the name in `config.json`.

    That is the name which the driver reports, with `8 × ` before it where there are more than one.

    >>> count, gpu = gpus_in("2 × NVIDIA A100-SXM4-40GB")
    >>> count, gpu.name
    (2, 'A100-40GB')
    >>> gpus_in("CPU, 2 cores")
    (1, None)
    """
    match = re.fullmatch(r"(?:(\d+) × )?(.*)", device)
    count, name = (int(match[1] or 1), match[2]) if match else (1, device)
    words = f" {name.upper().replace('-', ' ').replace('GEFORCE ', '')}"
    # The longest name first: an "H100 PCIe" is an "H100", too.
    for gpu in sorted(GPUS, key=lambda gpu: len(gpu.name), reverse=True):
        parts = gpu.name.upper().replace("RTX", "RTX ").split("-")
        if all(f" {part}" in words for part in parts):
            return count, gpu
    return count, None
