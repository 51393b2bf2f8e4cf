"""The map of files: imports point one way, each file says what it is, slow things load late."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nnlab

ROOT = Path(nnlab.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Lower floors first: a file may import from its own floor or from those before it.
FLOORS = (
    ("__init__", "errors", "text", "arrays", "streams", "checkpoint", "result", "memory"),
    ("registry", "metrics"),
    ("nn", "data"),
    ("config",),
    ("plan",),
    ("evaluation", "train"),
    ("advice", "bill", "cargo", "cluster", "executors", "execute", "store"),
    ("analysis",),
    ("render",),
    ("cli", "__main__"),
)
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "nnlab":
            inside = node.module.split(".")[1:]
            found |= {inside[0]} if inside else {alias.name for alias in node.names}
    return {name for name in found if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    above = {name for name in imported_parts(path) if FLOOR[name] > FLOOR[part(path)]}
    assert not above


def test_nn_and_data_do_not_know_each_other() -> None:
    for here, other in (("nn", "data"), ("data", "nn")):
        assert all(other not in imported_parts(path) for path in FILES if part(path) == here)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_opens_with_the_sentence_that_says_its_idea(path: Path) -> None:
    opening = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
    assert opening
    assert opening[0].rstrip().endswith((".", ":")), opening[0]


def test_help_does_not_wait_for_slow_imports() -> None:
    slow = {"numpy", "pandas", "sklearn", "scipy", "pydantic", "yaml"}
    code = f"import sys, nnlab.cli.main; print(sorted({slow} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
