"""Bundle the TypeScript of the pages, and list the site's exercises for them.

    python -m web.live_scripts site      put both into site/assets/live/

`live.js` is what every page loads; it imports the rest when a page needs it. The other entry is the worker in which
Python runs. The list is what the home page needs to show a reader's progress: which page has which exercises.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
import sys
from pathlib import Path

from web.node import node

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "web" / "src"
ESBUILD = ROOT / "web" / "node_modules" / "esbuild" / "bin" / "esbuild"
ENTRIES = ("live.ts", "python_worker.ts")

EXERCISE = re.compile(r'<div class="live-cell exercise"[^>]*? data-exercise="([^"]*)" data-title="([^"]*)"')
HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)


class BundleError(Exception):
    """esbuild's own message, which names file and line."""


def build(site: Path) -> Path:
    """Fill `assets/live` of a site whose pages are built, and return that folder."""
    folder = site / "assets" / "live"
    bundle(folder)
    (folder / "exercises.json").write_text(json.dumps(exercises(site), ensure_ascii=False), encoding="utf-8")
    return folder


def bundle(folder: Path) -> None:
    """Bundle, minify and split the scripts into `folder`."""
    arguments = [
        *(str(SOURCES / name) for name in ENTRIES),
        f"--outdir={folder}",
        *("--bundle", "--splitting", "--format=esm", "--minify", "--target=es2022"),
        *("--log-level=warning", "--legal-comments=linked", "--chunk-names=[name]-[hash]"),
        # The worker's file keeps its name, so its address carries what it was made from.
        f'--define:BUILD="{sources_digest()}"',
    ]
    done = subprocess.run([node(), ESBUILD, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise BundleError(done.stderr.strip())


def sources_digest() -> str:
    """A short hash of all TypeScript.

    >>> len(sources_digest())
    12
    """
    total = hashlib.sha256()
    for path in sorted(SOURCES.glob("*.ts")):
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


def exercises(site: Path) -> list[dict[str, object]]:
    """Every page of a built site that has exercises, with their names and titles, in the order of the addresses."""
    found = []
    for file in sorted(site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        listed = [{"id": html.unescape(name), "title": html.unescape(title)} for name, title in EXERCISE.findall(text)]
        if listed:
            page = file.relative_to(site).as_posix().removesuffix("index.html")
            found.append({"page": page, "title": page_title(text) or page, "exercises": listed})
    return found


def page_title(text: str) -> str:
    """The words of a page's first heading.

    >>> page_title('<h1 id="a">Bytes &amp; <code>tokens</code><a class="headerlink" href="#a">¶</a></h1>')
    'Bytes & tokens'
    """
    heading = HEADING.search(text)
    if not heading:
        return ""
    without_link = re.sub(r'<a class="headerlink".*?</a>', "", heading[1], flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", without_link)).strip()


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
