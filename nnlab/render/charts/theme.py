"""The one look of all pictures, light and dark: colours, fonts, sizes.

Colours are of the palette of Okabe and Ito (2008), which people with any colour vision can tell apart;
each has a contrast of 3 or more to both backgrounds. No colour stands alone: a shape, a dash or a word
says the same.
"""

from typing import Any

BLUE, VERMILLION, GREEN, GREY = "#2b7bba", "#d55e00", "#00906a", "#7d7d7d"
LIGHT_BLUE = "#3f8fb0"
SERIES = (BLUE, VERMILLION, GREEN, "#b0629a", "#a27b00", LIGHT_BLUE, "#8a5a44", GREY)
SPLIT_COLOURS = {"train": BLUE, "val": VERMILLION, "test": GREEN}
SPLIT_DASHES = {"train": [1, 0], "val": [7, 3], "test": [2, 2]}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"
WIDTH = 640  # of a picture's plotting area, in pixels
LABEL_LIMIT = 300  # pixels for the name of a strategy

_PAPER = {False: "#ffffff", True: "#16181d"}
_INK = {False: "#1c1e21", True: "#e8e8e8"}
_QUIET = {False: "#5b6068", True: "#a5abb5"}
_GRID = {False: "#e4e6ea", True: "#31353d"}


def theme(dark: bool = False) -> dict[str, Any]:
    """A Vega-Lite config.

    Args:
        dark: light marks on a dark ground.
    """
    ink, quiet, grid = _INK[dark], _QUIET[dark], _GRID[dark]
    words = {"labelColor": ink, "titleColor": ink, "labelFontSize": 15, "titleFontSize": 15}
    return {
        "background": _PAPER[dark],
        "font": FONT,
        "padding": 16,
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "frame": "group",
            "color": ink,
            "fontSize": 20,
            "fontWeight": 600,
            "subtitleColor": quiet,
            "subtitleFontSize": 15,
            "subtitlePadding": 6,
            "offset": 14,
        },
        "axis": {
            **words,
            "titleFontWeight": 400,
            "titlePadding": 10,
            "labelPadding": 6,
            "labelLimit": LABEL_LIMIT,
            "gridColor": grid,
            "domain": False,
            "labelFlush": False,
            "tickColor": grid,
        },
        "legend": {
            **words,
            "title": None,
            "orient": "top",
            "direction": "horizontal",
            "symbolSize": 140,
            "symbolStrokeWidth": 3,
            "labelLimit": LABEL_LIMIT,
            "columnPadding": 20,
        },
        "header": {**words, "title": None, "labelFontWeight": 600, "labelLimit": LABEL_LIMIT},
        "point": {"filled": True, "size": 120, "opacity": 1},
        "line": {"strokeWidth": 2.5},
        "rule": {"color": quiet},
        "text": {"color": ink, "fontSize": 14},
        "area": {"opacity": 0.28 if dark else 0.18},
    }
