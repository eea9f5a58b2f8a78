"""Numbers in words: how the calculator writes sizes, times and money."""

from __future__ import annotations

GIB = 2**30


def gib(size: float) -> str:
    """Bytes in GiB (2^30 bytes), with two decimals; the smaller unit where those would say nothing.

    >>> gib(140_811_264), gib(300_000), gib(200)
    ('0.13 GiB', '293.0 KiB', '200 bytes')
    """
    if size >= GIB / 200:
        return f"{size / GIB:,.2f} GiB"
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,.0f} bytes"


def count(number: float) -> str:
    """A large count in short.

    >>> count(10_000_000_000), count(138_412_608), count(65_536), count(12), count(5e15)
    ('10.0B', '138.4M', '65.5K', '12', '5,000.0T')
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e4, "K")):
        if number >= size:
            return f"{number / (1e3 if letter == 'K' else size):,.1f}{letter}"
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time, in hours and days where it is long.

    >>> duration(100_000), duration(1_500), duration(2), duration(4e9)
    ('27.8 hours (1.2 days)', '25.0 minutes', '2.0 seconds', '1,111,111.1 hours (126.8 years)')
    """
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

    >>> dollars(0.034), dollars(81.2), dollars(1_234_567)
    ('$0.03', '$81.20', '$1,234,567')
    """
    return f"${amount:,.2f}" if amount < 10_000 else f"${amount:,.0f}"


def flops(operations: float) -> str:
    """Operations, with the unit that fits.

    >>> flops(2.53e8), flops(2.1e18)
    ('253.0 MegaFLOPs', '2,100.0 PetaFLOPs')
    """
    units = ((1e15, "Peta"), (1e12, "Tera"), (1e9, "Giga"), (1e6, "Mega"))
    size, name = next(((size, name) for size, name in units if operations >= size), (1.0, ""))
    return f"{operations / size:,.1f} {name}FLOPs"
