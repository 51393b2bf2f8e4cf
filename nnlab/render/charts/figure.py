"""A picture with its name, its title, and what it shows in words."""

from dataclasses import dataclass

from altair.typing import ChartType


@dataclass(frozen=True)
class Figure:
    """One picture of a report.

    Args:
        name: what `--figure` calls it, such as `comparison`; the second of a kind is `curve-2`.
        title: one line above it.
        description: what it shows, with the main numbers, for people who do not see it.
        chart: its Vega-Lite definition, without a theme.
    """

    name: str
    title: str
    description: str
    chart: ChartType
