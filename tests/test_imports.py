"""The direction of imports: one way, no way back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import wavenet_ae

PACKAGE = "wavenet_ae"

BASE = {
    *("alignment", "errors", "file_names", "geometry", "randomness", "schema", "stream_names"),
    "types",
}
FILES = {"model_paths", "reading", "runs", "storage", "stored"}
PART = BASE | {"audio", "distributed", "nn"}
MODEL = PART | {
    *("encoders", "bottlenecks", "targets", "decoders", "engines", "instantiate", "models"),
}
CHECKPOINT = {"checkpoint", "checkpoint_model", "model_folder"}
LOADED = MODEL | FILES | CHECKPOINT | {"loading", "objectives", "slots"}
COMMAND = {"data", "ownership", "progress", "provenance", "signals", "threads"}

# What each folder or file of the package may import of ours, beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    "cli": LOADED
    | COMMAND
    | {
        "comparison",
        "composition",
        "config",
        "dashboards",
        "evaluation",
        "exits",
        "generation",
        "metrics",
        "paths",
        "plotting",
    }
    | {"recipes", "resume", "search", "training"},
    "__main__": {"cli"},
    "__init__": {"loading", "sharing"},  # nothing of ours imports the package by itself
    "errors": set(),
    "file_names": set(),
    "geometry": set(),
    "alignment": {"geometry"},
    "types": set(),
    "stream_names": set(),
    "randomness": set(),
    "distributed": set(),
    "provenance": set(),
    "progress": {"signals", "threads"},
    "signals": set(),
    "runs": set(),
    "hub": {"errors"},
    "model_paths": {"errors", "hub", "runs"},
    "paths": {"model_paths"},
    "ownership": {"errors", "reading", "runs", "schema", "storage", "stored"},
    "caches": {"errors", "storage"},
    "reading": {"errors", "schema"},
    "storage": {"errors", "file_names"},
    "stored": {"errors", "reading", "schema"},
    "threads": set(),
    "instantiate": {"errors", "schema"},
    "schema": {"errors"},
    "slots": {"errors", "instantiate", "models", "schema"},
    "tensors": set(),
    "checkpoint": FILES | {"errors", "tensors"},
    "checkpoint_model": {"checkpoint", "errors", "reading"},
    "model_folder": FILES | {"checkpoint", "checkpoint_model", "errors", "tensors"},
    "exits": FILES | {"errors", "threads"},
    "audio": BASE | {"reading", "storage"},
    "nn": BASE | {"distributed"},
    "data": BASE | {"audio", "ownership", "progress", "reading", "storage"},
    "labels": {"errors", "reading"},
    "dashboards": FILES | {"errors", "schema"},
    "plotting": {"dashboards", "metrics", "objectives", "storage"},
    "encoders": PART | CHECKPOINT,
    "bottlenecks": PART,
    "targets": PART,
    "decoders": PART,
    "objectives": PART | {"bottlenecks", "instantiate", "reading", "storage"},
    "engines": PART | {"caches", "decoders", "storage"},
    "models": MODEL,
    "loading": MODEL | CHECKPOINT | {"model_paths", "reading", "slots", "tensors"},
    "metrics": LOADED | {"data", "labels"},
    "generation": LOADED | COMMAND,
    "evaluation": LOADED | COMMAND | {"dashboards", "labels", "metrics", "plotting"},
    "sharing": LOADED | {"evaluation", "hub"},
    "training": LOADED | COMMAND | {"caches", "dashboards", "metrics", "plotting", "resume"},
    "composition": {"config", "errors", "instantiate", "schema", "slots"},
    "resume": {"config", "errors", "instantiate", "paths", "reading", "runs", "slots", "stored"},
    "config": {"errors", "objectives", "schema", "slots", "storage"},
    "recipes": {
        *("composition", "config", "data", "distributed", "errors", "instantiate", "models"),
        "ownership",
        *("paths", "reading", "resume", "runs", "schema", "storage", "stored", "training"),
    },
    "search": {
        *("composition", "config", "errors", "exits", "objectives", "ownership", "randomness"),
        "reading",
        *("recipes", "resume", "runs", "schema", "storage", "training"),
    },
    "comparison": {
        *("config", "dashboards", "errors", "evaluation", "exits", "metrics"),
        *("objectives", "plotting", "reading", "resume", "runs", "schema", "storage", "stored"),
    },
}

# Libraries that only these places may import; a path ends in "/" where all of a folder may.
CONFINED: dict[str, tuple[str, ...]] = {
    "pytorch_lightning": ("training/", "data/module.py"),
    "lightning": ("training/", "data/module.py"),
    "lightning_fabric": ("training/", "data/module.py"),
    "lightning_utilities": ("training/", "data/module.py"),
    "hydra": ("cli/", "composition.py", "config.py", "recipes/", "search/", "comparison/"),
    "omegaconf": (
        "cli/",
        "composition.py",
        "config.py",
        "resume.py",
        "recipes/",
        "search/",
        "comparison/",
    ),
    "optuna": ("search/",),
}

# Arithmetic that is read, and tested, without torch.
WITHOUT_TORCH = {
    "alignment.py",
    "schema.py",
    "errors.py",
    "file_names.py",
    "geometry.py",
    "hub.py",
    "model_paths.py",
    "randomness.py",
    "reading.py",
    "runs.py",
    "storage.py",
    "stream_names.py",
    "types.py",
    "data/order.py",
}


def violations(root: Path) -> list[str]:
    """What the Python files under `root`, the package's folder, import against the rules."""
    found = []
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for problem in (*wrong_direction(place, tree), *wrong_library(place, tree)):
            found.append(f"{place}: {problem}")
    return found


def wrong_direction(place: str, tree: ast.AST) -> Iterator[str]:
    own = place.split("/")[0].removesuffix(".py")
    if own not in MAY_IMPORT:
        yield f"{own!r} has no row in the table of who may import whom"
        return
    for name in imported(place, tree):
        package, *inner = name.split(".")
        if package != PACKAGE or not inner:
            continue
        if inner[0] != own and inner[0] not in MAY_IMPORT[own]:
            yield f"{own} may not import {name}"


def wrong_library(place: str, tree: ast.AST) -> Iterator[str]:
    for name in imported(place, tree):
        library = name.split(".")[0]
        if library in CONFINED and not place.startswith(CONFINED[library]):
            yield f"imports {library}, which belongs to {' and '.join(CONFINED[library])}"
        if name == "torchaudio.load":
            yield "imports torchaudio.load: soundfile reads recordings"
    if place in WITHOUT_TORCH and "torch" in imported_at_run_time(place, tree):
        yield "imports torch"
    for line in uses_of_torchaudio_load(tree):
        yield f"line {line} uses torchaudio.load: soundfile reads recordings"


def uses_of_torchaudio_load(tree: ast.AST) -> Iterator[int]:
    """Lines with `torchaudio.load`, under whatever name the file imports torchaudio."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "torchaudio"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr="load") if name in names:
                yield node.lineno


def imported(place: str, tree: ast.AST) -> Iterator[str]:
    """Full names of all that is imported anywhere in a file, in functions and for types too."""
    folder = [PACKAGE, *place.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from . import x` starts at the file's own folder, every further dot one above it.
            base = folder[: len(folder) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_at_run_time(place: str, tree: ast.AST) -> set[str]:
    """Libraries that a file imports, those under `if TYPE_CHECKING:` left out."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    statements = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in typing_only
    ]
    return {
        name.split(".")[0] for name in imported(place, ast.Module(body=statements, type_ignores=[]))
    }


def test_imports_go_one_way():
    assert violations(Path(wavenet_ae.__file__).parent) == []


def test_the_table_has_no_way_back():
    """Following what may be imported never leads back to where it began."""
    for start in MAY_IMPORT:
        seen, todo = set(), [*(MAY_IMPORT[start] - {start})]
        while todo:
            here = todo.pop()
            assert here != start, f"{start} can reach itself"
            if here not in seen:
                seen.add(here)
                todo.extend(MAY_IMPORT[here] - {here})


def modules_imported(root: Path) -> dict[str, set[str]]:
    """Returns the modules that each module of the package imports, for types too."""
    places = {path.relative_to(root).as_posix(): path for path in root.rglob("*.py")}
    names = {
        ".".join([PACKAGE, *place.removesuffix(".py").removesuffix("/__init__").split("/")]): place
        for place in places
        if place != "__init__.py"
    }
    found: dict[str, set[str]] = {}
    for module, place in names.items():
        tree = ast.parse(places[place].read_text(encoding="utf-8"))
        full = {
            each if each in names else each.rpartition(".")[0] for each in imported(place, tree)
        }
        found[module] = (full & names.keys()) - {module}
    return found


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in turn; empty where there are none."""
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for each in sorted(imports[module]):
            if found := walk(each, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(imports) if (found := walk(module, []))), [])


def test_no_modules_import_each_other():
    assert circle(modules_imported(Path(wavenet_ae.__file__).parent)) == []


def test_a_planted_circle_is_found(tmp_path):
    plant(tmp_path, "models/a.py", "from wavenet_ae.models import b")
    plant(tmp_path, "models/b.py", "import typing as t\nif t.TYPE_CHECKING:\n from .a import c")
    assert circle(modules_imported(tmp_path)) == ["wavenet_ae.models.a", "wavenet_ae.models.b"]


@pytest.mark.parametrize(
    ("place", "source", "problem"),
    [
        ("geometry.py", "from wavenet_ae.types import Batch", "geometry may not import"),
        ("types.py", "import wavenet_ae.nn", "types may not import wavenet_ae.nn"),
        ("encoders/a.py", "from wavenet_ae.decoders.b import c", "encoders may not import"),
        ("encoders/a.py", "from wavenet_ae import decoders", "wavenet_ae.decoders"),
        ("encoders/a.py", "from ..decoders import c", "wavenet_ae.decoders.c"),
        ("encoders/a.py", "from .. import decoders", "wavenet_ae.decoders"),
        ("encoders/deep/a.py", "from ...models import c", "wavenet_ae.models.c"),
        ("nn/a.py", "def f():\n    import wavenet_ae.audio.features", "nn may not import"),
        ("data/a.py", "import typing as t\nif t.TYPE_CHECKING:\n import wavenet_ae.nn", "data may"),
        ("models/a.py", "from wavenet_ae.training.module import X", "models may not import"),
        ("helpers.py", "", "'helpers' has no row"),
        ("models/a.py", "import pytorch_lightning as pl", "imports pytorch_lightning"),
        ("data/windows.py", "from lightning.pytorch import Trainer", "imports lightning"),
        ("training/a.py", "from omegaconf import OmegaConf", "imports omegaconf"),
        ("data/module.py", "import hydra.utils", "imports hydra"),
        ("audio/a.py", "from torchaudio import load", "imports torchaudio.load"),
        ("audio/a.py", "import torchaudio\nx = torchaudio.load('a')", "line 2 uses"),
        ("audio/a.py", "import torchaudio as ta\nread = ta.load", "line 2 uses"),
        ("geometry.py", "from torch import nn", "imports torch"),
        ("data/order.py", "import torch.utils.data", "imports torch"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, place, source, problem):
    plant(tmp_path, place, source)
    (found,) = violations(tmp_path)
    assert found.startswith(f"{place}: ") and problem in found


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("encoders/a.py", "from .b import c\nfrom wavenet_ae.encoders.b import d"),
        ("encoders/__init__.py", "from .b import c\nfrom . import b"),
        ("data/module.py", "import pytorch_lightning as pl"),
        ("training/deep/a.py", "import pytorch_lightning\nfrom wavenet_ae.metrics import x"),
        ("config.py", "from omegaconf import OmegaConf\nimport hydra"),
        ("audio/a.py", "import torchaudio\nimport torch\nx = torch.load('a')"),
        ("types.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        ("nn/__init__.py", ""),
    ],
)
def test_what_the_rules_allow_passes(tmp_path, place, source):
    plant(tmp_path, place, source)
    assert violations(tmp_path) == []


def plant(root: Path, place: str, source: str) -> None:
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
