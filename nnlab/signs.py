"""Signs: what the curves of a finished run tell of how its training went."""

import math
from collections.abc import Mapping, Sequence

from nnlab.arrays import Array
from nnlab.nn.mlp import Network

LATE = 0.8  # of the epochs: what happens after that is how training ends
HALF = 0.5


def signs(curve: Mapping[str, Array], network: Network) -> dict[str, float]:
    """What can be told; a curve of too few rows leaves things out.

    Args:
        curve: by column, one value for each recorded epoch, the first one before any step.

    Returns:
        gradient_ratio: see there.
        train_loss_fall: by which share of itself the training loss fell in the last fifth of the epochs.
        val_loss_rise: by which share of its minimum the validation loss stands above it at the end.
    """
    rows = {name: column[1:].tolist() for name, column in curve.items()}
    if not rows["epoch"]:
        return {}
    found = {
        "gradient_ratio": gradient_ratio(
            rows["first_gradient_norm"][0], rows["last_gradient_norm"][0], network
        ),
        "train_loss_fall": fall(rows["epoch"], rows["train_loss"]),
    }
    if losses := rows.get("val_loss"):
        found["val_loss_rise"] = _relative(losses[-1], min(losses))
    return {name: value for name, value in found.items() if math.isfinite(value)}


def gradient_ratio(first: float, last: float, network: Network) -> float:
    """The gradient of a first-layer weight over that of a last-layer weight, both as root mean squares.

    Taken where training begins: later, a network that is stuck has no gradient anywhere.

    Args:
        first, last: norms of the two layers' weight gradients.

    Returns:
        About 0.1 to 3 where gradients reach the first layer; far below, they vanish on the way. NaN
        where the last layer has none.
    """
    features, *_, outputs = network.sizes
    weights = (features * network.sizes[1], network.sizes[-2] * outputs)
    return first / last * math.sqrt(weights[1] / weights[0]) if last > 0 else math.nan


def fall(epochs: Sequence[float], losses: Sequence[float]) -> float:
    """By which share of itself a loss fell in the last fifth of the epochs.

    >>> round(fall([1, 8, 10], [2.0, 1.0, 0.75]), 9)
    0.25

    NaN where no epoch from the second half up to there is recorded.
    """
    end = epochs[-1]
    before = [loss for epoch, loss in zip(epochs, losses, strict=True) if HALF * end <= epoch <= LATE * end]
    return -_relative(losses[-1], before[-1]) if before else math.nan


def _relative(value: float, base: float) -> float:
    return value / base - 1 if base > 0 else math.nan
