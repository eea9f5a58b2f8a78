"""The chat page's files, read once. They are in `page/`, and served as they lie there.

The page is a handful of JavaScript modules written for today's browsers, their types in comments that the
TypeScript compiler checks (`make lint`). Nothing is bundled or compiled, so whoever installs the package has
the page, and whoever opens its source in the browser reads what is in the repository. Standard library only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("page")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """One file as it is sent."""

    content: bytes
    media_type: str
    etag: str  # a browser that has this version already need not fetch it again


def read_page() -> dict[str, PageFile]:
    """Every file of the page by its name; no other name is ever looked up on the disk.

    >>> read_page()["index.html"].media_type
    'text/html; charset=utf-8'
    """
    return {
        path.name: PageFile(data := path.read_bytes(), TYPES[path.suffix], etag_of(data))
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES
    }


def etag_of(data: bytes) -> str:
    """What names this version of a file.

    >>> etag_of(b"")
    '"e3b0c44298fc1c14"'
    """
    return f'"{hashlib.sha256(data).hexdigest()[:16]}"'
