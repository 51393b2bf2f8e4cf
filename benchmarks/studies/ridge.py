"""Ridge in theory and in nnlab: the risk that theory predicts, under the measured points.

nnlab sweep configs/studies/ridge.yaml
python benchmarks/studies/ridge.py
"""

from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from nnlab.render.charts.theme import SERIES, WIDTH, theme

ROOT = Path(__file__).parents[2]
TEST_ROWS = 2000
FEATURES, SQUARED_NORM, NOISE = 20, 5.0, 1.0
DRAWS = 4000


def predicted_risk(rows: int, strengths: np.ndarray) -> np.ndarray:
    """The expected squared error on new rows, for each lambda.

    With the eigenvalues e of X'X, c = lambda / 2, and a bias that is not penalised (one row less, and the
    variance of a mean):

        (1 + 1/n) (s^2 + E sum_i (c^2 |b|^2 / d + s^2 e_i) / (e_i + c)^2)
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=(DRAWS, rows - 1, FEATURES))
    e = np.linalg.eigvalsh(x.transpose(0, 2, 1) @ x)[:, :, np.newaxis]
    e[e < 1e-9] = 0  # fewer rows than features
    c = np.maximum(strengths / 2, 1e-9)
    excess = ((c**2 * SQUARED_NORM / FEATURES + NOISE**2 * e) / (e + c) ** 2).sum(axis=1).mean(axis=0)
    return (1 + 1 / rows) * (NOISE**2 + excess)


def measured(folder: Path) -> pd.DataFrame:
    """Mean test loss over the seeds with twice its standard error, by rows and lambda."""
    runs = pd.read_csv(folder / "runs.csv").rename(columns={"regularization.l2": "l2"})
    runs["rows"] = runs["data.samples"] - TEST_ROWS
    found = runs.groupby(["rows", "l2"])["test_loss"].agg(["mean", "sem", "count"]).reset_index()
    found["low"], found["high"] = found["mean"] - 2 * found["sem"], found["mean"] + 2 * found["sem"]
    found["predicted"] = np.concatenate(
        [predicted_risk(int(rows), own["l2"].to_numpy()) for rows, own in found.groupby("rows")]
    )
    return found


def picture(found: pd.DataFrame) -> alt.TopLevelMixin:
    """Measured points with bars of two standard errors on the predicted lines."""
    strengths = np.geomspace(0.4, 300, 120)
    lines = pd.concat(
        pd.DataFrame({"rows": rows, "l2": strengths, "predicted": predicted_risk(int(rows), strengths)})
        for rows in found["rows"].unique()
    )
    points = found[found["l2"] > 0]
    colour = alt.Color("rows:N", scale=alt.Scale(range=list(SERIES)), title="training rows")
    ticks = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256]
    x = alt.X("l2:Q", scale=alt.Scale(type="log", nice=False), axis=alt.Axis(values=ticks), title="lambda")
    risk = "squared error on new rows"
    y = alt.Y("mean:Q", title=risk, scale=alt.Scale(zero=False))
    best = alt.Chart(pd.DataFrame({"l2": [2 * FEATURES * NOISE**2 / SQUARED_NORM]}))
    chart = alt.layer(
        best.mark_rule(strokeDash=[4, 4]).encode(x="l2:Q"),
        alt.Chart(lines).mark_line().encode(x, alt.Y("predicted:Q", title=risk), colour),
        alt.Chart(points).mark_rule().encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour),
        alt.Chart(points).mark_point().encode(x, y, colour, alt.Shape("rows:N", legend=None)),
    )
    title = alt.Title(
        "The best lambda is 8, however many rows there are",
        subtitle="Lines: theory. Points: nnlab, 50 seeds, two standard errors. Dashed: 2 d s² / |b|²",
    )
    return chart.properties(width=WIDTH, height=360, title=title).configure(**theme())


def main() -> None:
    """Prints the table and writes the figure."""
    found = measured(ROOT / "runs/ridge")
    away = (found["mean"] - found["predicted"]).abs() / found["sem"]
    print(found.pivot(index="l2", columns="rows", values=["mean", "predicted"]).round(3).to_string())
    print(f"largest distance from theory: {away.max():.1f} standard errors, median {away.median():.1f}")
    best = found.loc[found.groupby("rows")["mean"].idxmin(), ["rows", "l2"]]
    print("best lambda by rows:", dict(best.to_numpy().tolist()))
    picture(found).save(ROOT / "docs/figures/ridge.svg")


if __name__ == "__main__":
    main()
