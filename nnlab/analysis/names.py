"""What people call a column of the runs: its name, or the last part of a dotted one."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from nnlab.analysis.frames import FACTS, WORDS, cell, setting_columns
from nnlab.errors import InputError
from nnlab.metrics import RUN_METRICS
from nnlab.registry import did_you_mean, show

ABOUT_A_RUN = (*RUN_METRICS, *WORDS, "run", "seed", "data_seed", "status", *FACTS)

EXAMPLES = 12  # names in a message: all settings of a config would fill the screen


def resolve(name: str, known: Sequence[str], where: str) -> str:
    """The one that is meant: itself, or one whose last parts it is.

    Args:
        name: as typed.
        known: all names there are.
        where: the option and place, for the message.

    Raises:
        InputError: none is meant, or more than one.

    >>> resolve("l2", ["test_loss", "regularization.l2"], "--cols")
    'regularization.l2'
    >>> resolve("optimizer", ["optimizer.name", "optimizer.beta1"], "--cols")
    'optimizer.name'
    """
    meant = meant_by(name, known)
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise InputError(f"{where}: {show(name)} may be {' or '.join(meant)}, expected one of them")
    raise InputError(f"{where}: {show(name)} is not known{_suggestion(name, known)}")


def meant_by(name: str, known: Sequence[str]) -> list[str]:
    """All that a name may mean; one that it is itself leaves no doubt."""
    for exact in (name, f"{name}.name"):
        if exact in known:
            return [exact]
    found = [one for one in known if one.endswith(f".{name}")]
    return found or [one for one in known if one.endswith(f".{name}.name")]


def _suggestion(name: str, known: Sequence[str]) -> str:
    """Short names are compared with short names, and long ones with long ones."""
    last = {one if "." in name else one.rpartition(".")[2]: None for one in known}
    return did_you_mean(name, last) or f", expected one such as {', '.join(list(last)[:EXAMPLES])}"


def names_of(runs: pd.DataFrame) -> list[str]:
    """Everything that can be asked of these runs: facts, metrics, and all settings, varying or not."""
    facts = [name for name in ABOUT_A_RUN if name in runs]
    return list(dict.fromkeys([*facts, *setting_columns(runs), *_constants(runs)]))


def with_settings(runs: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The runs with a column for each of these settings, though it may not vary."""
    constants = _constants(runs)
    columns: dict[str, Any] = {name: [constants[name]] * len(runs) for name in names if name not in runs}
    return runs.assign(**columns)


def _constants(runs: pd.DataFrame) -> dict[str, object]:
    """The settings of the first run; those that have no column are the same for all."""
    return {key: cell(value) for key, value in json.loads(runs["settings"].iloc[0]).items()}
