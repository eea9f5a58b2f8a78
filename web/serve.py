"""Serve the built site on this machine: `make serve`, or `python -m web.serve --port 8000`.

Only on 127.0.0.1: nothing else on the network can reach it. Files are compressed as a web host would do it,
so that what a browser's network view shows is what a reader on the internet would load.

    --build     build first, and again whenever a source file changes
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import io
import mimetypes
import re
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from web import build

HOST = "127.0.0.1"
SECONDS_BETWEEN_LOOKS = 1.0
TYPES = {
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".mjs": "text/javascript; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".ipynb": "application/x-ipynb+json",
    ".md": "text/markdown; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".tiktoken": "text/plain; charset=utf-8",
    ".xml": "text/xml; charset=utf-8",
}
# Of a model in 8 bits gzip takes a twelfth away, and no web host does it.
ALREADY_SMALL = {".woff2", ".png", ".bin", ".zip", ".whl", ".onnx"}


class SiteHandler(http.server.SimpleHTTPRequestHandler):
    """Files of the site, with the right types, compressed, and the site's own page for what is not there."""

    protocol_version = "HTTP/1.1"
    prefix = "/"

    def __init__(self, *arguments: Any, prefix: str = "/", **settings: Any) -> None:
        self.prefix = prefix
        super().__init__(*arguments, **settings)

    def send_head(self) -> io.BytesIO | None:
        """Answer with a file, a redirection to a folder's address, or the 404 page."""
        address = urlsplit(self.path)
        if not address.path.startswith(self.prefix):
            return self.send_bytes(HTTPStatus.NOT_FOUND, Path(self.directory) / "404.html")
        self.path = "/" + address.path.removeprefix(self.prefix)
        path = Path(self.translate_path(self.path))
        if path.is_dir() and not address.path.endswith("/"):
            self.send_response(HTTPStatus.MOVED_PERMANENTLY)
            self.send_header("Location", address.path + "/" + (f"?{address.query}" if address.query else ""))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            return self.send_bytes(HTTPStatus.NOT_FOUND, Path(self.directory) / "404.html")
        return self.send_bytes(HTTPStatus.OK, path)

    def send_bytes(self, status: HTTPStatus, path: Path) -> io.BytesIO | None:
        """Send the headers of a file and return its content, compressed where that helps."""
        try:
            stat = path.stat()
            content = path.read_bytes()
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND, "There is no built site; run make site")
            return None
        tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        if status is HTTPStatus.OK and self.headers.get("If-None-Match") == tag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.send_header("ETag", tag)
            self.end_headers()
            return None
        packed = "gzip" in self.headers.get("Accept-Encoding", "") and path.suffix not in ALREADY_SMALL
        if path.name == "sitemap.xml":
            content = own_addresses(content, f"http://{self.headers.get('Host', HOST)}{self.prefix}")
            content = gzip.compress(content, compresslevel=6) if packed else content
        elif packed:
            content = compressed(path, stat.st_mtime_ns)
        self.send_response(status)
        self.send_header(
            "Content-Type",
            TYPES.get(path.suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream",
        )
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("ETag", tag)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        return io.BytesIO(content)

    def end_headers(self) -> None:
        """Headers of every answer. Cross-origin isolation lets a page interrupt its Python."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing about ordinary requests."""


def own_addresses(sitemap: bytes, home: str) -> bytes:
    """The sitemap with this server's address in the place of the one that the site was built for.

    Instant navigation follows only the links that the sitemap lists, so without this it would work on one
    port alone.

    >>> own_addresses(b"<loc>https://a.org/</loc><loc>https://a.org/b/</loc>", "http://127.0.0.1:8001/")
    b'<loc>http://127.0.0.1:8001/</loc><loc>http://127.0.0.1:8001/b/</loc>'
    """
    built_for = min(re.findall(rb"<loc>(.*?)</loc>", sitemap), key=len, default=b"")
    return sitemap.replace(b"<loc>" + built_for, b"<loc>" + home.encode())


@functools.lru_cache(maxsize=256)
def compressed(path: Path, changed: int) -> bytes:
    """A file's content in gzip; kept until the file changes."""
    return gzip.compress(path.read_bytes(), compresslevel=6)


def start(site: Path, port: int, prefix: str = "/") -> http.server.ThreadingHTTPServer:
    """Open the port and return a server for a built site; port 0 takes a free one. The tests use it, too."""
    handler = functools.partial(SiteHandler, directory=str(site), prefix=prefix)
    return http.server.ThreadingHTTPServer((HOST, port), handler)


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m web.serve", description="Serve the built site on this machine."
    )
    parser.add_argument(
        "--port", type=port_number, default=8000, help="the port to listen on (default: 8000)"
    )
    parser.add_argument("--build", action="store_true", help="build first, and again when a source changes")
    options = parser.parse_args(arguments)
    try:
        server = start(build.SITE, options.port)
    except OSError as error:
        print(
            f"serve: port {options.port} on {HOST} cannot be opened ({error.strerror}); "
            f"try another one: make serve PORT={options.port + 1}",
            file=sys.stderr,
        )
        return 1
    if options.build and build.main([]) != 0:
        return 1
    print(f"serve: http://{HOST}:{options.port}/ (Ctrl-C stops it)", flush=True)
    if options.build:
        threading.Thread(target=watch, args=(lambda: build.main([]),), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


def watch(rebuild: Callable[[], int]) -> None:
    """Build again whenever a source has changed; pages show it at the next reload."""
    seen = build.newest_input()
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        now = build.newest_input()
        if now != seen:
            seen = now
            rebuild()


def port_number(text: str) -> int:
    """A port from the command line."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
