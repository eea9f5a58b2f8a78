"""The map of the guides: what stands on what, as the guides' own top boxes say it.

>>> [line for line in arrows() if line[1] == "7"]
[('6', '7', False)]
"""

from __future__ import annotations

from web.figures.svg import Svg
from web.ways import Guide, guides, short

# Where a page stands on the map: left edge, row, width; and its hue: the ground, the model, the use of it.
PLACES = {
    "primer": (6, 0, 448, 0),
    "1": (6, 1, 448, 1),
    "2": (6, 2, 448, 1),
    "3": (6, 3, 130, 4),
    "4": (170, 3, 148, 2),
    "5": (6, 4, 130, 6),
    "microgpt": (170, 4, 148, 2),
    "6": (276, 5, 178, 6),
    "7": (276, 6, 178, 3),
    "8": (6, 6, 218, 5),
    "9": (6, 7, 448, 4),
}
ROW, HEIGHT = 66, 44


def arrows() -> list[tuple[str, str, bool]]:
    """From which page to which an arrow leads, and whether it is only a help.

    A page that another one needs already is not shown twice: guide 3 stands on guide 2, which stands on 1.
    """
    found = {guide.key: guide for guide in guides()}
    lines = []
    for guide in found.values():
        for key in direct(guide.needs, guide.needs, found):
            lines.append((key, guide.key, False))
        for key in direct(guide.helps, (*guide.needs, *guide.helps), found):
            lines.append((key, guide.key, True))
    # The primer lies below all: one arrow says so. Guide 8 goes with any of them, as the caption says.
    return [line for line in lines if line[1] != "8" and (line[0] != "primer" or line[1] == "1")]


def direct(keys: tuple[str, ...], among: tuple[str, ...], found: dict[str, Guide]) -> list[str]:
    """Those of `keys` that no other page in `among` stands on."""
    below = {lower for key in among for lower in ground(key, found)}
    return [key for key in keys if key not in below]


def ground(key: str, found: dict[str, Guide]) -> set[str]:
    """All that a page stands on, and what that stands on.

    >>> sorted(ground("3", {guide.key: guide for guide in guides()}))
    ['1', '2', 'primer']
    """
    needs = found[key].needs if key in found else ()
    return set(needs).union(*(ground(lower, found) for lower in needs))


def guide_map() -> str:
    """All guides with their times, and arrows from each to those that stand on it."""
    found = {guide.key: guide for guide in guides()}
    said = [
        f"{guide.name} ({short(guide.to_read)} to read, {short(guide.in_all)} with exercises) stands on "
        + (", ".join(guide.needs) or "nothing")
        for guide in found.values()
    ]
    pic = Svg(
        "guide-map",
        460,
        ROW * 8 - 14,
        title="What stands on what",
        description=f"A map from top to bottom. {'; '.join(said)}. Last comes the guide that works with all "
        "of it: building the tools.",
    )
    for lower, upper, helps in arrows():
        pic.arrow(*ends(lower, upper), dashed=helps)
    for key, (x, row, width, tone) in PLACES.items():
        y = 6 + ROW * row
        guide = found[key]
        pic.box(x, y, width, HEIGHT, tone=tone)
        name = guide.name.replace("Primer for", "Primer:")
        pic.text(x + width / 2, y + 16, name, anchor="middle", middle=True, size=12.5, kind="strong")
        times = f"read {short(guide.to_read)} · all {short(guide.in_all)}"
        pic.text(x + width / 2, y + 33, times, anchor="middle", middle=True, size=11.5, kind="muted")
    return pic.figure(
        "Read from top to bottom. A full arrow means “stands on”; a dashed one, “easier after it”. Quick "
        "start can be read at any time: it needs a terminal, and the guides say what happens in it. Each "
        "chapter of guide 9 says which guides it needs."
    )


def ends(lower: str, upper: str) -> tuple[float, float, float, float]:
    """Where an arrow between two boxes begins and ends: straight down if it can be, else across."""
    x1, row1, width1, _ = PLACES[lower]
    x2, row2, width2, _ = PLACES[upper]
    top, bottom = 6 + ROW * row1 + HEIGHT, 6 + ROW * row2 - 2
    if row1 == row2:
        middle = 6 + ROW * row1 + HEIGHT / 2
        return (x1 + width1, middle, x2 - 2, middle) if x1 < x2 else (x1, middle, x2 + width2 + 2, middle)
    left, right = max(x1, x2), min(x1 + width1, x2 + width2)
    if right - left > 20:
        x = (left + right) / 2
        return x, top, x, bottom
    if x1 < x2:
        return x1 + width1 - 20, top, x2 + 20, bottom
    return x1 + 20, top, x2 + width2 - 20, bottom
