"""Imports follow the table in ARCHITECTURE.md; each heavy library has one home."""

from __future__ import annotations

import ast
import importlib
import re
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from livecam.core.registry import Registry

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "livecam"
MODULES = sorted(PACKAGE.rglob("*.py"))

# A library -> the folders or files that may import it.
HOMES = {
    "mediapipe": ("tracking/",),
    "ai_edge_litert": ("segmentation/networks.py",),
    "pyvirtualcam": ("sinks/virtual_camera.py",),
    "av": ("media/",),
    "PIL": ("media/stills.py",),
    "glfw": ("render/context.py", "sinks/preview.py"),
    "pyrr": ("render/matrices.py",),
    "moderngl": ("render/", "compose/", "sinks/preview.py"),
    "skimage": ("modelling/",),
    "scipy": ("modelling/",),
    "fast_simplification": ("modelling/",),
    "platformdirs": ("config/paths.py",),
    "fsspec": ("storage/remote.py",),
    "pythonosc": ("protocols/",),
    "sounddevice": ("audio/",),
    "typer": ("cli/",),
    "distributed": ("batch/cluster.py",),
    "dask": ("batch/cluster.py",),
    "rich": ("cli/",),
}
# The packages with a registry in base.py: those with several implementations.
REGISTRIES = {
    "sources": "SOURCES",
    "tracking": "TRACKERS",
    "filtering": "FILTERS",
    "sinks": "SINKS",
    "motion": "PERFORMERS",
}


def imports_of(module: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a module imports, also inside functions.

    Imports for the type checker alone count too: they are knowledge of the other module.
    """
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno} uses a relative import"
            assert node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def place_of(module: Path) -> str:
    """`core`, `cli`: the row of the table in ARCHITECTURE.md that a module belongs to."""
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def allowed_imports() -> dict[str, list[str]]:
    """For each folder or module, what it may import: the table in ARCHITECTURE.md."""
    text = (REPOSITORY / "ARCHITECTURE.md").read_text("utf-8")
    allowed: dict[str, list[str]] = {}
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \|[^|]+\| ([^|]+) \|$", text, re.MULTILINE)
    for place, said in rows:
        named = [] if said == "-" else said.split(", ")
        allowed[place] = list(allowed) if said == "all of the above" else named
    return allowed


def is_within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


def test_the_table_names_every_folder_of_the_package():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders <= set(allowed_imports())


@pytest.mark.parametrize("place", allowed_imports())
def test_imports_go_in_one_direction(place: str):
    allowed = ["livecam.__version__"]
    allowed += [f"livecam.{name}" for name in (place, *allowed_imports()[place])]
    wrong = [
        f"{module.relative_to(REPOSITORY)}:{line} imports {name}"
        for module in MODULES
        if place_of(module) == place
        for line, name in imports_of(module)
        if is_within(name, "livecam") and not any(is_within(name, each) for each in allowed)
    ]
    assert not wrong


def test_there_are_no_circular_imports():
    """Modules that know each other in a circle cannot be understood one after the other."""
    names = {name_of(module): module for module in MODULES}
    imports = {
        name: {
            known
            for _, imported in imports_of(module)
            if (known := nearest_module(imported, names)) is not None and known != name
        }
        for name, module in names.items()
    }
    while free := [name for name, known in imports.items() if not known & imports.keys()]:
        for name in free:
            del imports[name]
    assert not {name: sorted(known & imports.keys()) for name, known in imports.items()}


def name_of(module: Path) -> str:
    parts = module.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def nearest_module(imported: str, names: dict[str, Path]) -> str | None:
    """The module that an import such as `livecam.core.frame.Frame` names."""
    return next((n for n in (imported, imported.rpartition(".")[0]) if n in names), None)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_has_at_most_500_lines(module: Path):
    assert module.read_text("utf-8").count("\n") <= 500


def test_half_of_all_functions_have_at_most_10_lines():
    lengths = [
        node.end_lineno - node.lineno + 1
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert statistics.median(lengths) <= 10


def test_only_the_bench_and_doctor_commands_import_measurements():
    importers = {
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if place_of(module) != "measure"
        for _, name in imports_of(module)
        if is_within(name, "livecam.measure")
    }
    assert importers <= {"doctor.py", "cli/commands/bench.py"}


def test_the_core_needs_only_numpy_and_the_standard_library():
    names = {
        name.partition(".")[0]
        for module in MODULES
        if place_of(module) == "core"
        for _, name in imports_of(module)
    }
    assert names - sys.stdlib_module_names <= {"numpy", "livecam"}


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_has_one_home(library: str):
    importers = [
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if any(is_within(name, library) for _, name in imports_of(module))
    ]
    assert importers, "nobody imports it: its row here can go"
    assert not [path for path in importers if not path.startswith(HOMES[library])]


@pytest.mark.parametrize("package", REGISTRIES)
def test_every_row_of_a_registry_can_be_imported(package: str):
    base = importlib.import_module(f"livecam.{package}.base")
    registry = getattr(base, REGISTRIES[package])
    assert isinstance(registry, Registry)
    assert list(registry)
    for name in registry:
        assert callable(registry.get(name)), name


def test_a_public_class_name_exists_once():
    homes: dict[str, list[str]] = {}
    for module in MODULES:
        for node in ast.parse(module.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module.relative_to(PACKAGE).as_posix())
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}
