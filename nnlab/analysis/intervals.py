"""Student's interval of a mean over seeds: how far from it the mean of all seeds may lie."""

from typing import Any

import numpy as np

from nnlab.analysis import student

LEVEL = 0.05  # what an interval may miss: it covers 95 %


def quantile(n: Any, together: int = 1) -> Any:
    """Student's t with n - 1 degrees of freedom, 1 at least, at the upper end of the interval.

    Args:
        n: how many values, a number or many.
        together: intervals that are to hold at once, in Bonferroni's way.

    >>> round(float(quantile(3)), 4)
    4.3027
    """
    counts, where = np.unique(n, return_inverse=True)
    found = [student.quantile(max(count - 1, 1), LEVEL / together) for count in counts.tolist()]
    return np.array(found)[where].reshape(np.shape(n))


def half_width(n: Any, spread: Any, overlap: float = 0.0, together: int = 1) -> Any:
    """Half of the interval: t(n - 1) * sqrt(1/n + overlap) * s; NaN where the spread is.

    Args:
        n: how many values, a number or many.
        spread: their standard deviation with n - 1 degrees of freedom.
        overlap: test rows over all others where seeds split one table (Nadeau and Bengio, 2003).
        together: as in `quantile`.

    >>> round(float(half_width(3, 1.0)), 4)
    2.4841
    """
    return quantile(n, together) * (np.sqrt(1 / n + overlap) * spread)
