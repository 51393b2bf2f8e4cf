"""Who has more of something, no larger losses, and the smallest error? Found without looking at everybody."""

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

FIRST_LOOK = 64  # members that are looked at first


class Group:
    """Members to choose from.

    Args:
        members: what they are called, (members,).
        amounts: how much each has; NaN is less than nothing.
        losses: of each, (members, losses); NaN is no loss.
        errors: what the best one has least of, of equal ones the first.

    >>> losses = np.array([[0.5], [0.4], [0.6]])
    >>> group = Group(np.arange(3), np.array([1.0, 2, 3]), losses, np.array([3.0, 2, 1]))
    >>> group.best(1.0, np.array([0.5])), group.best(2.0, np.array([0.5])), group.best(3.0, np.array([0.5]))
    ((True, 1), (True, None), (False, None))
    """

    def __init__(self, members: NDArray[np.intp], amounts: Values, losses: Values, errors: Values) -> None:
        amounts, losses = (
            np.where(np.isnan(amounts), -math.inf, amounts),
            np.where(losses >= -math.inf, losses, -math.inf),
        )
        best_first = np.argsort(errors, kind="stable")
        self._members, self._amounts, self._losses = (
            members[best_first],
            amounts[best_first],
            losses[best_first],
        )
        most_first = np.argsort(-amounts, kind="stable")
        self._less = -amounts[most_first]
        self._least = np.minimum.accumulate(losses[most_first])

    def best(self, amount: float, losses: Values) -> tuple[bool, int | None]:
        """Whether anybody has more, and who of these has no larger loss and the smallest error.

        Args:
            amount: what they must have more than.
            losses: what theirs may not be above; NaN allows every loss.
        """
        more = int(np.searchsorted(self._less, -amount))
        if not more or math.isnan(amount):
            return False, None
        losses = np.where(np.isnan(losses), math.inf, losses)
        if (self._least[more - 1] > losses).any():
            return True, None
        start, end = 0, FIRST_LOOK
        while start < len(self._members):
            own = slice(start, end)
            good = (self._amounts[own] > amount) & (self._losses[own] <= losses).all(axis=1)
            if good.any():
                return True, int(self._members[own][good.argmax()])
            start, end = end, 4 * end
        return True, None
