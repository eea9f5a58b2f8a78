"""Who may import whom, and what must import on bare Python. A breach names its line."""

from __future__ import annotations

import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from web import browser_python

ROOT = Path(__file__).resolve().parent.parent

# Each room of `nanochat` and the rooms it may use. A room that is not here may not exist.
ROOMS: dict[str, set[str]] = {
    "nanochat.errors": set(),
    "nanochat.files": set(),
    "nanochat.home": {"nanochat.errors"},
    "nanochat.tokenizer": set(),
    "nanochat.model": set(),
    "nanochat.toolbox": set(),
    "nanochat.data": {"nanochat.tokenizer"},
    "nanochat.inference": {"nanochat.model", "nanochat.tokenizer", "nanochat.toolbox"},
    "nanochat.evaluation": {
        "nanochat.data",
        "nanochat.inference",
        "nanochat.model",
        "nanochat.tokenizer",
        "nanochat.toolbox",
    },
    # Reinforcement learning writes with the engine and learns from grades.
    "nanochat.train": {
        "nanochat.data",
        "nanochat.evaluation",
        "nanochat.inference",
        "nanochat.model",
        "nanochat.tokenizer",
        "nanochat.toolbox",
    },
    "nanochat.serve": {"nanochat.inference", "nanochat.tokenizer", "nanochat.toolbox"},
}
# Every room may say what went wrong, write small files, and know where things lie on disk.
COMMON = {"nanochat.errors", "nanochat.files", "nanochat.home"}
# These stand above all rooms.
COMMAND = {"nanochat.cli", "nanochat.__main__", "nanochat.commands"}
# The folders of the site use everything, and nothing uses them.
SITE = {"web"}


# The one module of a tool that opens a real checkpoint, inside functions, when somebody asks for it.
DOOR = ".with_model"
# Numbers cross over to the browser's worker by the package that only a page has, imported when they do.
BRIDGE = ("tools.live.page", "pyodide")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "nanochat", "tools", "web", include_external_packages=True, exclude_type_checking_imports=True
    )


def edges(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    """Every import between two modules of this repository or from one of them to a package."""
    return [
        (importer, imported)
        for importer in sorted(graph.modules)
        if not graph.is_module_squashed(importer)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
    ]


def room_of(module: str) -> str:
    """`nanochat.model` for `nanochat.model.config`; the top name for everything else."""
    parts = module.split(".")
    if ".".join(parts[:2]) in COMMAND:
        return "command"
    return ".".join(parts[:2]) if parts[0] == "nanochat" and len(parts) > 1 else parts[0]


def lines(graph: grimp.ImportGraph, importer: str, imported: str) -> str:
    """Where an import stands, for the message of a failed test."""
    found = graph.get_import_details(importer=importer, imported=imported)
    return f"{importer} imports {imported}, line {', '.join(str(one['line_number']) for one in found)}"


def test_every_room_has_its_rule(graph):
    rooms = {room_of(module) for module in graph.modules if module.startswith("nanochat.")} - {"command"}
    assert rooms <= set(ROOMS), f"say in ROOMS what these may import: {sorted(rooms - set(ROOMS))}"


def test_rooms_import_only_what_they_may(graph):
    breaches = [
        lines(graph, importer, imported)
        for importer, imported in edges(graph)
        if room_of(importer) in ROOMS
        and (
            imported.split(".")[0] in {"tools", "web"}
            or room_of(imported) == "command"
            or (
                room_of(imported) in ROOMS
                and room_of(imported) not in ROOMS[room_of(importer)] | COMMON | {room_of(importer)}
            )
        )
    ]
    assert not breaches, breaches


def test_tools_import_the_standard_library_and_what_the_browser_has(graph):
    shipped = set(shipped_modules())
    breaches = [
        lines(graph, importer, imported)
        for importer, imported in edges(graph)
        if importer.split(".")[0] == "tools"
        and imported.split(".")[0] != "tools"
        and imported not in shipped
        and imported.split(".")[0] not in sys.stdlib_module_names
        and (importer, imported) != BRIDGE
        and not (importer.endswith(DOOR) and imported.split(".")[0] in {"nanochat", "torch", "pyarrow"})
    ]
    assert not breaches, breaches


def test_nothing_imports_the_site(graph):
    breaches = [
        lines(graph, importer, imported)
        for importer, imported in edges(graph)
        if imported.split(".")[0] in SITE and importer.split(".")[0] not in SITE
    ]
    assert not breaches, breaches


def test_no_circle(graph):
    ours = {module for module in graph.modules if not graph.is_module_squashed(module)}
    uses = {module: graph.find_modules_directly_imported_by(module) & ours for module in ours}
    try:
        tuple(graphlib.TopologicalSorter(uses).static_order())
    except graphlib.CycleError as error:
        pytest.fail(f"these modules import each other in a circle: {' -> '.join(error.args[1])}")


def shipped_modules() -> list[str]:
    """The modules that pages can import, by name."""
    names = [name for name in browser_python.shipped_files() if name.endswith(".py")]
    return [name.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for name in names]


def test_what_the_browser_gets_imports_with_the_standard_library_alone(tmp_path):
    for name, file in browser_python.shipped_files().items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    program = (
        "import importlib, sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"for name in {shipped_modules()!r}:\n"
        "    importlib.import_module(name)\n"
        "assert 'site' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_pure_part_of_every_room_is_shipped():
    """A pattern that no longer matches would ship nothing, and every import test would pass."""
    shipped = set(shipped_modules())
    assert {"nanochat", "nanochat.model", "nanochat.tokenizer", "tools", "tools.core", "run_cell"} <= shipped


def test_importing_every_tool_brings_nothing_heavy():
    program = (
        "import importlib, pkgutil, sys, tools\n"
        "for one in pkgutil.walk_packages(tools.__path__, 'tools.'):\n"
        "    importlib.import_module(one.name)\n"
        "print(sorted({'torch', 'numpy', 'pyarrow', 'tiktoken'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_importing_nanochat_brings_nothing_heavy():
    program = (
        "import nanochat, sys; print(sorted({'torch', 'numpy', 'tools', 'argparse'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
