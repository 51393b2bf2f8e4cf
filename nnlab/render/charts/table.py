"""The one table of pictures: what `nnlab report --figure` can name, the most useful first."""

from collections.abc import Callable

from nnlab.analysis.report import Report
from nnlab.render.charts.comparison import comparison
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.gap import gap

CHARTS: dict[str, Callable[[Report], list[Figure]]] = {"comparison": comparison, "gap": gap}


def figures(report: Report) -> list[Figure]:
    """All pictures that have something to show of this report."""
    return [figure for chart in CHARTS.values() for figure in chart(report)]
