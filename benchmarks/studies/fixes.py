"""Which fix for which disease: the whole cabinet on three small real tables, as one Markdown table.

for name in breast_cancer digits diabetes; do
    nnlab sweep configs/studies/fixes_$name.yaml --strategies cabinet
    nnlab report runs/fixes_$name -f csv -o runs/fixes_$name/report.csv
done
python benchmarks/studies/fixes.py
"""

from pathlib import Path

import pandas as pd

RUNS = Path(__file__).parents[2] / "runs"
TABLES = ("breast_cancer", "digits", "diabetes")


def column(name: str) -> "pd.Series[str]":
    """For each strategy the change of its test loss relative to the baseline's, and the mark."""
    lines = pd.read_csv(RUNS / f"fixes_{name}/report.csv").set_index("strategy")
    base = lines.loc["none", "test_loss"]
    change = 100 * lines["difference"] / base
    marks = lines["mark"].fillna("").str.lstrip("'")  # a spreadsheet would take them for formulas
    words = change.map("{:+.0f} %".format) + " `" + marks + "`"
    words["none"] = f"{base:.3g}"
    return words.rename(name)


def main() -> None:
    """Prints the table, most helpful strategy first."""
    found = pd.concat([column(name) for name in TABLES], axis="columns").fillna("")
    helped = found.apply(lambda cells: cells.str.contains("`+`", regex=False)).sum(axis="columns")
    print("| fix | " + " | ".join(TABLES) + " |")
    print("|---|" + "---:|" * len(TABLES))
    for name in helped.sort_values(ascending=False, kind="stable").index:
        print(f"| {name} | " + " | ".join(found.loc[name]) + " |")


if __name__ == "__main__":
    main()
