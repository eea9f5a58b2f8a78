"""Example files: in the repository they lie in `tools/examples` and in the kept run of the site; a page
fetches them when a reader asks for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tools.core.errors import NeedFiles, ToolError
from tools.core.given import given_file

ROOT = Path(__file__).resolve().parent.parent.parent
PLACES = {"laptop/": ROOT / "site_docs" / "laptop", "": ROOT / "tools" / "examples"}
"""Where names that begin so lie. The kept run is a real one, from text to trained model on a laptop."""
ADDRESS = "assets/examples/"
"""Where the built site has them."""


def place_of(name: str) -> Path:
    """Where the repository has the example."""
    start = next(start for start in PLACES if name.startswith(start))
    return PLACES[start] / name.removeprefix(start)


def example_file(name: str) -> Path:
    """The example file with this name.

    >>> example_file("laptop/runs/speedrun-laptop/metrics.jsonl").name
    'metrics.jsonl'
    """
    return example_files([name])[0]


def example_files(names: Sequence[str]) -> list[Path]:
    """The example files with these names; a page fetches all that it lacks at once.

    Raises:
        NeedFiles: this is a page, and it has to fetch them.
        ToolError: this is a copy of the tools without their examples.
    """
    found = [given_file(ADDRESS + name) or place_of(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if not path.exists()]
    if missing:
        said = f"the example {missing[0]} is not here: examples are part of the repository"
        raise NeedFiles(said, [ADDRESS + name for name in missing])
    return found


def example_folder(name: str, files: Sequence[str]) -> Path:
    """A folder of examples that has at least these files.

    >>> folder = example_folder("laptop/runs/speedrun-laptop", ["config.json", "metrics.jsonl"])
    >>> folder.name, (folder / "config.json").is_file()
    ('speedrun-laptop', True)
    """
    if not files:
        raise ToolError(f"the example {name} has no files")
    first = example_files([f"{name}/{file}" for file in files])[0]
    return first.parents[len(Path(files[0]).parts) - 1]
