"""Ensembles: several networks whose predictions are averaged."""

from dataclasses import dataclass

from nnlab.nn.regularizer import Regularizer
from nnlab.registry import Count


@dataclass(frozen=True)
class Ensemble(Regularizer):
    """Trains several networks, and predicts the mean of what they say (Hansen, Salamon, 1990).

    Members differ in their first weights, batch order and noise; the first is the network that the same
    seed gives without an ensemble. With `data.resample: bootstrap` each has rows drawn by itself:
    bagging (Breiman, 1996). What is averaged are outputs, so probabilities or numbers; all metrics are of
    that mean, and train_loss is of the rows before they are drawn again. Norms and penalty are means over
    members.

    Args:
        members: how many networks.
    """

    name = "ensemble"
    on_by_default = False
    fixed = ("members",)
    members: Count = 5

    @property
    def active(self) -> bool:
        return self.members > 1
