"""Everything about one run on a sheet: who it is, what was set, what came of it, where its weights are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnlab.analysis.defaults import origins
from nnlab.render.plain import pairs
from nnlab.store.experiment import Row
from nnlab.text import count_of, one_line, value_in_words


def describe_sheet(row: Row, folder: Path, outcome: str, everything: bool = False) -> str:
    """The sheet in words.

    Args:
        row: the run.
        folder: of its experiment.
        outcome: what came of it, in words.
        everything: also the settings that are the defaults.
    """
    values, found = row.values, origins(row.settings)
    parts = [
        _listed(
            {
                "run": values["run"],
                "experiment": str(folder),
                "strategy": values["strategy"],
                "seed": values["seed"],
                "status": values["status"],
            }
        ),
        "set\n" + _listed(found.own, "  "),
    ]
    if found.automatic:
        parts.append("set, or found by the data\n" + _listed(found.automatic, "  "))
    if everything:
        parts.append("default\n" + _listed(found.usual, "  "))
    else:
        parts.append(f"{count_of(len(found.usual), 'other setting')} as by default (--all shows them)\n")
    weights = weights_of(row, folder)
    parts += [outcome, _listed({"weights": str(weights) if weights else "none"})]
    return "\n".join(parts)


def write_sheet(row: Row, folder: Path) -> str:
    """The sheet for programs; null where there is no number."""
    weights = weights_of(row, folder)
    everything = {
        "version": 1,
        "experiment": str(folder),
        **{name: value for name, value in row.values.items() if name not in ("tuned", "current")},
        "error": row.error,
        "settings": dict(row.settings),
        "feature_weights": row.feature_weights,
        "weights": str(weights) if weights else None,
    }
    return json.dumps(everything, indent=2, allow_nan=False) + "\n"


def weights_of(row: Row, folder: Path) -> Path | None:
    """The file with the weights of a run, if there is one."""
    path = folder / "weights" / f"{row.values['run']}.safetensors"
    return path if path.is_file() else None


def _listed(settings: Mapping[str, Any], before: str = "") -> str:
    return pairs([(before + key, one_line(value_in_words(value))) for key, value in settings.items()])
