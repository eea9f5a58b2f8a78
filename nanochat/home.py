"""Where things lie on disk: corpora, tokenizers and runs, all under one folder.

`$NANOCHAT_BASE_DIR` chooses it; without, it is `nanochat` in the platform's cache folder, the same place
that the package platformdirs names (a test compares them). The code is standard library only because pages
use it too.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from nanochat.errors import UserError


def base_folder() -> Path:
    """$NANOCHAT_BASE_DIR, else `nanochat` in the platform's cache folder."""
    if chosen := os.environ.get("NANOCHAT_BASE_DIR"):
        return Path(chosen)
    home = Path(os.path.expanduser("~"))  # Path.home() raises where a user has no home; this stays "~"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "nanochat"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "nanochat" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "nanochat"


def corpora_folder() -> Path:
    """Corpora on disk, a folder each."""
    return base_folder() / "corpora"


def tokenizer_folder(name: str = "default") -> Path:
    """One trained tokenizer."""
    return base_folder() / "tokenizer" / checked_name(name)


def run_folder(name: str) -> Path:
    """One run: its config, its metrics, its checkpoints, its report."""
    return base_folder() / "runs" / checked_name(name)


def checked_name(name: str) -> str:
    """`name`, if it can be a folder's name everywhere: letters, digits, dot, dash and underscore.

    >>> checked_name("d4-classics")
    'd4-classics'
    >>> checked_name("../d4")
    Traceback (most recent call last):
    nanochat.errors.UserError: the name '../d4' cannot be a folder's; use letters, digits, '.', '-' and '_'
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name):
        raise UserError(f"the name {name!r} cannot be a folder's; use letters, digits, '.', '-' and '_'")
    return name
