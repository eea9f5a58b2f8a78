"""Files that ordinary Python packages carry, found without importing the package.

Nothing of such a package is run: where it is installed, its data files are read. Standard library only.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from nanochat.errors import UserError


def package_file(package: str, place: str, requirement: str, options: str = "") -> Path:
    """The path of a file of an installed package; UserError, with the command that installs it, if none is.

    >>> package_file("json", "decoder.py", "json==1").name
    'decoder.py'
    >>> package_file("jsom", "decoder.py", "jsom==1")
    Traceback (most recent call last):
    nanochat.errors.UserError: the package jsom is not installed; install it with: pip install jsom==1
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        name = requirement.partition("==")[0]
        raise UserError(
            f"the package {name} is not installed; install it with: pip install {options}{requirement}"
        )
    path = Path(next(iter(found.submodule_search_locations)), place)
    if not path.exists():
        raise UserError(
            f"{path}: missing; install it again with: pip install --force-reinstall {options}{requirement}"
        )
    return path
