"""The pictures: they show the report's numbers, in valid Vega-Lite, whatever names and numbers come."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.report import Report, make_report
from nnlab.render.charts import CHARTS, Figure, figures
from nnlab.render.charts.picture import PICTURES, definition
from nnlab.render.charts.theme import SERIES, theme
from nnlab.text import settings_in_words
from tests.experiments import Line, experiment_of
from tests.reports import Metrics, report_by_metric, rows_of

WOBBLE = [0.00, 0.01, -0.01, 0.02, -0.02, 0.005, -0.005, 0.015, -0.015, 0.0]
HOSTILE = (
    "<script>alert(1)</script>",
    "[red]bold[/red]",
    "=cmd()",
    "\x1b[31mred\x1b[0m",
    "a\"b'c\\d",
    "x" * 300,
    "y" * 300,
    "two\nlines",
    "${datum.name}",
    "\u202eturned",
)


def losses(train: float, test: float, seeds: int = 10) -> Metrics:
    return {
        f"{split}_loss": [loss * (1 + wobble) for wobble in WOBBLE[:seeds]]
        for split, loss in {"train": train, "val": test, "test": test}.items()
    }


def compared(seeds: int = 10) -> Report:
    strategies = {"none": (0.1, 1.0), "good": (0.2, 0.5), "bad": (0.1, 1.5)}
    return report_by_metric({name: losses(*pair, seeds) for name, pair in strategies.items()}, "none")


def settings_report(grid: list[dict[str, Any]]) -> Report:
    """A grid whose loss falls with the number of rows, if that varies."""
    rows: list[Line] = []
    for i, settings in enumerate(grid):
        size = settings.get("data.train_size", 100)
        metrics = {**losses(0.1, 5 * size**-0.5 * (1 - 0.05 * (i > 3))), "train_rows": [float(size)] * 10}
        rows += rows_of(settings_in_words(settings), metrics, settings)
    return report_by_metric({}, rows=rows)


def named(report: Report, name: str) -> Figure:
    return next(figure for figure in figures(report) if figure.name == name)


def data_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """All rows that a definition carries."""
    return [line for lines in chart["datasets"].values() for line in lines]


REPORTS = {
    "with a baseline": compared,
    "without a baseline": lambda: report_by_metric({"a": losses(0.1, 0.2), "b": losses(0.1, 0.3)}),
    "one strategy": lambda: report_by_metric({"a": losses(0.1, 0.2)}),
    "one seed": lambda: compared(seeds=1),
    "three seeds": lambda: compared(seeds=3),
    "hostile names": lambda: report_by_metric({name: losses(0.1, 0.2) for name in HOSTILE}, HOSTILE[0]),
    "many strategies": lambda: report_by_metric({f"s{i}": losses(0.1, 0.2 + i) for i in range(40)}, "s0"),
    "huge and negative": lambda: report_by_metric(
        {"a": losses(-3.0, 1e12), "b": losses(1e-9, 0.2), "c": losses(5.0, -1e-300)}, baseline="b"
    ),
    "all the same": lambda: report_by_metric({"a": losses(0.0, 0.0), "b": losses(0.0, 0.0)}, baseline="a"),
    "without test rows": lambda: report_by_metric(
        {
            "a": {**losses(0.1, 0.2), "test_loss": [None] * 10},
            "b": {**losses(0.1, 0.3), "test_loss": [None] * 10},
        }
    ),
    "a curve": lambda: settings_report([{"regularization.l2": value} for value in (0, 0.1, 1, 10)]),
    "a heat map": lambda: settings_report(
        [{"regularization.l2": x, "training.epochs": y} for x in (0, 1, 10) for y in (1, 10, 100)]
    ),
    "a learning curve": lambda: settings_report(
        [{"data.train_size": n, "regularization.dropout": p} for p in (0, 0.3) for n in (50, 100, 200, 400)]
    ),
    "one diverged": lambda: report_by_metric(
        {"a": losses(0.1, 0.2), "b": {name: [None] * 10 for name in losses(1, 1)}}, baseline="a"
    ),
    "all diverged": lambda: report_by_metric({"a": {name: [None] * 10 for name in losses(1, 1)}}),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_makes_valid_pictures(kind: str) -> None:
    for figure in figures(REPORTS[kind]()):
        assert figure.name in CHARTS
        assert figure.title
        for dark in (False, True):
            json.dumps(definition([figure], dark), allow_nan=False)  # `to_dict` checks it against the schema
        assert PICTURES[".svg"](definition([figure])).startswith(b"<svg")


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<svg"), (".pdf", b"%PDF")])
def test_all_figures_fit_into_one_file_of_each_kind(suffix: str, magic: bytes) -> None:
    assert PICTURES[suffix](definition(figures(compared()))).startswith(magic)


def test_a_picture_loads_nothing_from_elsewhere() -> None:
    drawing = PICTURES[".svg"](definition(figures(compared()))).decode()
    assert set(re.findall(r"https?://[^\"' ]+", drawing)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "$schema" in definition(figures(compared()))  # a name, which nothing fetches
    assert not re.search(r'"(url|href)"', json.dumps(definition(figures(compared()))))


def test_hostile_names_stay_text() -> None:
    drawing = PICTURES[".svg"](definition(figures(REPORTS["hostile names"]()))).decode()
    assert "<script" not in drawing
    assert "\x1b" not in drawing
    assert "\u202e" not in drawing
    assert "[red]bold[/red]" in drawing
    assert "${datum.name}" in drawing


def test_long_names_that_begin_alike_stay_two_lines() -> None:
    alike = {f"{'x' * 200}{end}{'x' * 200}": losses(0.1, 0.2) for end in "ab"}
    lines = data_of(definition([named(report_by_metric(alike), "gap")]))
    assert len({line["name"] for line in lines}) == 2


def test_the_comparison_shows_the_differences_of_the_table() -> None:
    report = compared()
    figure = named(report, "comparison")
    drawn = {line["name"]: line for line in data_of(definition([figure])) if "difference" in line}
    assert set(drawn) == {"good", "bad"}
    for line in report.summary.itertuples():
        if line.strategy != "none":
            assert drawn[line.strategy]["difference"] == pytest.approx(line.difference, rel=1e-5)
            assert drawn[line.strategy]["difference_high"] == pytest.approx(line.difference_high, rel=1e-5)
    assert (drawn["good"]["verdict"], drawn["bad"]["verdict"]) == ("better", "worse")
    assert "good -0.500" in figure.description


def test_the_better_side_is_left_for_a_loss_and_right_for_an_accuracy() -> None:
    assert "left of the dashed line is better" in named(compared(), "comparison").description


def test_the_gap_picture_shows_both_losses_of_each_strategy() -> None:
    drawn = data_of(definition([named(compared(), "gap")]))
    points = {(line["name"], line["split"]): line["loss"] for line in drawn if "split" in line}
    assert points["none", "train"] == pytest.approx(0.1, rel=0.02)
    assert points["none", "test"] == pytest.approx(1.0, rel=0.02)
    assert len(points) == 6


def test_a_curve_has_a_series_for_each_split() -> None:
    drawn = data_of(definition([named(REPORTS["a curve"](), "curve")]))
    assert {(line["series"], line["value"]) for line in drawn} == {
        (split, value) for split in ("train", "val", "test") for value in (0, 0.1, 1, 10)
    }


def test_a_learning_curve_shows_its_power_law() -> None:
    report = REPORTS["a learning curve"]()
    figure = named(report, "curve")
    assert "the fitted power law" in figure.title + figure.description
    law = next(law for law in report.learning if law.line == "dropout=0.3")
    laws = [
        line for line in data_of(definition([figure])) if "seeds" not in line and line["series"] == law.line
    ]
    for line in laws:
        assert line["mean"] == pytest.approx(float(law.law.error(line["value"])), rel=1e-4)
    assert len(laws) > 20


def test_the_parts_of_a_decomposition_stand_one_after_the_other_and_below_zero_on_the_left() -> None:
    values = {"bias2": -0.02, "variance": 0.15, "noise": 0.2}
    who = {"experiment": "experiment", "strategy": "good", "setting": "", "loss": "squared_error"}
    found = pd.DataFrame([{**who, "part": part, "value": value} for part, value in values.items()])
    figure = named(replace(compared(), decomposition=found), "decomposition")
    drawn = {line["words"]: (line["start"], line["end"]) for line in data_of(definition([figure]))}
    assert drawn == {"bias²": (0, -0.02), "variance": (0, 0.15), "noise": (0.15, 0.35)}
    assert "good bias² -0.0200, variance 0.150, noise 0.200" in figure.description


def test_no_two_figures_share_a_name_and_each_says_its_experiment() -> None:
    rows = [row for value in (0, 1, 10) for row in rows_of(f"l2={value}", losses(0.1, 0.2), {"a.l2": value})]
    runs = runs_frame([experiment_of(rows, name) for name in ("one", "two")])
    found = figures(make_report(runs, {"one": Path("nowhere"), "two": Path("nowhere")}))
    assert [figure.name for figure in found] == ["comparison", "gap", "curve", "curve-2"]
    assert "of two" in json.dumps(definition([found[-1]]))


def test_the_best_cell_of_a_heat_map_is_framed() -> None:
    cells = data_of(definition([named(REPORTS["a heat map"](), "heat_map")]))
    assert len(cells) == 9
    (best,) = [cell for cell in cells if cell["best"]]
    assert best["mean"] == min(cell["mean"] for cell in cells)


def test_what_is_not_shown_is_said() -> None:
    many = json.dumps(definition([named(REPORTS["many strategies"](), "comparison")]))
    assert "20 of 39 shown" in many
    assert "left out: 1 without completed runs" in json.dumps(
        definition([named(REPORTS["one diverged"](), "gap")])
    )


def luminance(colour: str) -> float:
    """Of WCAG 2: the weighted sum of linear red, green and blue."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_marks_and_words_stand_out_from_the_ground(dark: bool) -> None:
    config = theme(dark)
    ground = config["background"]
    assert all(contrast(colour, ground) >= 3 for colour in SERIES)
    words = (config["axis"]["labelColor"], config["title"]["color"], config["title"]["subtitleColor"])
    assert all(contrast(colour, ground) >= 4.5 for colour in words)
