"""Real data sets, compared with scikit-learn, and the table that comes with the project."""

import pathlib

import numpy as np
import pytest
import sklearn.datasets

from nnlab.data import real
from nnlab.data.real import REAL, BreastCancer, Diabetes
from nnlab.data.tables import Csv

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"


@pytest.mark.parametrize("name", REAL)
def test_rows_are_those_of_scikit_learn(name: str) -> None:
    table, bunch = REAL[name]().read(), getattr(sklearn.datasets, f"load_{name}")()
    assert np.array_equal(np.ravel(table.target), bunch.target)
    assert table.features.shape == (len(table), len(table.feature_names))
    assert table.feature_names == tuple(bunch.feature_names)
    assert {type(text) for text in (*table.feature_names, *table.class_names)} == {str}
    if name != "diabetes":
        assert np.array_equal(table.features, bunch.data)
        assert table.class_names == tuple(map(str, bunch.target_names))


@pytest.mark.parametrize("name", REAL)
def test_files_that_have_moved_are_left_to_scikit_learn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from_files = REAL[name]().read()
    monkeypatch.setattr(real, "data_folder", lambda: pathlib.Path("nowhere"))
    from_loader = REAL[name]().read()
    assert np.array_equal(from_files.features, from_loader.features)
    assert np.array_equal(from_files.target, from_loader.target)


def test_diabetes_is_in_its_own_units() -> None:
    table = Diabetes().read()
    age = table.features[:, table.feature_names.index("age")]
    assert (age.min(), age.max()) == (19, 79)
    assert table.task == "regression"


def test_the_breast_cancer_table_holds_the_numbers_of_scikit_learn() -> None:
    csv = Csv(path="data/breast_cancer.csv", target="diagnosis").read(CONFIGS).main
    table = BreastCancer().read()
    assert np.array_equal(csv.features, table.features)
    assert [csv.class_names[i] for i in csv.target] == [table.class_names[i] for i in table.target]
    assert csv.feature_names[:2] == ("radius_mean", "texture_mean")
    assert csv.feature_names[-1] == "fractal_dimension_worst"
