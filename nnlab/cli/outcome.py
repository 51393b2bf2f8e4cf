"""What came of a run, in words: its numbers, its loss curve, its diagnosis."""

from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.cli.output import can_show

if TYPE_CHECKING:
    from nnlab.store.experiment import Row


def describe_outcome(row: "Row", folder: Path) -> str:
    """How `nnlab train` ends, and what `nnlab show` repeats.

    Args:
        row: the run.
        folder: of its experiment.
    """
    from nnlab.analysis.diagnosis import diagnose_run
    from nnlab.render.diagnosis import describe_diagnosis
    from nnlab.render.loss_curve import BRAILLE_SAMPLE, loss_curve
    from nnlab.render.run import describe_run
    from nnlab.store.reading import read_curve

    drawn = loss_curve(read_curve(folder, row.values["run"]), plain=not can_show(BRAILLE_SAMPLE))
    diagnosis = describe_diagnosis(diagnose_run(row, row.target))
    return "\n".join(part for part in (describe_run(row), drawn, diagnosis) if part)
