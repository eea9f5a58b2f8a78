"""A row of tokens as boxes: the drawing that the figures of guide 2 have in common."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat.tokenizer.tokenizer import Tokenizer
from web.figures.svg import Svg

LETTER = 7.9  # how wide a letter of the code font is at size 13
WIDTH = 460


def visible(piece: str) -> str:
    """A piece with its spaces and line ends made visible.

    >>> visible(" the\\n")
    '␣the↵'
    """
    return piece.replace(" ", "␣").replace("\n", "↵")


def shown(token: bytes) -> str:
    """The bytes of a token as text, or in hex where they are no whole characters.

    >>> shown(b" the"), shown(b"\\xf0\\x9f")
    (' the', 'f09f')
    """
    try:
        return token.decode()
    except UnicodeDecodeError:
        return token.hex()


def pieces_and_ids(tokenizer: Tokenizer, text: str) -> tuple[list[str], list[str]]:
    """The tokens of a text as pictures show them, and their ids.

    >>> from nanochat.tokenizer.tokenizer import published_tokenizer
    >>> pieces_and_ids(published_tokenizer("gpt2"), "Hello world")
    (['Hello', ' world'], ['15496', '995'])
    """
    ids = tokenizer.encode(text)
    return [shown(tokenizer.token_bytes(token)) for token in ids], [str(token) for token in ids]


class Strip:
    """Pieces as boxes in a row, a small note under each, with a new row where the drawing ends.

    The boxes are laid out before there is a drawing, because its height follows from the number of rows.

    >>> strip = Strip(["I", " am"], notes=["40", "716"])
    >>> strip.height
    50
    """

    def __init__(
        self, pieces: Sequence[str], notes: Sequence[str] = (), tones: Sequence[int] = (), left: float = 4
    ) -> None:
        self.boxes: list[tuple[float, float, float, str, str, int]] = []
        step = 58 if notes else 38
        x, y = left, 0.0
        for number, piece in enumerate(pieces):
            text, note = visible(piece), notes[number] if notes else ""
            width = max(LETTER * len(text) + 9, 6.8 * len(note) + 2)
            if x + width > WIDTH - 4 and x > left:
                x, y = left, y + step
            self.boxes.append((x, y, width, text, note, tones[number] if tones else 1 + number % 6))
            x += width + 4
        self.height = int(y) + (50 if notes else 32)
        self.width = max(box_left + width for box_left, _, width, *_ in self.boxes) + 4

    def draw(self, drawing: Svg, top: float) -> None:
        """Put the boxes into `drawing`, the first row at `top`."""
        for x, y, width, text, note, tone in self.boxes:
            drawing.box(x, top + y, width, 28, text, tone=tone, mono=True, round=4)
            if note:
                drawing.text(
                    x + width / 2, top + y + 43, note, anchor="middle", size=11, kind="muted", mono=True
                )


def strip_figure(
    name: str,
    pieces: Sequence[str],
    notes: Sequence[str] = (),
    *,
    title: str,
    caption: str,
    tones: Sequence[int] = (),
) -> str:
    """A figure that is one strip of pieces.

    >>> "␣am" in strip_figure("am", ["I", " am"], title="Two pieces", caption="Two pieces.")
    True
    """
    strip = Strip(pieces, notes, tones)
    shown = ", ".join(
        repr(piece) + (f" is {note}" if note else "")
        for piece, note in zip(pieces, notes or [""] * len(pieces), strict=True)
    )
    drawing = Svg(
        name, strip.width, strip.height + 4, title=title, description=f"{len(pieces)} pieces: {shown}."
    )
    strip.draw(drawing, 2)
    return drawing.figure(caption)
