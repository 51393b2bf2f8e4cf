"""What fixes are worth in data, in words: one sentence for each."""

import textwrap

from nnlab.analysis.learning import Interval, Worth
from nnlab.analysis.report import Report
from nnlab.render.numbers import number
from nnlab.text import one_line

WIDTH = 120


def worths(report: Report) -> str:
    """A sentence for each fix that lies on the baseline's learning curve."""
    return "".join(f"{textwrap.fill(worth_in_words(worth), WIDTH)}\n" for worth in report.worths)


def worth_in_words(worth: Worth) -> str:
    """One number where it holds for all sizes, else those of the smallest and the largest size.

    >>> one = Interval(1.83, 1.52, 2.21)
    >>> print(worth_in_words(Worth("e", "dropout=0.3", "dropout=0", (50.0, 200.0), (one, one), one, True)))
    Against dropout=0, dropout=0.3 is worth about 1.8 times the data [1.5, 2.2] (50 to 200 training rows).
    """
    start = f"Against {_name(worth.baseline)}, {_name(worth.line)} is worth about"
    if worth.agrees:
        return f"{start} {_times(worth.overall)} ({rows_in_words(worth)})."
    ends = (f"{_times(worth.at[i])} at {worth.rows[i]:g} training rows" for i in (0, -1))
    return f"{start} {' but '.join(ends)}."


def rows_in_words(worth: Worth) -> str:
    """The sizes at which it was measured."""
    low, high = (f"{rows:g}" for rows in (worth.rows[0], worth.rows[-1]))
    return f"{low} training rows" if low == high else f"{low} to {high} training rows"


def _name(line: str) -> str:
    """What a line is called, in quotes where its commas would end it too soon."""
    return f'"{one_line(line)}"' if "," in line else one_line(line)


def _times(factor: Interval) -> str:
    return f"{number(factor.value, 2)} times the data [{number(factor.low, 2)}, {number(factor.high, 2)}]"
