"""Keep of a checkpoint what a page can show: its small files, and the header of each safetensors file alone.

    python -m web.checkpoint_example BASE/runs/d4/checkpoints/step_000200 tools/examples/checkpoints/d4

The header says which tensors there are, of which shape; the numbers, megabytes of them, are left out. The
name of such a file ends in `.header`, so that nobody takes it for a whole one.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

LENGTH_BYTES = 8


def keep_headers(checkpoint: Path, into: Path) -> None:
    """Write the small files of a checkpoint into a folder."""
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(checkpoint.iterdir()):
        if path.suffix == ".json":
            shutil.copyfile(path, into / path.name)
        elif path.suffix == ".safetensors":
            with path.open("rb") as file:
                start = file.read(LENGTH_BYTES)
                header = start + file.read(int.from_bytes(start, "little"))
            (into / f"{path.name}.header").write_bytes(header)


if __name__ == "__main__":
    keep_headers(Path(sys.argv[1]), Path(sys.argv[2]))
