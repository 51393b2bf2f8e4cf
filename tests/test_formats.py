"""The formats of a report: what they hold goes into its home unchanged, whatever it is called."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len

from nnlab.analysis.learning import Interval
from nnlab.analysis.report import Report
from nnlab.render.formats import FORMATS
from nnlab.render.latex import escaped
from nnlab.render.plain import pairs, table
from nnlab.text import one_line
from tests.reports import HOSTILE, report_of

DOCUMENT = Path(__file__).parent.parent / "docs/report.md"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def hostile() -> Report:
    losses = np.random.default_rng(0).normal(1, 0.1, (1 + len(HOSTILE), 8)).tolist()
    return report_of(dict(zip(("none", *HOSTILE), losses, strict=True)), HOSTILE[0])


@pytest.fixture(scope="module")
def plain() -> Report:
    wobble = np.random.default_rng(1).normal(0, 0.1, 8)
    return report_of({"none": list(1 + wobble), "dropout": list(0.1 + wobble / 3), "l2": [1e-7] * 8})


@pytest.mark.parametrize("form", FORMATS)
def test_no_control_character_gets_through(form: str, hostile: Report) -> None:
    assert not CONTROLS.search(FORMATS[form].write(hostile))


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_of_300_characters_is_whole(form: str, hostile: Report) -> None:
    assert "n" * 300 in FORMATS[form].write(hostile).replace("\n", "")


def test_columns_line_up_where_characters_take_two_places() -> None:
    text = FORMATS["table"].write(report_of({"none": [1.0, 2.0], "早停": [1.0, 2.0], "é": [1.0, 2.0]}))
    table = text.split("\n\n")[0].splitlines()
    assert len({cell_len(line) for line in table[1:]}) == 1


def test_small_tables_line_up_where_characters_take_two_places() -> None:
    lines = table(["", "loss"], [["早停", "1"], ["none", "中"]]) + pairs([("早", "1"), ("é", "1")])
    assert [cell_len(line) for line in lines.splitlines()] == [10, 10, 10, 5, 5]


# --- Markdown -----------------------------------------------------------------------------------


class Cells(HTMLParser):
    """What a reader of rendered Markdown sees: the text of each cell, and the tags around."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and "p" not in self.tags:
            self.rows[-1][-1] += data


def test_markdown_shows_every_name_as_it_is(hostile: Report) -> None:
    found = Cells(FORMATS["md"].write(hostile))
    assert found.tags <= {"table", "thead", "tbody", "tr", "th", "td", "p", "pre", "code"}
    names = {row[0].strip() for row in found.rows[1:]}
    assert names == {one_line(name).strip() for name in ("none", *HOSTILE)}


def test_markdown_columns_keep_their_heading(plain: Report) -> None:
    heading, *_ = Cells(FORMATS["md"].write(plain)).rows
    assert {"strategy", "difference test_loss", "test_accuracy"} <= {cell.strip() for cell in heading}


def test_words_in_columns_stay_in_columns_in_markdown(plain: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    aligned = "bias  variance\n0.1        0.2\n"
    monkeypatch.setattr("nnlab.render.sections.SECTIONS", {"said": lambda _: aligned})
    html = MarkdownIt("commonmark").render(FORMATS["md"].write(plain))
    assert f"<pre><code>{aligned}</code></pre>" in html


# --- CSV ----------------------------------------------------------------------------------------


def test_csv_reads_back_equal(plain: Report) -> None:
    text = FORMATS["csv"].write(plain)
    back = pd.read_csv(io.StringIO(text), keep_default_na=False, na_values=[""])
    numbers = plain.summary.select_dtypes("number").columns
    assert len(numbers) > 20
    for name in numbers:
        np.testing.assert_array_equal(back[name], plain.summary[name])
    assert list(back["strategy"]) == list(plain.summary["strategy"])


def test_no_text_in_csv_is_a_formula_and_negative_numbers_stay_numbers(hostile: Report) -> None:
    lines = list(csv.reader(io.StringIO(FORMATS["csv"].write(hostile))))
    assert len(lines) == 2 + len(HOSTILE)
    starts = [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert starts
    assert all(math.isfinite(float(cell)) and cell != "-2" for cell in starts)
    assert "'-2" in {line[1] for line in lines}


def test_headings_in_csv_are_no_formulas_either(plain: Report) -> None:
    renamed = plain.summary.rename(columns={"seeds": "=seeds"})
    made = FORMATS["csv"].write(Report(**{**vars(plain), "summary": renamed}))
    assert "'=seeds" in made.splitlines()[0].split(",")


# --- JSON ---------------------------------------------------------------------------------------


def shape(value: Any) -> Any:
    """The keys and types of a JSON value; of a list, those of its first item."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)


def test_json_has_the_documented_shape() -> None:
    """The example in the document is one, number by number, of an experiment that anybody can work out."""
    report = report_of({"none": [1.0] * 8, "l2": [0.5] * 8, "dropout": [0.75] * 8}, "example")
    found = json.loads(FORMATS["json"].write(report))
    example = json.loads(DOCUMENT.read_text().split("```json")[1].split("```")[0])
    assert found["version"] == 1
    told = {key: found[key] for key in example}  # what is empty here is not in the example
    assert shape({**told, "rows": None}) == shape({**example, "rows": None})
    assert {key for key in found if found[key]} >= set(example)
    assert found["comparisons"] == example["comparisons"]
    row = example["rows"][0]
    assert {key: found["rows"][0][key] for key in row} == row


def test_json_holds_frames_and_records_of_the_analysis(plain: Report) -> None:
    curves = pd.DataFrame({"line": ["l2"], "value": [np.int64(3)], "low": [np.nan]})
    by_line = {("made up", "l2", ""): Interval(1.0, 0.5, 1.5)}
    made = Report(
        **{**vars(plain), "curves": curves, "learning": [Interval(1.0, 0.5, 1.5)], "worths": by_line}
    )
    found = json.loads(FORMATS["json"].write(made))
    assert found["curves"] == [{"line": "l2", "value": 3, "low": None}]
    assert found["learning"] == [{"value": 1.0, "low": 0.5, "high": 1.5}]
    line = {"experiment": "made up", "strategy": "l2", "setting": ""}
    assert found["worths"] == [line | {"value": 1.0, "low": 0.5, "high": 1.5}]


def test_json_holds_every_digit_and_null_where_there_is_no_number(plain: Report) -> None:
    found = json.loads(FORMATS["json"].write(plain), parse_constant=pytest.fail)
    assert [row["val_loss"] for row in found["rows"]] == list(plain.summary["val_loss"])
    assert [row["strategy"] for row in found["rows"] if row["difference"] is None] == ["none"]


def test_json_has_no_infinity(plain: Report) -> None:
    endless = plain.summary.assign(gap=math.inf)
    found = json.loads(FORMATS["json"].write(Report(**{**vars(plain), "summary": endless})))
    assert {row["gap"] for row in found["rows"]} == {None}


# --- LaTeX --------------------------------------------------------------------------------------

PAGE = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"


def compiled(folder: Path, table: str) -> str:
    """The text of the page that pdflatex makes of a table; skips where there is none."""
    pdflatex = shutil.which("pdflatex")
    if pdflatex is None:
        pytest.skip("pdflatex is not installed")
    (folder / "page.tex").write_text(PAGE % f"\n{table}\n")
    command = [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "page.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    return "" if done.returncode == 0 else done.stdout.decode(errors="replace")[-2000:]


def test_latex_compiles_as_it_is(tmp_path: Path, hostile: Report) -> None:
    assert compiled(tmp_path, FORMATS["latex"].write(hostile)) == ""


def test_every_character_compiles(tmp_path: Path) -> None:
    block = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x250), *range(0x370, 0x400), 0x1F600)]
    lines = [escaped(f"{character}a{character}{character}[1]") for character in block]
    assert (
        compiled(
            tmp_path, "\n".join(f"\\begin{{tabular}}{{l}}x\\\\\n{line}\\end{{tabular}}" for line in lines)
        )
        == ""
    )


def test_latex_is_plain_ascii_and_uses_no_command_of_a_name(hostile: Report) -> None:
    text = FORMATS["latex"].write(hostile)
    assert text.isascii()
    known = (
        r"% usepackage begin end toprule midrule bottomrule pm textbackslash textasciitilde char ldots lambda"
    )
    known += " textasciicircum textless textgreater textbar textendash"
    assert set(re.findall(r"\\([a-z]+)", text)) <= set(known.split())
    table = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    assert {len(re.split(r"(?<!\\)&", line)) for line in table.strip().splitlines()} == {
        len(re.split(r"(?<!\\)&", text.split(r"\toprule")[1].split("\n")[1]))
    }


@pytest.mark.parametrize(
    ("raw", "latex"),
    [
        ("50 % & #1_x", r"50 \% \& \#1\_x"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("[1em]", "{[}1em{]}"),
        ("--seed", "-{}-seed"),
        ("é λ 中", r"\'{e} $\lambda$ U+4E2D"),
    ],
)
def test_latex_escapes(raw: str, latex: str) -> None:
    assert escaped(raw) == latex


def test_latex_numbers_are_mathematics(plain: Report) -> None:
    text = FORMATS["latex"].write(plain)
    assert re.search(r"\$-0\.\d+ \\pm 0\.\d+\$", text)
    assert r"$1.000 \times 10^{-7}$" in text
