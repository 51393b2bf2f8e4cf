"""Values that are relative to a config: `{times: 0.25}` of the same setting, or of another one."""

from collections.abc import Mapping
from typing import Any

from nnlab.config.schema import Config
from nnlab.plan import settings_of
from nnlab.registry import did_you_mean, show

FORM = "{times: 0.5}, or {times: 0.1, of: training.epochs}"


def absolute(config: Config, key: str, value: Any) -> Any:
    """A value made definite; one that is not relative stays as it is.

    Args:
        config: what it is relative to.
        key: the setting that gets it.
        value: as YAML has it; `of` names the setting that is multiplied, if it is another one.

    Raises:
        ValueError: it is no number of times, or of nothing that can be multiplied; in words.

    >>> from nnlab.config.load import configure
    >>> config, _ = configure({"data": {"source": "moons"}, "model": {"hidden": [64, 2]}})
    >>> absolute(config, "model.hidden", {"times": 0.25})
    [16, 1]
    >>> absolute(config, "data.train_size", {"times": 0.5})
    0.5
    >>> absolute(config, "regularization.early_stopping", {"times": 0.1, "of": "training.epochs"})
    10
    """
    if not isinstance(value, Mapping) or "times" not in value:
        return value
    settings, factor, of = settings_of(config), value["times"], value.get("of", key)
    if set(value) - {"times", "of"} or not _is_number(factor) or factor <= 0:
        raise ValueError(f"{key}: {show(dict(value))} came, expected {FORM}")
    if of not in settings:
        raise ValueError(f"{key}: {show(of)} is not a setting of this config{did_you_mean(of, settings)}")
    own = settings[of]
    if not (own is None or _is_number(own) or (isinstance(own, list) and all(map(_is_number, own)))):
        raise ValueError(f"{key}: {of} is {show(own)} here, expected a number to multiply")
    return _times(1.0 if own is None else own, factor)  # a size that is not limited is all of it


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _times(own: Any, factor: float) -> Any:
    if isinstance(own, list):
        return [_times(item, factor) for item in own]
    return max(1, round(own * factor)) if isinstance(own, int) else own * factor
