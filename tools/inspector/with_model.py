"""What needs packages: parquet files, and counting tokens faster. Nothing here is asked for by a page.

Both are used if they are there. Without pyarrow a parquet file cannot be read, and one line says so; without
tiktoken the standard library counts the same tokens, in some times the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nanochat.tokenizer.tokenizer import Tokenizer
from tools.core.errors import ToolError

ROWS = 1_024  # of a parquet file, in memory at a time


def fast_count(tokenizer: Tokenizer) -> Callable[[str], int] | None:
    """A function that counts the tokens of a text with tiktoken; None if it is not installed.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> count = fast_count(sample_tokenizer())
    >>> count is None or count("Call me Ishmael.") == 5
    True
    """
    try:
        from nanochat.tokenizer.fast import FastTokenizer
    except ImportError:
        return None
    fast = FastTokenizer.of(tokenizer)
    return lambda text: len(fast.encode_array(text))


def parquet_columns(path: Path) -> list[str]:
    """The names of a parquet file's columns."""
    return [str(name) for name in _open(path).schema_arrow.names]


def parquet_rows(path: Path, column: str) -> Iterator[tuple[int, int, Any]]:
    """The values of a column with their row's number, from 1, and how much of the file is done, in bytes."""
    file = _open(path)
    size, rows = path.stat().st_size, max(1, file.metadata.num_rows)
    number = 0
    try:
        for batch in file.iter_batches(ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                number += 1
                yield number, size * number // rows, value
    except Exception as error:  # pyarrow has many kinds; all of them say that the file is damaged
        raise _damaged(path, error) from None


def _open(path: Path) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise ToolError(
            f"{path} is a parquet file, and reading it needs pyarrow: pip install pyarrow",
            "files",
        ) from None
    try:
        return pq.ParquetFile(path)
    except Exception as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> ToolError:
    why = " ".join(str(error).split())[:150]
    return ToolError(f"{path} is not a readable parquet file ({why})", "files")
