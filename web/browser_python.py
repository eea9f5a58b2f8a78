"""The Python that pages run: Pyodide, this project's pure modules as one wheel, and a memory to start from.

    python -m web.browser_python site      put everything into site/assets/pyodide/

Four things go there:

- Pyodide's own core files (interpreter and standard library), as npm delivers them;
- one wheel with every module that needs the standard library alone, and what those modules read;
- `pyodide-lock.json`, which names that wheel with its SHA-256 and nothing else, so no page can ask for a
  package that another server has;
- the *start memory*: what the interpreter's memory holds after it has started and imported those modules. A
  browser that loads it is ready in a fraction of a second; one that cannot starts the long way (see
  `src/python_worker.ts`).

The wheel holds sources only. Compiled files would help a start that imports; this one finds all imported.

Everything is made from the sources alone, so a second build with the same sources takes it from `.cache/`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools.figures import laptop_run
from web.node import node

ROOT = Path(__file__).resolve().parent.parent
PYODIDE = ROOT / "web" / "node_modules" / "pyodide"
CACHE = ROOT / ".cache" / "browser_python"
SNAPSHOT_SCRIPT = ROOT / "web" / "src" / "start_memory.mjs"
CORE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")

# What the browser gets: the pure part of each room, and the tools; patterns relative to the repository. Every
# module here must import with the standard library alone; a test holds that with `python -I -S`.
PURE_PARTS = {
    "nanochat": ("__init__", "errors", "files", "home"),
    "nanochat/tokenizer": ("__init__", "bpe", "chat", "ranks", "split", "tokenizer", "unicode_table"),
    "nanochat/model": (
        "__init__", "config", "counting", "hardware", "huggingface", "memory", "planning", "presets", "shape",
        "tensors",
    ),
    "nanochat/data": ("__init__", "clean", "packing"),
    "nanochat/data/tasks": (
        "__init__", "arithmetic", "calls", "catalogue", "choice", "conversations", "grading", "identity",
        "mixture", "numbered", "task",
    ),
    "nanochat/train": (
        "__init__", "checkpoint_meta", "depth_dial", "fitting", "flags", "guard", "rate_groups", "rl_plan",
        "rl_settings", "run_files", "run_plan", "schedule", "settings", "sft_plan", "sft_settings", "start",
    ),
    "nanochat/inference": ("__init__", "position", "request", "sampling", "trace", "writing"),
    "nanochat/toolbox": ("__init__", "calculator", "tool_use", "tools"),
    "nanochat/evaluation": ("__init__", "core_prompts", "results", "statistics"),
    "nanochat/serve": ("__init__", "conversation"),
}  # fmt: skip
SHIPPED = (
    *(f"{room}/{module}.py" for room, modules in PURE_PARTS.items() for module in modules),
    "nanochat/tokenizer/sample.*",
    "tools/**/*",
)
NOT_SHIPPED = "tools/examples/"  # pages fetch those when asked
# A file of the wheel that is made here: what the training curves show of the saved run, 20 KB of 160.
LAPTOP_RUN = f"tools/figures/{laptop_run.FILE_NAME}"
SUFFIXES = (".py", ".txt", ".json", ".css", ".tiktoken")

PACKAGE, VERSION = "nanochat-pages", "0.1.0"
FILE_NAME = PACKAGE.replace("-", "_")
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: equal sources give equal bytes


def build(site_dir: Path) -> Path:
    """Fill `site_dir/assets/pyodide`, and return that folder. What has not changed comes from the cache."""
    files = shipped_files()
    key = _digest(files)
    made = CACHE / key
    if not made.exists():
        _make(made, files)
        _forget_older(made)
    target = site_dir / "assets" / "pyodide"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in [*(PYODIDE / name for name in CORE_FILES), *made.iterdir()]:
        shutil.copy(file, target / file.name)
    return target


def shipped_files() -> dict[str, Path]:
    """The files of the wheel, by their name in it.

    >>> sorted(shipped_files())[0]
    'nanochat/__init__.py'
    >>> "run_cell.py" in shipped_files()
    True
    """
    found = {path.relative_to(ROOT).as_posix(): path for pattern in SHIPPED for path in ROOT.glob(pattern)}
    wanted = {
        name: path
        for name, path in found.items()
        if path.suffix in SUFFIXES and "__pycache__" not in name and not name.startswith(NOT_SHIPPED)
    }
    # The cells' runner is a module of its own there: the worker imports nothing of the site's builder.
    made = {"run_cell.py": ROOT / "web" / "run_cell.py", LAPTOP_RUN: _laptop_run()}
    return dict(sorted({**wanted, **made}.items()))


def _laptop_run() -> Path:
    """Write what the training curves show, and say where it lies."""
    path = CACHE.with_name(laptop_run.FILE_NAME)
    text = json.dumps(laptop_run.read_run(), separators=(",", ":"))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def shipped_modules() -> list[str]:
    """The names under which Python imports the shipped files, without `__main__`, which would run.

    >>> "nanochat.model" in shipped_modules()
    True
    """
    return list(_modules(list(shipped_files())))


def _modules(names: list[str]) -> Iterator[str]:
    for name in names:
        if name.endswith(".py") and not name.endswith("__main__.py"):
            yield name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def make_wheel(folder: Path, files: dict[str, Path]) -> Path:
    """Write the wheel of `files` into `folder`; equal contents give equal bytes and an equal name.

    The name carries a hash as the wheel's build tag: a browser that kept an older one cannot mix them up.
    """
    contents = {name: path.read_bytes() for name, path in files.items()}
    tag = "0" + _hash(b"".join(name.encode() + b"\0" + data for name, data in contents.items()))
    info = f"{FILE_NAME}-{VERSION}.dist-info"
    contents[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n".encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")
    wheel = folder / f"{FILE_NAME}-{VERSION}-{tag}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED, 9)
    return wheel


def _record(contents: dict[str, bytes], own_name: str) -> bytes:
    """The wheel's list of its files with their hashes, as PEP 376 asks for."""
    lines = []
    for name, data in contents.items():
        checksum = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={checksum},{len(data)}")
    return "\n".join([*lines, f"{own_name},,", ""]).encode()


def make_lock(folder: Path, wheel: Path, modules: list[str]) -> Path:
    """Write `pyodide-lock.json`: Pyodide's own facts about itself, and the one package it can load here.

    Written out here, because the package `pyodide-lock` that runs on Python 3.11 does not know this
    Pyodide's form.
    """
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    package = {
        "name": PACKAGE,
        "version": VERSION,
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": modules,
        "depends": [],
        "unvendored_tests": False,
    }
    path = folder / "pyodide-lock.json"
    path.write_text(
        json.dumps({**lock, "packages": {PACKAGE: package}}, indent=1, sort_keys=True), encoding="utf-8"
    )
    return path


def make_start_memory(folder: Path, wheel: Path, lock: Path, modules: list[str]) -> Path:
    """Start Pyodide in Node, import `modules`, and keep its memory, compressed.

    The file is not named `.gz`: a server that sees that name may say "this is compressed" and the browser
    would then unpack it once more than it should.
    """
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "memory"
        paths = (SNAPSHOT_SCRIPT, PYODIDE / "pyodide.mjs", wheel, lock, raw)
        command = [node(), *map(str, paths), json.dumps(modules)]
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode != 0:
            raise RuntimeError(
                f"the browser's Python could not be started at build:\n{finished.stderr}{finished.stdout}"
            )
        packed = gzip.compress(raw.read_bytes(), 9, mtime=0)
    memory = folder / f"memory-{_hash(packed)}.bin"
    memory.write_bytes(packed)
    return memory


def _make(made: Path, files: dict[str, Path]) -> None:
    """Make wheel, lock, start memory and the list of sizes; the folder appears only when all is there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        folder = Path(scratch) / "made"
        folder.mkdir()
        modules = list(_modules(list(files)))
        wheel = make_wheel(folder, files)
        lock = make_lock(folder, wheel, modules)
        memory = make_start_memory(folder, wheel, lock, modules)
        paths = [memory, *(PYODIDE / name for name in CORE_FILES if not name.endswith(".mjs"))]
        start = {
            "version": json.loads((PYODIDE / "package.json").read_text(encoding="utf-8"))["version"],
            "memory": memory.name,
            "package": PACKAGE,
            "bytes": {path.name: path.stat().st_size for path in paths},
        }
        (folder / "start.json").write_text(json.dumps(start, indent=1), encoding="utf-8")
        folder.rename(made)


def _digest(files: dict[str, Path]) -> str:
    """A hash of everything the result is made from."""
    scripts = [SNAPSHOT_SCRIPT, SNAPSHOT_SCRIPT.with_name("unpack_wheel.ts")]
    sources = [Path(__file__), *scripts, PYODIDE / "package.json", *files.values()]
    return _hash(
        b"".join(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() for path in sources)
    )


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _forget_older(newest: Path) -> None:
    """Keep the cache from growing by seven megabytes with every change of a module."""
    for folder in CACHE.iterdir():
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    print(build(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
