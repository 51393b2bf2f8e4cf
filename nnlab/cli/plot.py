"""`nnlab report --plot`: pictures of a report as one file."""

from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.cli.output import save
from nnlab.errors import InputError

if TYPE_CHECKING:
    from nnlab.analysis.report import Report

SUFFIXES = (".png", ".svg", ".pdf")
ALL = "all"
USUAL = 2  # pictures in a file: what fits on a slide


def check_picture(file: Path | None, figure: str | None) -> None:
    """Refuse what cannot be drawn, before any work is done.

    Raises:
        InputError: the file's name does not say which kind of picture, or there is no such figure.
    """
    if file is None:
        if figure is not None:
            raise InputError(f"--figure {figure}: came without --plot, expected --plot FILE.png")
        return
    if file.suffix.lower() not in SUFFIXES:
        raise InputError(f"--plot {file}: expected a name that ends in {', '.join(SUFFIXES)}")
    if figure is not None:
        from nnlab.registry import did_you_mean
        from nnlab.render.charts import CHARTS

        names = [*CHARTS, ALL]
        if figure not in names:
            raise InputError(
                f"--figure {figure}: expected one of {', '.join(names)}{did_you_mean(figure, names)}"
            )


def draw(report: "Report", file: Path, figure: str | None) -> None:
    """Write the asked pictures of a report, by default the first two.

    Raises:
        InputError: the report has nothing to show in them.
        EnvironmentFault: the file cannot be written.
    """
    from nnlab.render.charts import CHARTS, figures
    from nnlab.render.charts.picture import PICTURES, definition

    found = CHARTS[figure](report) if figure in CHARTS else figures(report)
    if figure is None:
        found = found[:USUAL]
    if figure in CHARTS and not found:
        there = ", ".join(name for name, chart in CHARTS.items() if chart(report))
        raise InputError(f"--figure {figure}: these runs have none, expected {there or 'other runs'}")
    if not found:
        raise InputError(f"--plot {file}: these runs have nothing to draw, expected completed runs")
    save(file, PICTURES[file.suffix.lower()](definition(found)))
