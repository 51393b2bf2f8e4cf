"""Dropout: the distribution of its masks, and the independence of each run's masks."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.nn import masks as masks_module
from nnlab.nn.initializers import Normal
from nnlab.nn.losses import CrossEntropy
from nnlab.nn.masks import Masks
from nnlab.nn.mlp import Network, Workspace
from nnlab.nn.outputs import SoftmaxOutput
from nnlab.nn.squashing import Tanh
from nnlab.streams import stream

UNITS, BATCH, STEPS = (7, 5), 6, 9


def draw(
    p: Sequence[float], seeds: Sequence[int], steps: int = STEPS, dtype: str = "float32", batch: int = BATCH
) -> list[list[Array]]:
    """The masks of each step and layer, (runs, units, batch)."""
    source = Masks(np.array(p)[:, np.newaxis], UNITS, BATCH, [stream(seed, "dropout") for seed in seeds])
    drawn = []
    for step in range(steps):
        layers = [np.full((len(seeds), units, batch), 9.0, dtype) for units in UNITS]
        source.fill(layers, steps - step)
        drawn.append(layers)
    return drawn


def bits_of(drawn: list[list[Array]], run: int) -> bytes:
    return b"".join(layer[run].tobytes() for layers in drawn for layer in layers)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 1 / 3])
def test_a_unit_is_dropped_with_chance_p(p: float) -> None:
    values = np.concatenate([layer.ravel() for layers in draw([p], [0], 2000) for layer in layers])
    spread = math.sqrt(p * (1 - p) / values.size)
    assert np.mean(values == 0) == pytest.approx(p, abs=5 * spread)
    np.testing.assert_allclose(values[values > 0], 1 / (1 - p), rtol=2e-4)  # p is resolved to 1/65536


@pytest.mark.parametrize("p", [0.2, 0.5, 0.8])
def test_mean_and_variance_of_a_unit_are_those_of_inverted_dropout(p: float) -> None:
    network = Network((3, 40, 2), (Tanh(),), SoftmaxOutput(), CrossEntropy(), "float64")
    rng, space = np.random.default_rng(0), Workspace(network, 1, 25, dropout=True)
    space.x[:] = rng.normal(size=space.x.shape)
    layers = network.layers(network.first_parameters(Normal(), rng)[np.newaxis])
    source, draws = Masks(np.array([[p]]), [40], 25, [stream(0, "dropout")]), 1000
    ratios = np.empty((draws, 1, 40, 25))
    for i in range(draws):
        source.fill(space.masks, draws - i)
        space.forward(layers, space.masks)
        ratios[i] = space.inputs[1][:, :-1] / space.h[0]  # h'/h: mean 1, variance p/(1-p)
    variance = p / (1 - p)
    assert ratios.mean() == pytest.approx(1, abs=5 * math.sqrt(variance / ratios.size))
    assert ratios.var() == pytest.approx(variance, rel=0.02)
    assert np.abs(ratios.mean(axis=0) - 1).max() < 6 * math.sqrt(variance / draws)  # every unit and row


def test_p_0_changes_nothing_beside_runs_that_drop() -> None:
    for layers in draw([0.0, 0.5], [1, 2]):
        for layer in layers:
            assert (layer[0] == 1).all()
            assert (layer[1] != 1).all()


def test_p_close_to_1_drops_almost_all() -> None:
    values = np.concatenate([layer.ravel() for layers in draw([0.999], [0], 500) for layer in layers])
    assert np.mean(values == 0) == pytest.approx(0.999, abs=1e-3)
    assert values.max() == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_of_a_run_do_not_depend_on_its_company(dtype: str) -> None:
    alone = draw([0.3], [5], dtype=dtype)
    company = draw([0.3, 0.9, 0.3, 0.0], [4, 6, 5, 7], dtype=dtype)
    assert bits_of(company, 2) == bits_of(alone, 0) != bits_of(company, 0)


def test_runs_of_one_seed_have_the_masks_they_have_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks_module, "CHUNK_BYTES", 2000)  # bits are drawn several times
    company = draw([0.3, 0.9, 0.3, 0.3], [5, 5, 6, 5])
    assert bits_of(company, 1) == bits_of(draw([0.9], [5]), 0)
    assert bits_of(company, 3) == bits_of(company, 0) == bits_of(draw([0.3], [5]), 0)


@pytest.mark.parametrize("chunk", [1, 500, 1000, 1 << 24])
def test_masks_do_not_depend_on_how_many_words_are_held(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    expected = draw([0.3, 0.6], [5, 6])
    monkeypatch.setattr(masks_module, "CHUNK_BYTES", chunk)
    drawn = draw([0.3, 0.6], [5, 6])
    assert [bits_of(drawn, run) for run in (0, 1)] == [bits_of(expected, run) for run in (0, 1)]


def test_masks_do_not_depend_on_where_epochs_end() -> None:
    source, seen = Masks(np.array([[0.4]]), UNITS, BATCH, [stream(3, "dropout")]), []
    for steps_left in (3, 2, 1, 2, 1, 4, 3, 2, 1):  # epochs of 3, 2 and 4 steps
        layers = [np.empty((1, units, BATCH), np.float32) for units in UNITS]
        source.fill(layers, steps_left)
        seen.append(layers)
    assert bits_of(seen, 0) == bits_of(draw([0.4], [3]), 0)


def test_between_epochs_runs_may_leave() -> None:
    expected = draw([0.3, 0.6, 0.9], [1, 2, 3], steps=6)
    source = Masks(np.array([[0.3], [0.6], [0.9]]), UNITS, BATCH, [stream(s, "dropout") for s in (1, 2, 3)])
    for steps_left in (3, 2, 1):
        source.fill([np.empty((3, units, BATCH), np.float32) for units in UNITS], steps_left)
    source, rest = source.take(np.array([2, 0])), []
    for steps_left in (3, 2, 1):
        rest.append([np.empty((2, units, BATCH), np.float32) for units in UNITS])
        source.fill(rest[-1], steps_left)
    assert [bits_of(rest, run) for run in (0, 1)] == [bits_of(expected[3:], run) for run in (2, 0)]


def test_every_step_layer_row_and_run_has_a_mask_of_its_own() -> None:
    drawn = draw([0.5, 0.5], [1, 2], steps=4)
    steps = {bits_of([layers], run) for layers in drawn for run in (0, 1)}
    assert len(steps) == 8
    columns = {layer[run, :, row].tobytes() for layer in drawn[0] for run in (0, 1) for row in range(BATCH)}
    assert len(columns) > BATCH  # 24 columns of 7 or 5 units: some agree by chance, not most


def test_units_are_dropped_independently() -> None:
    kept = np.array([layers[0][0, :, 0] > 0 for layers in draw([0.5], [0], steps=4000)], dtype=float)
    correlation = np.corrcoef(kept.T) - np.eye(UNITS[0])
    assert np.abs(correlation).max() < 5 / math.sqrt(4000)


def test_a_smaller_last_batch_gets_masks_too() -> None:
    values = np.concatenate(
        [layer.ravel() for layers in draw([0.25], [0], 3000, batch=2) for layer in layers]
    )
    assert np.mean(values == 0) == pytest.approx(0.25, abs=0.01)


def test_there_is_a_mask_for_each_hidden_layer_and_none_for_the_output() -> None:
    network = Network((3, 40, 30, 2), (Tanh(), Tanh()), SoftmaxOutput(), CrossEntropy())
    assert [mask.shape for mask in Workspace(network, 2, 6, dropout=True).masks] == [(2, 40, 6), (2, 30, 6)]
    assert Workspace(network, 2, 6).masks == []
