"""MNIST-1D: the rows of the package, as the authors published them; skipped where it is not installed."""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

from nnlab.data.material import load
from nnlab.data.mnist1d import Mnist1d
from nnlab.data.prepare import Preparation, prepare
from nnlab.errors import InputError
from tests.conftest import PlanRuns


def test_without_its_package_it_is_refused_in_one_line(
    runs_of: PlanRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mnist1d.data", None)
    with pytest.raises(
        InputError, match=r"package is not installed; expected pip install 'nnlab\[mnist1d\]'$"
    ):
        runs_of({"data": {"source": "mnist1d"}})


@pytest.fixture(scope="module")
def installed() -> None:
    pytest.importorskip("mnist1d")


@pytest.mark.usefixtures("installed")
def test_numbers_of_rows_are_the_published_ones() -> None:
    material = load(Mnist1d(samples=500), Path())
    assert (material.rows, material.test and len(material.test)) == (400, 100)
    assert material.feature_count == 40
    assert material.class_names == tuple("0123456789")
    run = prepare(material, Preparation(validation=0), 0)
    assert (run.train_x.shape, run.val_x.shape, run.test_x.shape) == ((400, 40), (0, 40), (100, 40))


@pytest.mark.usefixtures("installed")
def test_rows_are_the_same_every_time_and_balanced_and_have_mean_0_and_variance_1() -> None:
    (train, test), (again, _) = Mnist1d(samples=500).read(), Mnist1d(samples=500).read()
    assert np.array_equal(train.features, again.features)
    both = np.concatenate([train.features, test.features])
    assert both.mean() == pytest.approx(0, abs=1e-12)
    assert both.std() == pytest.approx(1)
    assert np.bincount(np.concatenate([train.target, test.target])).tolist() == [50] * 10


@pytest.mark.usefixtures("installed")
def test_the_default_set_is_stable() -> None:
    # As mnist1d 0.0.2.post1 made it with NumPy 2.4.6 and SciPy 1.17.1; those rows equal the authors' file.
    train, test = Mnist1d().read()
    assert (len(train), len(test)) == (4000, 1000)
    assert train.target[:16].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9, 4, 3, 4, 5]
    np.testing.assert_allclose(
        train.features[0, :4], [-0.33200567, -0.47191037, -0.77869708, -1.00974083], atol=1e-8
    )


@pytest.mark.usefixtures("installed")
def test_the_global_random_numbers_are_left_alone() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    Mnist1d(samples=100).read()
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


@pytest.mark.usefixtures("installed")
def test_the_split_of_the_width_sweep() -> None:
    train, test = Mnist1d(samples=1600, train_split=0.25).read()
    assert (len(train), len(test)) == (400, 1200)
