"""Names that mean harm, all the way from a table and a config to every format."""

import csv
import io
import re
from pathlib import Path

import pytest
import yaml

from nnlab.render.formats import FORMATS
from tests.browser import chromium
from tests.cli import Desk
from tests.reports import HOSTILE
from tests.test_formats import CONTROLS, Cells
from tests.test_html import Page

COLUMNS = [name for name in HOSTILE if not set(name) & set("\r\n")]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """An experiment whose columns, classes and strategies mean harm."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    with (desk.folder / "table.csv").open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*COLUMNS, "target"])
        for i in range(40):
            lines.writerow([*((i * 7 + j) % 11 for j in range(len(COLUMNS))), HOSTILE[i % 2]])
    strategies = {name: {"regularization.l2": number} for number, name in enumerate(("none", *HOSTILE))}
    config = {
        "data": {"source": "csv", "path": "table.csv", "target": "target"},
        "model": {"hidden": [4]},
        "training": {"epochs": 1},
        "sweep": {"seeds": 2, "strategies": strategies, "baseline": "none"},
    }
    answer = desk.nnlab("sweep", desk.write(yaml.safe_dump(config, allow_unicode=False)))
    assert answer.code == 0, answer.stderr
    assert not CONTROLS.search(answer.stdout + answer.stderr)
    return desk


@pytest.mark.parametrize("form", FORMATS)
def test_no_format_is_harmed(swept: Desk, form: str) -> None:
    answer = swept.nnlab("report", "-f", form)
    assert answer.code == 0
    assert not CONTROLS.search(answer.stdout)
    assert "n" * 300 in answer.stdout.replace("\n", "")


def test_nothing_of_it_becomes_markup(swept: Desk) -> None:
    harmless = {"table", "thead", "tbody", "tr", "th", "td", "p", "pre", "code"}
    assert Cells(swept.nnlab("report", "-f", "md").stdout).tags <= harmless
    page = Page(swept.nnlab("report", "-f", "html").stdout)
    assert page.count("script") == 1
    assert page.count("img") == page.count("b") == 0
    assert page.count("title") > 1  # there are pictures
    cells = [
        cell for line in csv.reader(io.StringIO(swept.nnlab("report", "-f", "csv").stdout)) for cell in line
    ]
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-[^\d]", cell)]


def test_a_browser_stays_quiet(swept: Desk, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert swept.nnlab("report", "-f", "html", "-o", str(page)).code == 0
    with chromium(tmp_path / "profile") as browser:
        browser.open(page)
        assert browser.complaints() == []
        assert browser.requests() == [page.as_uri()]
