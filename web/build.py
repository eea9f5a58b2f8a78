"""Build the site: `make site`, or `python -m web.build`.

MkDocs makes the pages; the steps before and after it are plain functions, not MkDocs hooks, so that the
pages can move to another generator. The site is built in `.cache/site/new` and put in the place of `site/`
only when every step has succeeded: a failed build leaves the last good site as it was.

    --draft      warnings (a dead link, a page that is missing) do not stop the build
    --only PAGE  build this page alone, as a draft: `--only guides/02` for a quick look while writing
    --force      build although nothing changed since the last time
    --verbose    show all that MkDocs says
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from web import assets, browser_python, contents, finish, notebook, reference, search_words, theme_mends

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "site_docs"
SITE = ROOT / "site"
CACHE = ROOT / ".cache" / "site"
NEW = CACHE / "new"
STAMP = CACHE / "built.stamp"

# What a change of must build the site again. `site_docs/reference` is made from the code, which is listed.
INPUTS = (
    "site_docs", "web", "nanochat", "tools", "benchmarks", "mkdocs.yml", "pyproject.toml", "constraints.txt"
)  # fmt: skip
NOT_INPUTS = {"node_modules", "__pycache__", "reference", "serve.py", "bench.py"}
SETTINGS = ("SITE_URL", "REPO_URL", "REPO_NAME", "EDIT_URI")
EDIT_URI = "edit/main/site_docs/"


class BuildError(Exception):
    """A step that failed; the message says where and why."""


def main(arguments: list[str] | None = None) -> int:
    """Build the site if anything it is made of has changed; say how long each step took."""
    parser = argparse.ArgumentParser(prog="python -m web.build", description="Build the site into site/.")
    parser.add_argument("--draft", action="store_true", help="warnings do not stop the build")
    parser.add_argument("--only", metavar="PAGE", help="build only pages whose path begins so, as a draft")
    parser.add_argument("--force", action="store_true", help="build although nothing changed")
    parser.add_argument("--verbose", action="store_true", help="show all that MkDocs says")
    options = parser.parse_args(arguments)
    os.environ.update(settings())
    if options.only:
        os.environ["EXCLUDE_DOCS"] = everything_but(options.only)
        options.draft = options.force = True
    digest = inputs_digest()
    if not options.force and SITE.is_dir() and STAMP.exists() and STAMP.read_text() == digest:
        print("site: nothing changed since the last build")
        return 0
    started = time.monotonic()
    try:
        build(strict=not options.draft, verbose=options.verbose)
    except (BuildError, assets.AssetError, finish.FinishError, theme_mends.ThemeError) as error:
        print(f"\nsite: the build failed, site/ is as it was\n{error}", file=sys.stderr)
        return 1
    # A draft is not remembered: the next real build must look at everything.
    STAMP.write_text("draft" if options.draft else digest)
    print(f"site: {pages_in(SITE)} pages in site/, built in {time.monotonic() - started:.1f} s")
    return 0


def build(strict: bool, verbose: bool) -> None:
    """All steps in order, then the swap."""
    from web import model_files  # brings torch, which a look whether anything has changed must not wait for

    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(NEW, ignore_errors=True)
    with step("reference pages"):
        reference.write_reference(PAGES / "reference")
    with step("pages, with every snippet executed"):
        mkdocs(strict, verbose)
    with step("scripts, fonts, styles, rank files"):
        assets.copy_all(NEW)
        assets.bundle_scripts(NEW)
    with step("the browser's Python"):
        browser_python.build(NEW)
    with step("the browser's model"):
        model_files.build(NEW)
    with step("notebooks and the list of exercises"):
        notebook.finish_notebooks(PAGES / "notebooks", NEW / "notebooks")
        finish.write_exercises(NEW)
    with step("formulas, diagrams, terms, names"):
        theme_mends.mend_theme(NEW)
        finish.prerender(NEW, PAGES, CACHE / "prerender.json")
        contents.fill(NEW)
        search_words.split_glossary(NEW)
        finish.quiet_terms(NEW)
        finish.drop_styles(NEW)
    with step("content security policy"):
        finish.secure(NEW)
    swap(NEW, SITE)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step's name, and its time when it is done."""
    print(f"site: {name} …", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - started:.1f} s", flush=True)


def mkdocs(strict: bool, verbose: bool) -> None:
    """Run MkDocs in its own process, so that a build never sees modules that an earlier one imported."""
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--site-dir",
        str(NEW),
        *(["--strict"] if strict else []),
    ]
    # Figures and cells must not differ from build to build because of the order of a set.
    environment = os.environ | {
        "PYTHONHASHSEED": "0",
        "NO_COLOR": "1",
        "MPLBACKEND": "agg",
        "NO_MKDOCS_2_WARNING": "1",
    }
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    (CACHE / "mkdocs.log").write_text(done.stdout, encoding="utf-8")
    if verbose:
        print(done.stdout)
    if done.returncode != 0:
        raise BuildError(explain(done.stdout))


def explain(log: str) -> str:
    """What a person needs of MkDocs' log: warnings, errors, the end of a traceback, the page and line.

    >>> explain(
    ...     "INFO - Building\\nWARNING - Doc file 'a.md' contains a link 'b.md', but the target is not found"
    ... )
    "WARNING - Doc file 'a.md' contains a link 'b.md', but the target is not found"
    """
    kept: list[str] = []
    in_report = False  # lines below a warning, such as the code and the traceback of a failed snippet
    for line in log.splitlines():
        if re.match(r"(INFO|DEBUG) ", line):
            in_report = False
        elif re.match(r"(WARNING|ERROR|CRITICAL) ", line):
            in_report = True
        if in_report or re.search(r"(Error|Exception): ", line):
            kept.append(line)
    text = "\n".join(kept or log.splitlines()[-20:])
    if place := place_of_failed_code(text):
        text += f"\n{place}: the snippet that failed begins here"
    return text


def place_of_failed_code(report: str) -> str | None:
    """Find the snippet that `markdown-exec` reports, which names its code but not its place."""
    found = re.search(r"Code block is:\s*\n\n(.*?)\n\n\s*Output is:", report, re.DOTALL)
    if not found:
        return None
    code = [line.strip() for line in found[1].splitlines() if line.strip()]
    for page in sorted(PAGES.rglob("*.md")):
        lines = [line.strip() for line in page.read_text(encoding="utf-8").splitlines()]
        numbers = [number for number, line in enumerate(lines, start=1) if line]
        texts = [line for line in lines if line]
        for start in range(len(texts) - len(code) + 1):
            if texts[start : start + len(code)] == code:
                return f"{page.relative_to(ROOT)}:{numbers[start]}"
    return None


def everything_but(page: str) -> str:
    """What `exclude_docs` says to leave one page, and the home page that the menu wants.

    >>> everything_but("guides/02")
    '*.md\\n*.py\\n/browser/\\n!/index.md\\n!/guides/02*'
    """
    return f"*.md\n*.py\n/browser/\n!/index.md\n!/{page.removeprefix('site_docs/')}*"


def settings() -> dict[str, str]:
    """What `mkdocs.yml` reads from the environment: as given there, else as the git remote says."""
    found = repository_settings() | {name: os.environ[name] for name in SETTINGS if name in os.environ}
    if found.get("REPO_URL"):
        found.setdefault("EDIT_URI", EDIT_URI)
    return found


def repository_settings() -> dict[str, str]:
    """Where the source can be read and edited, if the git remote is an address of the web.

    A clone from a folder has no such address, and then the pages show no edit links.
    """
    remote = subprocess.run(["git", "remote", "get-url", "origin"], cwd=ROOT, capture_output=True, text=True)
    address = re.sub(r"^git@([^:/]+):", r"https://\1/", remote.stdout.strip())
    address = re.sub(r"^(https?://)[^/@]*@", r"\1", address).removesuffix(".git")
    if not re.match(r"https?://[^/]+\.[^/]+/.", address):
        return {}
    return {
        "REPO_URL": address,
        "REPO_NAME": "/".join(address.split("/")[-2:]),
    }


def inputs() -> Iterator[Path]:
    """Every file the site is made of."""
    for top in INPUTS:
        path = ROOT / top
        if path.is_file():
            yield path
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(set(folders) - NOT_INPUTS)
            yield from (Path(folder, name) for name in sorted(files) if name not in NOT_INPUTS)


def inputs_digest() -> str:
    """A hash of everything the site is made of, and of the settings that change it."""
    total = hashlib.sha256(repr([os.environ.get(name) for name in SETTINGS]).encode())
    for file in inputs():
        total.update(repr(file.relative_to(ROOT).parts).encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def newest_input() -> tuple[int, int]:
    """When a source was last changed, and how many there are: cheap enough to ask every second."""
    times = [file.stat().st_mtime_ns for file in inputs() if file.exists()]
    return max(times, default=0), len(times)


def swap(new: Path, place: Path) -> None:
    """Put the new site in its place; a server that reads from there never sees half of one."""
    old = CACHE / "old"
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def pages_in(site: Path) -> int:
    """How many pages a built site has."""
    return sum(1 for _ in site.rglob("*.html"))


if __name__ == "__main__":
    sys.exit(main())
