"""The shape of the house: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "daemon" / "sameshot"
MODULES = sorted(HOUSE.rglob("*.py"))
STAGES = {"watch", "decode", "embed", "describe", "index", "compare", "group", "learn", "plan", "apply", "review"}
GROUND = {"model", "errors", "config", "config_file", "config_keys", "config_problems", "config_roots", "locations"}
ROOTS = {"app", "worker", "trusted", "way", "filing", "wire"}
RANK = {
    "__main__": 10,
    "cli": 9,
    "cli_service": 7,
    "cli_sameness": 8,
    "cli_filing": 8,
    "cli_night": 8,
    "printing_night": 7,
    "cli_words": 6,
    "printing_sameness": 7,
    "printing": 6,
    "verbs": 5,
    **dict.fromkeys(ROOTS, 4),
    "service": 3,
    **dict.fromkeys(STAGES, 2),
    "store": 1,
}
ONLY_IN = {
    "watchdog": {"watch/inotify.py"},
    "hnswlib": {"index/graph.py"},
    "apscheduler": {"service/schedule.py"},
    "yaml": {"config_file.py"},
    "rawpy": {"decode/raw.py"},
}
HEAVY = {
    "cv2",
    "PIL",
    "torch",
    "torchvision",
    "sklearn",
    "skimage",
    "imagehash",
    "datasketch",
    "rawpy",
    "onnxruntime",
    "onnx",
}


def part_of(module: Path) -> str:
    inside = module.relative_to(HOUSE)
    return inside.parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            names.add(node.module)
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(HOUSE)))
def test_imports_point_downward(module: Path) -> None:
    here = part_of(module)
    for name in imports_of(module):
        if not name.startswith("sameshot."):
            continue
        there = name.split(".")[1]
        if there == here:
            continue
        assert (
            RANK.get(there, 0) < RANK.get(here, 0)
            or (here in GROUND and there in GROUND)
            or (here in ROOTS and there in ROOTS)
        ), f"{here} imports {name}"


@pytest.mark.parametrize("library", ONLY_IN)
def test_one_owner_for_each_dangerous_library(library: str) -> None:
    owners = {
        str(module.relative_to(HOUSE)) for module in MODULES if library in {n.split(".")[0] for n in imports_of(module)}
    }
    assert owners == ONLY_IN[library]


def test_torch_lives_under_embed_only() -> None:
    for module in MODULES:
        if imports_of(module) & {"torch", "torchvision"}:
            assert part_of(module) == "embed"


def test_only_apply_touches_the_owners_files() -> None:
    """shutil and the calls that move or remove are named where they serve sameshot's own files, and nowhere else."""
    own_files = {"index", "store", "embed", "service", "verbs"}
    for module in MODULES:
        if part_of(module) == "apply" or part_of(module) in own_files:
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"rename", "unlink", "rmtree", "rmdir", "symlink", "link"}, module
        assert "shutil" not in imports_of(module), module


def test_no_rooms_without_a_name() -> None:
    assert not (HOUSE.parent / "__init__.py").exists()
    for module in MODULES:
        assert module.stem not in {"utils", "util", "helpers", "manager", "base", "common", "misc"}, module
        assert len(module.read_text().splitlines()) <= 400, module


def test_tests_use_real_parts() -> None:
    for test in Path(__file__).parent.rglob("*.py"):
        assert not imports_of(test) & {"unittest.mock", "mock", "pytest_mock"}, test


def test_the_service_process_stays_light() -> None:
    code = "import sys, sameshot.cli, sameshot.app, sameshot.verbs.watch; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
