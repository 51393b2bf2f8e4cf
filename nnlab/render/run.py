"""One run in words and numbers, as `nnlab train` ends."""

from nnlab.metrics import MEASURES, SPLITS
from nnlab.render.numbers import number, percent
from nnlab.render.plain import number_table, pairs
from nnlab.store.experiment import Row
from nnlab.text import one_line

FEATURES_SHOWN = 5


def describe_run(row: Row) -> str:
    """The metrics of a run, and which features its first layer trusts most."""
    values = row.values
    if values["status"] != "completed":
        reason = f": {row.error}" if row.error else ""
        return one_line(f"the run {values['status']} in epoch {values['epochs']}{reason}") + "\n"
    names = [name for name in MEASURES if values[f"train_{name}"] is not None]
    lines = [
        (split, [values[f"{split}_{name}"] for name in names])
        for split in SPLITS
        if values[f"{split}_loss"] is not None
    ]
    facts = [
        ("gap", number(values["gap"])),
        ("penalty", number(values["penalty"])),
        ("epochs", f"{values['epochs']}{_stopping(row)}"),
        ("parameters", f"{values['parameters']:,}"),
        ("seconds", number(values["seconds"], 3)),
    ]
    return number_table(names, lines) + "\n" + pairs(facts) + _features(row)


def _stopping(row: Row) -> str:
    best = row.values["best_epoch"]
    if row.settings["training.evaluate_every"] == "last":
        return ""
    if row.settings.get("regularization.early_stopping.patience") is not None:
        return f", all numbers are of the restored epoch {best}"
    return f", best in epoch {best}"


def _features(row: Row) -> str:
    """The features with the largest share of the squared first-layer weights."""
    squares = {name: weight**2 for name, weight in row.feature_weights.items()}
    total = sum(squares.values())
    if not total:
        return ""
    largest = sorted(squares, key=squares.__getitem__, reverse=True)[:FEATURES_SHOWN]
    shares = ", ".join(f"{one_line(name)} {percent(squares[name] / total)}" for name in largest)
    return pairs([("trusted", f"{shares} (share of the squared first-layer weights)")])
