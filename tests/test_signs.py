"""Signs of trouble: units that are stuck, gradients that vanish, losses that still fall or rise again."""

import numpy as np
import pytest

from nnlab.arrays import Array
from nnlab.data.prepare import prepare
from nnlab.evaluation import Evaluator, Rows
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.losses import LOSSES
from nnlab.nn.mlp import Network
from nnlab.nn.outputs import OUTPUTS
from nnlab.signs import fall, gradient_ratio, signs
from nnlab.train import train
from tests.conftest import PlanRuns

DIE = {
    "relu", "relu6", "hard_sigmoid", "hard_tanh", "hard_swish", "softshrink", "hardshrink", "sparse_plus",
    "sparse_sigmoid",
}  # fmt: skip
SATURATE = {"sigmoid", "tanh", "softsign", "hard_sigmoid", "hard_tanh", "sparse_sigmoid"}


def network(*sizes: int, activation: str = "relu") -> Network:
    hidden = (ACTIVATIONS[activation](),) * (len(sizes) - 2)
    return Network(sizes, hidden, OUTPUTS["identity"](), LOSSES["squared_error"](), "float64")


def unit_shares(
    net: Network, x: list[float], biases: list[list[float]], weight: float = 1.0
) -> dict[str, Array]:
    """Of networks with one feature whose first-layer weights are all the same, one network for each list."""
    params = np.zeros((len(biases), net.parameters))
    layers = net.layers(params)
    layers[0][:, 0], layers[0][:, 1] = weight, biases
    features, targets = np.array(x)[:, np.newaxis], np.zeros((len(x), 1))
    rows = Rows.of(net, [(features, targets)], "regression")
    return Evaluator(net, rows, np.zeros(len(biases), np.intp), "regression").unit_shares(layers)


def test_the_tables_entries_know_whether_they_die_or_saturate() -> None:
    slopes = {name: cls().slopes for name, cls in ACTIVATIONS.items()}
    assert {name for name, slope in slopes.items() if slope.dies} == DIE
    assert {name for name, slope in slopes.items() if slope.saturates} == SATURATE
    assert slopes["sigmoid"].largest == 0.25
    assert slopes["hard_sigmoid"].largest == pytest.approx(1 / 6)


def test_a_relu_unit_is_dead_if_every_row_leaves_it_below_zero() -> None:
    # z = x + b for x in {-1, 1}: b = -2 and b = -1 leave z <= 0 for both rows, b = 0 and b = 3 do not.
    shares = unit_shares(network(1, 4, 1), [-1, 1], [[-2, -1, 0, 3], [0, 1, 2, 3]])
    assert shares == {"dead_units": pytest.approx([0.5, 0.0])}


def test_one_row_among_many_blocks_keeps_a_unit_alive() -> None:
    x = [1.0] + [-1.0] * 600
    assert unit_shares(network(1, 2, 1), x, [[0, -2]])["dead_units"] == pytest.approx([0.5])


def test_a_sigmoid_is_saturated_where_its_slope_is_below_a_twentieth_of_the_largest() -> None:
    # s(1 - s) = 0.05 / 4 at s = (1 - sqrt(0.95)) / 2: |z| = 4.36.
    shares = unit_shares(network(1, 1, 1, activation="sigmoid"), [-4.3, 4.3, 4.4, 9], [[0]])
    assert shares == {"saturated_units": pytest.approx([0.5])}


def test_only_hidden_layers_that_can_be_stuck_are_counted() -> None:
    assert unit_shares(network(1, 3, 1, activation="softplus"), [-1, 1], [[-9, 0, 9]]) == {}
    net = network(1, 2, 3, 1)
    mixed = Network(
        net.sizes, (ACTIVATIONS["relu"](), ACTIVATIONS["tanh"]()), net.output, net.loss, "float64"
    )
    shares = unit_shares(mixed, [-1, 1], [[-2, 0]])
    assert shares == {"dead_units": pytest.approx([0.5]), "saturated_units": pytest.approx([0.0])}


@pytest.mark.parametrize("patience", [None, 1, 50])
def test_results_tell_the_stuck_units_of_the_weights_that_are_stored(
    runs_of: PlanRuns, patience: int | None
) -> None:
    # With early stopping those are the weights of an earlier epoch, not the last that were measured.
    runs = runs_of(
        {
            "data": {"source": "moons", "samples": 60},
            "model": {"hidden": [12], "initializer": {"name": "normal", "std": 1.0, "bias_std": 2.0}},
            "optimizer": {"name": "adam", "learning_rate": 0.3},
            "training": {"epochs": 12},
            "regularization": {"early_stopping": {"patience": patience}} if patience else {},
            "sweep": {"seeds": 4},
        }
    )
    for run, result in zip(runs, train(runs), strict=True):
        x = prepare(run.setting.material, run.config.data.preparation, run.seed).train_x
        z = x @ result.weights["layer1.weight"] + result.weights["layer1.bias"]
        assert result.metrics["dead_units"] == pytest.approx((z <= 0).all(axis=0).mean())


def test_the_gradient_ratio_compares_root_mean_squares() -> None:
    # 4 first-layer weights of size 1 have norm 2, 2 last-layer weights of size 3 have norm sqrt(18).
    assert gradient_ratio(2, 18**0.5, network(2, 2, 1)) == pytest.approx(1 / 3)


def test_a_loss_that_halves_in_the_last_fifth_falls_by_a_half() -> None:
    assert fall([2, 4, 6, 8, 10], [9, 8, 6, 4, 2]) == 0.5
    assert fall([5, 10], [1, 1]) == 0
    assert np.isnan(fall([1, 10], [2, 1]))  # nothing is known of the second half


def test_signs_of_a_curve() -> None:
    curve = {
        "epoch": np.array([0.0, 1, 8, 10]),
        "train_loss": np.array([9.0, 4, 2, 1]),
        "val_loss": np.array([9.0, 3, 2, 5]),
        "first_gradient_norm": np.ones(4),
        "last_gradient_norm": np.full(4, 2.0),
    }
    assert signs(curve, network(1, 1, 1)) == {
        "gradient_ratio": 0.5,
        "train_loss_fall": 0.5,
        "val_loss_rise": 1.5,
    }
    untrained = {name: column[:1] for name, column in curve.items()}
    assert signs(untrained, network(1, 1, 1)) == {}


def test_a_run_stores_what_its_units_and_curves_show(runs_of: PlanRuns) -> None:
    raw = {"data": {"source": "moons", "samples": 50}, "training": {"epochs": 5}}
    (relu,) = train(runs_of({**raw, "model": {"hidden": [8, 8]}}))
    assert 0 <= relu.metrics["dead_units"] < 1
    assert "saturated_units" not in relu.metrics
    assert (relu.metrics["train_rows"], relu.metrics["val_rows"], relu.metrics["test_rows"]) == (30, 10, 10)
    wide = {"hidden": [8], "activation": "tanh", "initializer": {"name": "normal", "std": 100}}
    (tanh,) = train(runs_of({**raw, "model": wide}))
    assert tanh.metrics["saturated_units"] > 0.9


def test_deep_sigmoid_layers_have_vanishing_gradients_and_relu_has_not(runs_of: PlanRuns) -> None:
    raw = {"data": {"source": "moons"}, "training": {"epochs": 2}}
    ratios = {
        name: train(runs_of({**raw, "model": {"hidden": [16] * 5, "activation": name}}))[0].metrics[
            "gradient_ratio"
        ]
        for name in ("sigmoid", "relu")
    }
    assert ratios["sigmoid"] < 0.02 < 0.05 < ratios["relu"]
