"""The CSV files: copies of what is stored, for other tools."""

import csv
import io
import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence

from nnlab.metrics import CURVE_COLUMNS, RUN_METRICS
from nnlab.store.database import BASIC
from nnlab.store.experiment import Experiment
from nnlab.store.settings import varying
from nnlab.text import csv_text

ALWAYS = 6  # metrics that every task has: the losses, gap, penalty, weight_norm


def runs_csv(contents: Experiment, chosen: Collection[tuple[str, str]]) -> str:
    """One line for each run and strategy, with the settings that vary."""
    columns, keys = contents.columns, varying(contents.settings.values())
    metrics = [
        name
        for i, name in enumerate(RUN_METRICS)
        if i < ALWAYS or any(value is not None for value in columns[name])
    ]
    crossed = columns["data_seed"] != columns["seed"]
    who, rest = BASIC[: 4 if crossed else 3], BASIC[4:]
    own = {text: [_cell(one.get(key)) for key in keys] for text, one in contents.settings.items()}
    members = zip(columns["strategy"], columns["settings"], strict=True)
    cells = [
        *(map(_cell, columns[name]) for name in who),
        *([own[text][i] for text in columns["settings"]] for i in range(len(keys))),
        [_cell(member in chosen) for member in members],
        *(map(_cell, columns[name]) for name in rest),
        *(columns[name] for name in metrics),
    ]
    headings = [*who, *keys, "chosen", *rest, *metrics]
    return _csv([headings, *zip(*cells, strict=True)])


def curves_csv(database: sqlite3.Connection) -> str:
    """One line for each run and recorded epoch."""
    order = dict(database.execute("SELECT run, min(position) FROM strategies GROUP BY run"))
    lines = database.execute(f"SELECT run, epoch, {', '.join(CURVE_COLUMNS)} FROM curves").fetchall()
    lines.sort(key=lambda line: (order[line[0]], line[1]))
    return _csv([["run", "epoch", *CURVE_COLUMNS], *lines])


def _cell(value: object) -> object:
    if isinstance(value, str):
        return csv_text(value)
    plain = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    return value if plain else json.dumps(value)


def _csv(lines: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    return buffer.getvalue()
