"""Noise: on inputs, weights and units, against the same random numbers drawn by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab.advice import advice
from nnlab.arrays import Array
from nnlab.nn.normals import Normals
from nnlab.streams import stream
from nnlab.train import train
from tests.conftest import PlanRuns
from tests.regularizers import Case, config, first_step, kept, rows_of, slope


def test_noise_on_the_inputs_of_a_linear_model_is_l2_on_average(runs_of: PlanRuns) -> None:
    def trained(**regularization: float) -> Array:
        raw = config(
            data={"source": "friedman1", "samples": 80, "standardize_target": False},
            model={"hidden": [], "dtype": "float64"},
            optimizer={"name": "sgd", "learning_rate": 0.002},
            regularization=regularization,
            training={"epochs": 5000, "batch_size": "full", "evaluate_every": "last"},
            sweep={"seeds": 1},
        )
        return train(runs_of(raw))[0].weights["layer1.weight"]

    noisy, decayed, free = trained(input_noise=0.5), trained(l2=2 * 48 * 0.5**2), trained()
    assert np.linalg.norm(noisy - decayed) < 0.03 * np.linalg.norm(free - decayed) + 0.02
    assert np.linalg.norm(free - decayed) > 0.2


def test_input_dropout_drops_features_of_rows(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"input_dropout": 0.25})
    data = rows_of(run)
    mask = kept(stream(run.seed, "input_dropout"), 0.25, data.train_x.size).reshape(data.train_x.shape)
    by_w, by_b = slope(data.train_x * mask / 0.75, data.train_y, w, b)
    np.testing.assert_allclose(after[0], w - 0.1 * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def test_dropconnect_drops_weights_and_they_get_no_gradient(runs_of: PlanRuns) -> None:
    run, (w, b), after = first_step(runs_of, regularization={"dropconnect": 0.25})
    data = rows_of(run)
    mask = kept(stream(run.seed, "dropconnect"), 0.25, w.size).reshape(w.shape) / 0.75
    by_w, by_b = slope(data.train_x, data.train_y, w * mask, b)
    assert 0 < np.count_nonzero(mask) < mask.size
    np.testing.assert_allclose(after[0], w - 0.1 * mask * by_w, rtol=1e-10)
    np.testing.assert_allclose(after[1], b - 0.1 * by_b, rtol=1e-10)


def noise_on_units(settings: dict[str, Any], tmp_path: Path) -> tuple[list[Array], list[Array]]:
    """The masks and shifts of a step, (runs, units, batch) for each of two hidden layers."""
    case = Case(settings, tmp_path)
    case.learner.step(case.space, left=1)
    return case.space.masks, case.space.shifts


def test_dropout_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    masks, _ = noise_on_units({"dropout": [0.5, 0.0]}, tmp_path)
    assert set(np.unique(masks[0])) == {0.0, 2.0}
    assert set(np.unique(masks[1])) == {1.0}
    same, _ = noise_on_units({"dropout": 0.5}, tmp_path)
    assert same[0].tobytes() == masks[0].tobytes()


def test_gaussian_dropout_has_mean_1_and_the_variance_of_dropout(tmp_path: Path) -> None:
    masks, _ = noise_on_units({"gaussian_dropout": [0.2, 0.5]}, tmp_path)
    numbers = stream(1, "gaussian_dropout").standard_normal(7 * Case.batch)
    first, second = numbers[: 4 * Case.batch], numbers[4 * Case.batch :]
    np.testing.assert_allclose(masks[0][0].ravel(), 1 + np.sqrt(0.2 / 0.8) * first, rtol=1e-12)
    np.testing.assert_allclose(masks[1][0].ravel(), 1 + np.sqrt(0.5 / 0.5) * second, rtol=1e-12)


@pytest.mark.parametrize("p", [0.05, 0.2, 0.5])
def test_alpha_dropout_sets_units_to_the_lowest_selu_and_rescales(p: float, tmp_path: Path) -> None:
    low = -1.0507009873554805 * 1.6732632423543772
    masks, shifts = noise_on_units({"alpha_dropout": p}, tmp_path)
    a = 1 / np.sqrt((1 - p) + p * low**2 - (p * low) ** 2)  # 1 over the deviation of (h or low)
    for mask, shift in zip(masks, shifts, strict=True):
        stays = mask > 0
        h = np.random.default_rng(0).normal(size=mask.shape)
        expected = a * (np.where(stays, h, low) - p * low)  # its mean taken off
        np.testing.assert_allclose(mask * h + shift, expected, atol=1e-12)


def test_several_kinds_of_noise_act_one_after_the_other(tmp_path: Path) -> None:
    (m1, _), (m2, _), (m3, a3) = (
        noise_on_units(settings, tmp_path)
        for settings in ({"dropout": 0.3}, {"gaussian_dropout": 0.3}, {"alpha_dropout": 0.3})
    )
    both = {"dropout": 0.3, "gaussian_dropout": 0.3, "alpha_dropout": 0.3}
    masks, shifts = noise_on_units(both, tmp_path)
    for i in (0, 1):
        np.testing.assert_allclose(masks[i], m1[i] * m2[i] * m3[i], rtol=1e-12)
        np.testing.assert_allclose(shifts[i], a3[i], rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_numbers_of_a_run_depend_on_its_seed_alone(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn(seeds: Sequence[int], ends: Sequence[int], chunk: int) -> Array:
        monkeypatch.setattr("nnlab.nn.normals.CHUNK_BYTES", chunk)
        source = Normals(7, [stream(seed, "input_noise") for seed in seeds], dtype)
        return np.stack([source.next(left).copy() for left in ends])

    plain = drawn([3], [6, 5, 4, 3, 2, 1], 1 << 20)
    for chunk in (1, 100, 1 << 20):
        together = drawn([1, 3], [2, 1, 3, 2, 1, 1], chunk)  # epochs of 2, 3 and 1 steps
        assert together[:, 1].tobytes() == plain[:, 0].tobytes()
    many = drawn([0], [1] * 4000, 1 << 20)
    assert abs(many.mean()) < 5 / np.sqrt(many.size)
    assert many.std() == pytest.approx(1, abs=0.02)


def test_alpha_dropout_with_selu_gets_no_note(runs_of: PlanRuns) -> None:
    raw = config(model={"hidden": [4], "activation": "selu"}, regularization={"alpha_dropout": 0.1})
    assert not list(advice(runs_of(raw)))
