"""What the terminal chat writes: text that is safe to print, in a few styles. Standard library only.

A model may write anything, control characters too, and a terminal obeys them: they could move the cursor, set
the window's title or turn text around. Each is shown as a picture of itself instead.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

RESET = "\x1b[0m"
STYLES = {"dim": "\x1b[2m", "you": "\x1b[1;32m", "bad": "\x1b[31m"}


def visible(text: str) -> str:
    r"""`text` with control characters replaced; line breaks and tabs stay.

    >>> visible("a\x1b[2Jb\n\x07")
    'a␛[2Jb\n␇'
    >>> visible("abc\u202egpj.exe")  # would turn what follows around
    'abc�gpj.exe'
    """
    return "".join(map(visible_letter, text))


def visible_letter(letter: str) -> str:
    """One letter, or what stands for it."""
    if letter in "\n\t" or letter.isprintable():
        return letter
    if letter < " ":
        return chr(0x2400 + ord(letter))  # the pictures of control characters
    if letter in "\u200c\u200d":  # joins letters of many scripts, and parts of an emoji
        return letter
    return " " if unicodedata.category(letter) == "Zs" else "\ufffd"


@dataclass(frozen=True)
class Screen:
    """Where the chat is shown: a terminal, or a file or pipe, which gets the text alone."""

    write: Callable[[str], object]  # shows at once
    terminal: bool = False
    color: bool = False

    def text(self, text: str) -> None:
        """What the model says: made safe for a terminal, and as it is for a program."""
        self.write(visible(text) if self.terminal else text)

    def styled(self, text: str, style: str) -> str:
        """`text` in a style, where there are colours.

        >>> Screen(print).styled("37*12", "dim")
        '37*12'
        """
        return f"{STYLES[style]}{text}{RESET}" if self.color else text

    def aside(self, text: str, style: str = "dim") -> None:
        """A line about the chat rather than of it; for people only."""
        if self.terminal:
            self.write(self.styled(visible(text), style) + "\n")

    def complain(self, text: str) -> None:
        """What is wrong; beside the answers where these go to a program."""
        if self.terminal:
            self.aside(text, "bad")
        else:
            print(f"nanochat: {visible(text)}", file=sys.stderr, flush=True)

    def call(self, code: str) -> None:
        """A call of a tool, before its result: `[37*12`."""
        if self.terminal:
            shown = visible(code).replace("\n", "\n ")
            self.write(self.styled(f"[{shown}", "dim"))

    def result(self, text: str) -> None:
        """The result of a call, which ends what `call` began: ` → 444]`, and below it where it is long."""
        if self.terminal:
            shown = visible(text.rstrip("\n")).replace("\n", "\n ")
            between = "\n → " if "\n" in shown else " → "
            self.write(self.styled(f"{between}{shown}]", "dim") + " ")

    def prompt(self, text: str) -> str:
        """What stands before the place to type. Readline must know which bytes take no room."""
        if not self.color:
            return text
        return f"\x01{STYLES['you']}\x02{text}\x01{RESET}\x02"
