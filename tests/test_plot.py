"""`nnlab report --plot`: pictures as files, and mistakes told in one line."""

import pytest

from nnlab.analysis.frames import runs_frame
from nnlab.analysis.report import make_report
from nnlab.render.charts import figures
from nnlab.store.reading import read
from tests.cli import MOONS, Desk


@pytest.fixture
def swept(desk: Desk) -> Desk:
    assert desk.nnlab("sweep", desk.write(MOONS), "-q").code == 0
    return desk


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("SVG", b"<svg"), ("pdf", b"%PDF")])
def test_a_report_prints_and_draws(swept: Desk, suffix: str, magic: bytes) -> None:
    answer = swept.nnlab("report", "--plot", f"picture.{suffix}")
    assert (answer.code, answer.stderr) == (0, "")
    assert answer.stdout == swept.nnlab("report").stdout
    assert (swept.folder / f"picture.{suffix}").read_bytes().startswith(magic)


def test_one_figure_is_smaller_than_all(swept: Desk) -> None:
    for name in ("gap", "all"):
        assert swept.nnlab("report", "--plot", f"{name}.svg", "--figure", name).code == 0
    sizes = {path.stem: path.stat().st_size for path in swept.folder.glob("*.svg")}
    assert sizes["gap"] < sizes["all"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--plot", "a.jpg"), "--plot a.jpg: expected a name that ends in .png, .svg, .pdf"),
        (("--plot", "picture"), "--plot picture: expected a name that ends in .png, .svg, .pdf"),
        (("--plot", "a.png", "--figure", "gab"), "--figure gab: expected one of comparison, gap,"),
        (("--figure", "gap"), "--figure gap: came without --plot, expected --plot FILE.png"),
    ],
)
def test_mistakes_are_told_before_any_work(desk: Desk, options: tuple[str, ...], message: str) -> None:
    answer = desk.nnlab("report", *options)
    assert answer.code == 2
    assert message in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not list(desk.folder.iterdir())


def test_a_figure_that_these_runs_have_not_is_refused(swept: Desk) -> None:
    answer = swept.nnlab("report", "--plot", "a.png", "--figure", "heat_map")
    assert (answer.code, answer.stderr) == (
        2,
        "--figure heat_map: these runs have none, expected comparison, gap, loss_curves, regions\n",
    )


def test_a_file_that_cannot_be_written_leaves_nothing(swept: Desk) -> None:
    before = set(swept.folder.rglob("*"))
    answer = swept.nnlab("report", "--plot", "absent/a.png")
    assert answer.code == 4
    assert answer.stdout == ""  # told before the work
    assert answer.stderr == "--plot absent/a.png: there is no folder absent, expected one that exists\n"
    assert set(swept.folder.rglob("*")) == before


def test_runs_without_numbers_have_nothing_to_draw(desk: Desk) -> None:
    wild = MOONS + "optimizer: {name: sgd, learning_rate: 1e30}\n"
    assert desk.nnlab("sweep", desk.write(wild), "-q").code == 3
    answer = desk.nnlab("report", "--plot", "a.png")
    assert (answer.code, answer.stderr) == (
        2,
        "--plot a.png: these runs have nothing to draw, expected completed runs\n",
    )


@pytest.mark.parametrize("name", ["loss_curves", "regions"])
def test_names_above_panels_end_before_the_next_panel(desk: Desk, name: str) -> None:
    assert desk.nnlab("sweep", desk.write(MOONS.replace("[0, 1]", "[0, 1, 2]")), "-q").code == 0
    folder = desk.folder / "runs/config"
    report = make_report(runs_frame([read(folder)]), {"config": folder})
    chart = next(figure for figure in figures(report) if figure.name == name).chart.to_dict()
    assert chart["columns"] == 3
    width = chart["spec"].get("width") or chart["spec"]["layer"][0]["width"]
    assert chart["facet"]["header"]["labelLimit"] <= width
