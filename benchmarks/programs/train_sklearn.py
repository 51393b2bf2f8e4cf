"""scikit-learn: an MLPClassifier for each run, one after the other."""

import warnings

from common import read, tell
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
WORK = read()


def run() -> list[float]:
    """Its `alpha` is divided by the rows of the batch, lambda by all training rows."""
    found = []
    for seed, strength in enumerate(WORK.lambdas[: WORK.few]):
        net = MLPClassifier(
            tuple(WORK.sizes[1:-1]),
            batch_size=WORK.batch,
            max_iter=WORK.epochs,
            tol=0,
            n_iter_no_change=10**6,
            alpha=strength * WORK.batch / WORK.rows,
            random_state=seed,
        ).fit(WORK.train_x, WORK.train_y)
        found.append(float(net.score(WORK.test_x, WORK.test_y)))
    return found


tell(run, WORK.runs / WORK.few)
