"""The map of files: imports point one way, each file says what it is, slow things load late."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import nnlab

ROOT = Path(nnlab.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Lower floors first: a file may import from its own floor or from those before it.
FLOORS = (
    ("__init__", "errors", "text", "arrays", "cores", "streams", "checkpoint", "result", "memory"),
    ("registry", "metrics"),
    ("nn", "data"),
    ("config",),
    ("plan",),
    ("batches", "evaluation", "mapped_rows", "records", "signs", "train"),
    ("advice", "bill", "cargo", "cluster", "executors", "execute", "predictions", "store", "strategies"),
    ("analysis",),
    ("render",),
    ("cli", "__main__"),
)
FLOOR = {name: height for height, names in enumerate(FLOORS) for name in names}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def dotted(path: Path) -> str:
    """nnlab/cli/main.py is nnlab.cli.main; nnlab/cli/__init__.py is nnlab.cli."""
    return ".".join(("nnlab", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {dotted(path): path for path in FILES}


def imported(nodes: Iterable[ast.AST], package: str = "nnlab") -> set[str]:
    """The files of nnlab that import statements in some file of this package name, dotted."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            names = {f"{origin}.{alias.name}" for alias in node.names}
            found |= (names & set(MODULES)) or {origin}
    return found & set(MODULES)


def imported_parts(path: Path) -> set[str]:
    names = imported(ast.walk(ast.parse(path.read_text())), package_of(path))
    return {part(MODULES[name]) for name in names}


def package_of(path: Path) -> str:
    return ".".join(("nnlab", *path.relative_to(ROOT).parts[:-1]))


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the file is imported: no bodies of functions, nothing that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from at_import(child)


@pytest.mark.parametrize(
    "statement",
    [
        "import nnlab.data.tables",
        "import nnlab.data.tables as t",
        "import os, nnlab.data.tables",
        "from nnlab.data import tables",
        "from nnlab.data.tables import anything",
        "from . import tables",
        "from .tables import anything",
        "from ..data import tables",
        "if True:\n    import nnlab.data.tables",
    ],
)
def test_every_form_of_import_is_seen(statement: str) -> None:
    assert imported(at_import(ast.parse(statement)), "nnlab.data") == {"nnlab.data.tables"}


def test_imports_in_functions_and_for_types_do_not_run_at_import() -> None:
    code = "def f():\n    import nnlab.plan\nif TYPE_CHECKING:\n    import nnlab.plan"
    assert imported(at_import(ast.parse(code))) == set()
    assert imported(ast.walk(ast.parse(code))) == {"nnlab.plan"}


def test_no_imports_go_in_a_circle() -> None:
    graph = {
        name: imported(at_import(ast.parse(path.read_text())), package_of(path))
        for name, path in MODULES.items()
    }
    assert sum(map(len, graph.values())) > len(FILES)  # it sees them
    TopologicalSorter(graph).prepare()  # names the circle if there is one


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
    assert opening[0].rstrip().endswith((".", ":", "?")), opening[0]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_do_not_wait_for_slow_imports(option: str) -> None:
    slow = {"numpy", "pandas", "sklearn", "scipy", "pydantic", "yaml", "altair", "vl_convert"}
    slow |= {"annotated_types", "tempfile", "json"}
    code = (
        f"import sys; from nnlab.cli.main import run; code = run([{option!r}]); "
        f"print(code, sorted({slow} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "0 []"


def test_a_sweep_and_its_report_do_without_slow_imports(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "data: {source: digits}\ntraining: {epochs: 1}\nsweep: {seeds: 2, grid: {regularization.l2: [0, 1]}}"
    )
    slow = {"sklearn", "scipy", "altair", "vl_convert", "distributed"}
    code = (
        "import sys; from nnlab.cli.main import run; "
        "codes = run(['sweep', 'c.yaml', '-q']), run(['report']); "
        f"print(codes, sorted({slow} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "(0, 0) []"


BENCHMARKS = sorted(path for path in (ROOT.parent / "benchmarks").rglob("*.py") if ".venv" not in path.parts)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks_name_what_there_is(path: Path) -> None:
    # They run for half an hour, and not here; a name that has moved would be found by whoever measures next.
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nnlab":
            module = importlib.import_module(node.module or "")
            known = {*dir(module), *(name.rpartition(".")[2] for name in MODULES)}
            assert {alias.name for alias in node.names} <= known
