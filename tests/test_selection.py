"""Mapped tables: the rows of a run, and the run, are those of the table in memory to the last bit."""

import csv
import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab import evaluation
from nnlab.cargo import Loader
from nnlab.config.load import load as load_config
from nnlab.data import large, prepare, selection
from nnlab.data.material import Material, load
from nnlab.data.prepare import Preparation, fixed_test_rows, stratified_order
from nnlab.data.scaling import SCALES
from nnlab.data.selection import Selection
from nnlab.data.table_cache import FOLDER, TableCache, entries, remove
from nnlab.data.tables import Csv
from nnlab.errors import SettingError
from nnlab.plan import Materials, Plan, plan_sweep, populations
from nnlab.result import Result
from nnlab.train import train
from tests.cli import Desk

ROWS = 500


@pytest.fixture(autouse=True)
def _everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(selection, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(selection, "GROUP_BYTES", 3 * 8 * 300)


def write_table(folder: Path, columns: int = 7, gaps: bool = False, numbers: bool = False) -> None:
    """A table with columns of very different size, gaps in some if asked for, and a text column."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(ROWS, columns)) * 10.0 ** rng.integers(-9, 9, columns) + rng.normal(
        size=columns
    )
    lines = [",".join(f"x{i}" for i in range(columns)) + ",y"]
    for row in values:
        cells = [repr(value) for value in row.tolist()]
        if gaps:
            cells = ["" if i % 3 == 1 and rng.random() < 0.1 else cell for i, cell in enumerate(cells)]
        lines.append(",".join([*cells, repr(float(row.sum())) if numbers else "pqr"[int(3 * rng.random())]]))
    (folder / "t.csv").write_text("\n".join(lines) + "\n")


def both(folder: Path, **options: Any) -> tuple[Material, Material]:
    """The table in memory, and mapped."""
    source = Csv(**{"path": "t.csv", "target": "y", **options})
    mapped = load(source, folder, TableCache(folder / FOLDER))
    assert mapped.main is not None
    assert mapped.main.ranges is not None
    return load(source, folder), mapped


def assert_same_rows(one: Material, other: Material, preparation: Preparation) -> None:
    here, there = prepare.prepare(one, preparation, 3), prepare.prepare(other, preparation, 3)
    assert isinstance(there.train, Selection)
    for field in fields(here):
        a, b = getattr(here, field.name), getattr(there, field.name)
        if isinstance(a, np.ndarray):
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), field.name
        else:
            assert a == b, field.name


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("columns", [1, 2, 3, 7, 20])
def test_a_mapped_table_is_scaled_like_one_in_memory(tmp_path: Path, columns: int, scale: str) -> None:
    write_table(tmp_path, columns)
    assert_same_rows(*both(tmp_path), Preparation(scale=scale))


@pytest.mark.parametrize(
    "options",
    [
        {"resample": "bootstrap"},
        {"train_size": 0.3, "copies": 3},
        {"label_noise": 0.2, "scale": "robust"},
        {"validation": 0, "test": 0},
        {"split_seed": 4},
    ],
)
@pytest.mark.parametrize("numbers", [False, True])
def test_every_way_to_prepare_rows_goes_for_mapped_tables(
    tmp_path: Path, options: dict[str, Any], numbers: bool
) -> None:
    write_table(tmp_path, gaps=True, numbers=numbers)
    one, other = both(tmp_path, missing="impute")
    assert_same_rows(one, other, Preparation(**options, standardize_target=numbers))
    if "split_seed" in options:
        fixed, mapped = (fixed_test_rows(material, Preparation(**options)) for material in (one, other))
        assert fixed is not None
        assert mapped is not None
        assert fixed.features.tobytes() == mapped.features.tobytes()


def test_given_tables_are_mapped_too(tmp_path: Path) -> None:
    write_table(tmp_path, gaps=True)
    lines = (tmp_path / "t.csv").read_text().splitlines()
    (tmp_path / "v.csv").write_text("\n".join(lines[:100]) + "\n")
    (tmp_path / "w.csv").write_text("\n".join(lines[:1] + lines[200:]) + "\n")
    materials = both(tmp_path, missing="impute", validation_path="v.csv", test_path="w.csv")
    assert_same_rows(*materials, Preparation())


def test_numbers_too_large_to_scale_are_told_in_the_same_words(tmp_path: Path) -> None:
    rows = "".join(f"{i},{1e-300 * i},{'pq'[i % 2]}\n" for i in range(50))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}1,1e300,p\n")
    told = []
    for material in both(tmp_path):
        for seed in range(9):  # where the large number is not among the training rows
            try:
                prepare.prepare(material, Preparation(validation=0.4), seed)
            except SettingError as error:
                told.append((seed, error.message))
    half = len(told) // 2
    assert half > 0
    assert told[:half] == told[half:]


def test_classes_are_spread_by_their_keys_and_then_by_chance() -> None:
    rng = np.random.default_rng(1)
    for labels in (
        rng.integers(0, 3, 200),
        np.arange(200) % 4,
        np.zeros(5, np.int64),
        np.array([7, 2, 7, 2]),
    ):
        again = np.random.default_rng(2)
        shuffled = again.permutation(len(labels))
        by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
        _, start, size = np.unique(labels[by_class], return_index=True, return_counts=True)
        key = (np.arange(len(labels)) - np.repeat(start, size) + 0.5) / np.repeat(size, size)
        expected = by_class[np.lexsort((again.random(len(labels)), key))]
        assert stratified_order(labels, np.random.default_rng(2)).tolist() == expected.tolist()


# Training

CONFIG = """
data: {source: csv, path: t.csv, target: y, missing: impute}
model: {hidden: [5]}
training: {epochs: 3, batch_size: 20}
sweep:
  seeds: 2
  strategies:
    plain: {}
    l2: {regularization.l2: [0.5, 1]}
    bootstrap: {data.resample: bootstrap}
    all at once: {training.batch_size: full}
    bagging: {regularization.ensemble: 2, data.resample: bootstrap}
"""


def plans(folder: Path) -> tuple[Plan, Plan]:
    """The sweep on the table in memory, and on the mapped one."""
    (folder / "config.yaml").write_text(CONFIG)
    file = load_config(str(folder / "config.yaml"), [])
    return plan_sweep(file), plan_sweep(file, materials=Materials(file, TableCache(folder / FOLDER)))


def digest(result: Result) -> str:
    """Of everything that training computed."""
    numbers = [*result.weights.values(), *result.curves.values(), result.predictions]
    parts = [np.ascontiguousarray(array).tobytes() for array in numbers]
    parts += [repr((result.run, result.status, sorted(result.metrics.items()))).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize("free", [None, 0], ids=["rows fit into memory", "rows stay in the file"])
@pytest.mark.parametrize("numbers", [False, True], ids=["classes", "numbers"])
def test_a_run_on_a_mapped_table_is_that_on_the_table_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, numbers: bool, free: int | None
) -> None:
    write_table(tmp_path, gaps=True, numbers=numbers)
    here, there = plans(tmp_path)
    expected = [digest(result) for stack in populations(here.runs) for result in train(stack)]
    if free is not None:
        monkeypatch.setattr(evaluation, "available_memory", lambda: free)
        monkeypatch.setattr(Selection, "write", lambda *_: pytest.fail("all rows came into memory"))
    found = [digest(result) for stack in populations(there.runs) for result in train(stack)]
    assert found == expected
    assert len(set(found)) == len(there.runs)


def test_workers_map_the_files_of_the_cache_even_when_it_is_cleaned(tmp_path: Path) -> None:
    write_table(tmp_path, columns=40)
    _, plan = plans(tmp_path)
    main = plan.runs[0].setting.material.main
    assert main is not None
    (tmp_path / "arrays").mkdir()
    loader = Loader(plan.runs, tmp_path / "arrays")
    assert list((tmp_path / "arrays").iterdir()) == []
    remove(tmp_path / FOLDER, entries(tmp_path / FOLDER))
    unpacked = loader.cargo.unpack()[0].material.main
    assert unpacked is not None
    assert isinstance(unpacked.features, np.memmap)
    assert unpacked.features.tobytes() == main.features.tobytes()


def test_a_cluster_gets_the_numbers_and_not_the_file(tmp_path: Path) -> None:
    write_table(tmp_path, columns=40)
    _, plan = plans(tmp_path)
    cargo = Loader(plan.runs).cargo
    assert {type(array) for array in cargo.arrays} == {np.ndarray}
    unpacked = replace(cargo).unpack()[0].material.main
    assert unpacked is not None
    assert unpacked.ranges is not None


def test_worker_processes_give_what_this_process_gives(tmp_path: Path) -> None:
    write_table(tmp_path, columns=40)
    desk = Desk(tmp_path)
    desk.write(CONFIG)
    tables = []
    for name, jobs in (("one", "1"), ("two", "2")):
        assert desk.nnlab("sweep", "config.yaml", "-q", "-j", jobs, "-n", name).code == 0
        with (tmp_path / f"runs/{name}/runs.csv").open(newline="") as file:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        tables.append(sorted(rows, key=lambda row: row["run"]))
    assert tables[0] == tables[1]
    assert len(tables[0]) == 12
