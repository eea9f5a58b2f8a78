"""Numbers in words: how the calculator writes sizes, times and money."""

from __future__ import annotations

GIB = 2**30
ROUNDS_UP = 0.99995  # from this share of a unit on, one decimal shows a whole one


def gib(size: float) -> str:
    """Bytes in GiB (2^30 bytes), with two decimals; the smaller unit where those would say nothing.

    >>> gib(140_811_264), gib(300_000), gib(200)
    ('0.13 GiB', '293.0 KiB', '200 bytes')
    """
    if size >= GIB / 200:
        return f"{size / GIB:,.2f} GiB"
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= unit * ROUNDS_UP:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,.0f} bytes"


def count(number: float) -> str:
    """A large count in short.

    >>> count(10_000_000_000), count(138_412_608), count(65_536), count(12), count(5e15), count(999_999)
    ('10.0B', '138.4M', '65.5K', '12', '5,000.0T', '1.0M')
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "K")):
        if number >= size * ROUNDS_UP:
            return f"{number / (1e3 if letter == 'K' else size):,.1f}{letter}"
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time, in hours and days where it is long.

    >>> duration(100_000), duration(1_500), duration(2), duration(1e-5)
    ('27.8 hours (1.2 days)', '25.0 minutes', '2.0 seconds', '1e-05 seconds')
    >>> duration(4e9)
    '1,111,111.1 hours (126.8 years)'
    """
    if 0 < seconds < 0.1:
        return f"{seconds:.2g} seconds"
    if seconds < 100:
        return f"{seconds:.1f} seconds"
    hours = seconds / 3600
    if hours < 1.5:
        return f"{seconds / 60:.1f} minutes"
    days = hours / 24
    return (
        f"{hours:,.1f} hours ({days:,.1f} days)"
        if days < 1000
        else f"{hours:,.1f} hours ({days / 365.25:,.1f} years)"
    )


def dollars(amount: float) -> str:
    """Money.

    >>> dollars(0.034), dollars(81.2), dollars(1_234_567), dollars(1e-6)
    ('$0.03', '$81.20', '$1,234,567', 'under $0.01')
    """
    if 0 < amount < 0.005:
        return "under $0.01"
    return f"${amount:,.2f}" if amount < 10_000 else f"${amount:,.0f}"


def speed(rate: float) -> str:
    """How many a second; a small number keeps its digits, or a formula would divide by 0.

    >>> speed(123_456.7), speed(0.001)
    ('123,457', '0.001')
    """
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def flops(operations: float) -> str:
    """Operations, with the unit that fits.

    >>> flops(2.53e8), flops(2.1e18)
    ('253.0 MegaFLOPs', '2,100.0 PetaFLOPs')
    """
    units = ((1e15, "Peta"), (1e12, "Tera"), (1e9, "Giga"), (1e6, "Mega"))
    size, name = next(((size, name) for size, name in units if operations >= size * ROUNDS_UP), (1.0, ""))
    return f"{operations / size:,.1f} {name}FLOPs"
