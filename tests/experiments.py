"""Experiments for tests, made from lines written by hand: nothing is stored."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nnlab.store.database import STORED
from nnlab.store.experiment import Experiment


class Line(NamedTuple):
    """One run: its settings, what is stored beside them, and whether its strategy is tuned."""

    settings: Mapping[str, Any]
    values: Mapping[str, Any]
    tuned: bool = False
    current: bool = True


def experiment_of(
    lines: Sequence[Line], name: str = "experiment", select: str = "val_loss", baseline: str | None = None
) -> Experiment:
    """What a folder with these runs would hold."""
    texts = [json.dumps(line.settings) for line in lines]
    columns: dict[str, list[Any]] = {key: [line.values.get(key) for line in lines] for key in STORED}
    columns |= {key: [getattr(line, key) for line in lines] for key in ("tuned", "current")}
    columns["data_seed"] = [line.values.get("data_seed", line.values.get("seed")) for line in lines]
    settings = {text: json.loads(text) for text in texts}
    columns |= {"settings": texts, "features": [0] * len(lines), "top_feature": [""] * len(lines)}
    return Experiment(name, columns, settings, select, baseline)
