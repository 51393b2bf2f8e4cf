"""The target: the error that the best possible model would make, as far as anybody knows it."""

import functools
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nnlab.data.material import load
from nnlab.data.synthetic import GENERATORS
from nnlab.registry import Problem, build, field_names


@dataclass(frozen=True)
class Target:
    """What the training error is compared with.

    Args:
        value: share of wrong answers for classes; squared error, summed over outputs, for numbers.
        source: set in the config, known of a generator, or assumed to be 0.
        outputs: how many numbers are predicted; 1 for classes.
    """

    value: float
    source: Literal["set", "known", "assumed"]
    outputs: int = 1

    @property
    def is_assumed(self) -> bool:
        """Whether nobody knows it: less error may not be possible."""
        return self.source == "assumed"


def target_of(settings: Mapping[str, Any], asked: float | None) -> Target:
    """The target of one setting.

    Args:
        settings: of the run, as they are stored: dotted keys.
        asked: `report.target` of the config.

    >>> target_of({"data.source": "sine", "data.samples": 100, "data.noise": 0.5}, None)
    Target(value=0.25, source='known', outputs=1)
    >>> target_of({"data.source": "csv"}, None).source
    'assumed'
    """
    name = settings["data.source"]
    known, outputs = None, 1
    if name in GENERATORS:
        options = {
            key: settings[f"data.{key}"] for key in field_names(GENERATORS[name]) if f"data.{key}" in settings
        }
        known, outputs = _known(name, json.dumps(options, sort_keys=True))
    if asked is not None:
        return Target(asked, "set", outputs)
    return Target(0.0, "assumed", outputs) if known is None else Target(known, "known", outputs)


@functools.cache
def _known(name: str, options: str) -> tuple[float | None, int]:
    """The known error of a generator, and how many numbers it asks for."""
    problems: list[Problem] = []
    generator = build(GENERATORS[name], json.loads(options), (), problems)
    if generator is None:  # written by a version with other options
        return None, 1
    material = load(generator, pathlib.Path())
    return material.known_error, max(1, material.outputs)
