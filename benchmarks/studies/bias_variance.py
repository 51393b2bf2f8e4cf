"""Bias and variance against the width of one hidden layer, from what the sweep has stored.

nnlab sweep configs/studies/bias_variance.yaml
nnlab report runs/bias_variance --decompose -f csv -o runs/bias_variance/parts.csv
python benchmarks/studies/bias_variance.py
"""

from pathlib import Path

import altair as alt
import pandas as pd

from nnlab.render.charts.theme import SERIES, WIDTH, theme

ROOT = Path(__file__).parents[2]
PARTS = {
    "error": "test_loss",
    "bias²": "squared_error_bias2",
    "variance": "squared_error_variance",
    "train loss": "train_loss",
}


def parts(path: Path) -> pd.DataFrame:
    """One line for each width, one column for each part."""
    lines = pd.read_csv(path)
    width = lines["model.hidden"].str.strip("[]").astype(int)
    return pd.DataFrame({"width": width} | {name: lines[column] for name, column in PARTS.items()})


def picture(found: pd.DataFrame) -> alt.TopLevelMixin:
    """A line for each part over the width."""
    long = found.melt("width", var_name="part", value_name="squared error")
    names = list(PARTS)
    chart = (
        alt.Chart(long)
        .mark_line(point=True)
        .encode(
            alt.X(
                "width:Q",
                scale=alt.Scale(type="log", nice=False),
                axis=alt.Axis(values=[1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
                title="units of the hidden layer",
            ),
            alt.Y("squared error:Q", title="squared error"),
            alt.Color("part:N", sort=names, scale=alt.Scale(domain=names, range=list(SERIES[:4]))),
            alt.StrokeDash("part:N", sort=names, scale=alt.Scale(domain=names)),
        )
    )
    title = alt.Title(
        "Variance peaks where a network can just learn its rows by heart",
        subtitle="friedman1, 200 training rows, the same 1,000 test rows, 20 training sets; noise is 1",
    )
    return chart.properties(width=WIDTH, height=360, title=title).configure(**theme())


def main() -> None:
    """Prints the table and writes the figure."""
    found = parts(ROOT / "runs/bias_variance/parts.csv").sort_values("width")
    print(found.round(2).to_string(index=False))
    picture(found).save(ROOT / "docs/figures/bias_variance.svg")


if __name__ == "__main__":
    main()
