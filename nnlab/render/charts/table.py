"""The one table of pictures: what `nnlab report --figure` can name, the most useful first."""

from collections.abc import Callable
from dataclasses import replace

from nnlab.analysis.report import Report
from nnlab.render.charts.comparison import comparison
from nnlab.render.charts.curve import curve
from nnlab.render.charts.decomposition import decomposition
from nnlab.render.charts.figure import Figure
from nnlab.render.charts.gap import gap
from nnlab.render.charts.heat_map import heat_map
from nnlab.render.charts.loss_curves import loss_curves
from nnlab.render.charts.regions import regions

CHARTS: dict[str, Callable[[Report], list[Figure]]] = {
    "comparison": comparison,
    "gap": gap,
    "curve": curve,
    "heat_map": heat_map,
    "decomposition": decomposition,
    "loss_curves": loss_curves,
    "regions": regions,
}


def figures(report: Report) -> list[Figure]:
    """All pictures that have something to show of this report, each under a name of its own."""
    found = []
    for name, chart in CHARTS.items():
        for number, figure in enumerate(chart(report), start=1):
            found.append(figure if number == 1 else replace(figure, name=f"{name}-{number}"))
    return found
