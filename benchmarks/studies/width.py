"""Double descent on MNIST-1D: published errors beside those that nnlab measures, and what removes the peak.

    pip install 'nnlab[mnist1d]'
    nnlab sweep configs/studies/width.yaml
    nnlab sweep configs/studies/width_cures.yaml
    python benchmarks/studies/width.py

Published: the notebook deep-double-descent of github.com/greydanus/mnist1d, one run for each cell of
`published_width.csv`.
"""

import json
from pathlib import Path

import altair as alt
import pandas as pd

from nnlab.render.charts.theme import SERIES, WIDTH, theme

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TICKS = [2, 4, 8, 16, 32, 64, 128, 256]
KINDS = {0.0: "clean", 0.15: "noisy"}
L2, STOPPING = "regularization.l2", "regularization.early_stopping.patience"


def read(name: str) -> pd.DataFrame:
    """The runs of a sweep, with their width and their errors in per cent."""
    runs = pd.read_csv(ROOT / f"runs/{name}/runs.csv")
    runs["hidden"] = [json.loads(widths)[0] for widths in runs["model.hidden"]]
    for split in ("train", "val", "test"):
        if f"{split}_accuracy" in runs:
            runs[f"{split}_error"] = 100 * (1 - runs[f"{split}_accuracy"])
    return runs


def side_by_side(runs: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """One line for each width, label noise and split: published, mean, smallest and largest of the seeds."""
    lines = []
    for (hidden, noise), own in runs.groupby(["hidden", "data.label_noise"]):
        for split in ("train", "test"):
            errors = own[f"{split}_error"]
            then = published.loc[published["hidden"] == hidden, f"{KINDS[noise]}_{split}"].item()
            lines.append((hidden, KINDS[noise], split, then, errors.mean(), errors.min(), errors.max()))
    return pd.DataFrame(lines, columns=["hidden", "labels", "split", "published", "mean", "low", "high"])


def cures(runs: pd.DataFrame) -> pd.DataFrame:
    """Test error by width: without a fix, with the L2 that is best by validation, with early stopping."""
    lines = []
    for hidden, own in runs.groupby("hidden"):
        stopped = own[STOPPING].notna()
        trained = own[~stopped].groupby(L2)[["val_error", "test_error"]].mean()
        best = trained.loc[trained.index > 0, "val_error"].idxmin()
        lines += [
            (hidden, "no fix", 0.0, trained.loc[0, "test_error"]),
            (hidden, "l2 tuned for each width", best, trained.loc[best, "test_error"]),
            (hidden, "early stopping", 0.0, own.loc[stopped, "test_error"].mean()),
        ]
    return pd.DataFrame(lines, columns=["hidden", "fix", "l2", "test error"])


def picture(found: pd.DataFrame) -> alt.TopLevelMixin:
    """Measured lines with the range of the seeds, published points."""
    errors = found.assign(what=found["labels"] + " labels, " + found["split"])
    colour = alt.Color("what:N", scale=alt.Scale(range=list(SERIES[:4])))
    x = _width_axis()
    chart = alt.layer(
        alt.Chart(errors).mark_area().encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        alt.Chart(errors).mark_line().encode(x, alt.Y("mean:Q", title="error, %"), colour),
        alt.Chart(errors).mark_point(size=60).encode(x, alt.Y("published:Q"), colour),
    )
    subtitle = "Points: published, one run each. Lines and bands: nnlab, mean and range of 5 seeds"
    return _finished(
        chart, "With noisy labels the test error peaks where they are learned by heart", subtitle
    )


def picture_of_cures(found: pd.DataFrame) -> alt.TopLevelMixin:
    """Test error over the width for each fix."""
    fixes = list(dict.fromkeys(found["fix"]))
    scale = alt.Scale(domain=fixes, range=[SERIES[1], SERIES[0], SERIES[2]])
    chart = (
        alt.Chart(found)
        .mark_line(point=True)
        .encode(
            _width_axis(),
            alt.Y("test error:Q", title="test error, %", scale=alt.Scale(zero=False)),
            alt.Color("fix:N", scale=scale),
            alt.StrokeDash("fix:N", scale=alt.Scale(domain=fixes)),
        )
    )
    subtitle = "15 % noisy labels, a fifth of the training rows for validation, 3 seeds"
    return _finished(chart, "L2 and early stopping remove the peak", subtitle)


def _width_axis() -> alt.X:
    scale = alt.Scale(type="log", nice=False)
    return alt.X("hidden:Q", scale=scale, axis=alt.Axis(values=TICKS), title="units in each of two layers")


def _finished(chart: alt.LayerChart | alt.Chart, title: str, subtitle: str) -> alt.TopLevelMixin:
    words = alt.Title(title, subtitle=subtitle)
    return chart.properties(width=WIDTH, height=360, title=words).configure(**theme())


def main() -> None:
    """Prints the tables and writes the figures."""
    found = side_by_side(read("width"), pd.read_csv(HERE / "published_width.csv"))
    found["away"] = found["mean"] - found["published"]
    print(
        found.pivot(index="hidden", columns=["labels", "split"], values=["published", "mean"])
        .round(1)
        .to_string()
    )
    wide = found[found["hidden"] >= 12]
    near = (wide["away"].abs() <= 2.5).sum()
    print(f"{near} of {len(wide)} cells from 12 units on are within 2.5 points of the published; the others:")
    print(wide[wide["away"].abs() > 2.5].round(1).to_string(index=False))
    picture(found).save(ROOT / "docs/figures/width.svg")
    fixed = cures(read("width_cures"))
    print(fixed.pivot(index="hidden", columns="fix", values="test error").round(1).to_string())
    print(fixed[fixed["l2"] > 0][["hidden", "l2"]].to_string(index=False))
    picture_of_cures(fixed).save(ROOT / "docs/figures/width_cures.svg")


if __name__ == "__main__":
    main()
