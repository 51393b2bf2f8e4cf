"""Pictures as files: PNG, SVG and PDF, drawn on this machine without a browser or a network."""

from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import vl_convert

from nnlab.render.charts.figure import Figure
from nnlab.render.charts.theme import theme

PIXELS = 2  # of a PNG for each unit of the drawing
SPACING = 40  # between two figures, in units of the drawing


def png(definition: dict[str, Any]) -> bytes:
    """For slides and messages."""
    return bytes(vl_convert.vegalite_to_png(definition, scale=PIXELS))


def svg(definition: dict[str, Any]) -> bytes:
    """For web pages."""
    return vl_convert.vegalite_to_svg(definition).encode()


def pdf(definition: dict[str, Any]) -> bytes:
    """For papers."""
    return bytes(vl_convert.vegalite_to_pdf(definition))


PICTURES: dict[str, Callable[[dict[str, Any]], bytes]] = {".png": png, ".svg": svg, ".pdf": pdf}


def definition(figures: Sequence[Figure], dark: bool = False) -> dict[str, Any]:
    """One Vega-Lite definition of some figures, one below the other."""
    chart = figures[0].chart
    if len(figures) > 1:
        chart = alt.vconcat(*(figure.chart for figure in figures), spacing=SPACING)
        chart = chart.resolve_scale(color="independent", shape="independent", strokeDash="independent")
    words = " ".join(figure.description for figure in figures)
    found: dict[str, Any] = chart.configure(**theme(dark)).properties(description=words).to_dict()
    return found
