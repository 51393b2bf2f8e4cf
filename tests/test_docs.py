"""What the documents name exists, and what exists is named in them."""

import re
from pathlib import Path
from typing import Any

import pytest

from nnlab.config.load import configure
from nnlab.config.schema import Config, Model, Report, Sweep, Training
from nnlab.config.source import parse
from nnlab.data.prepare import Preparation
from nnlab.data.sources import SOURCES
from nnlab.nn.activations import ACTIVATIONS
from nnlab.nn.initializers import INITIALIZERS
from nnlab.nn.losses import LOSSES
from nnlab.nn.optimizers import OPTIMIZERS
from nnlab.nn.outputs import OUTPUTS
from nnlab.nn.regularizers import REGULARIZERS
from nnlab.nn.schedules import SCHEDULES
from nnlab.registry import field_names, write

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/config.md").read_text()
MAP = (ROOT / "docs/architecture.md").read_text()

TABLES = {
    "model.activation": ACTIVATIONS,
    "model.initializer": INITIALIZERS,
    "model.output": OUTPUTS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "regularization": REGULARIZERS,
}


@pytest.mark.parametrize("key", TABLES)
def test_every_entry_is_in_the_reference_with_its_options(key: str) -> None:
    line = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{key}` |"))
    named = dict(re.findall(r"([a-z_0-9]+)(?: \(([a-z_0-9, ]+)\))?", line.split("|")[2]))
    options = {
        name: ", ".join(field for field in field_names(cls))
        for name, cls in TABLES[key].items()  # type: ignore[attr-defined]
    }
    assert named == options


def test_every_source_is_in_the_reference() -> None:
    section = REFERENCE.split("## Data sources")[1].split("##")[0]
    assert set(SOURCES) <= set(re.findall(r"[a-z_0-9]+", section))


@pytest.mark.parametrize("cls", [Config, Model, Training, Sweep, Report, Preparation])
def test_every_setting_is_in_the_reference(cls: type) -> None:
    block = REFERENCE.split("```yaml")[1].split("```")[0]
    assert all(re.search(rf"\b{name}:", block) for name in field_names(cls))


def test_the_defaults_in_the_reference_are_the_defaults() -> None:
    block = REFERENCE.split("```yaml")[1].split("```")[0]
    shown = parse(block, "docs/config.md").data
    shown["data"] = {"source": "moons"} | {
        key: value for key, value in shown["data"].items() if key in field_names(Preparation)
    }
    shown["sweep"]["grid"] = {}
    config, problems = configure(shown)
    default, _ = configure({"data": {"source": "moons"}, "name": "my-experiment"})
    assert not problems
    assert config is not None
    assert default is not None
    assert write(config) == write(default)


def test_the_map_names_every_file_and_only_files_there_are() -> None:
    files = {path.relative_to(ROOT / "nnlab").as_posix() for path in (ROOT / "nnlab").rglob("*.py")}
    table = MAP.split("|---|---|\n")[1].split("\n\n")[0]
    named = []
    for row in table.splitlines():
        where, what = row.strip("|").split("|")
        for place in re.findall(r"`(?:nnlab/)?([^`]+)`", where):
            names = re.findall(r"`(\w+)`", what) if place.endswith("/") else [place.removesuffix(".py")]
            named += [f"{place if place.endswith('/') else ''}{name}.py" for name in names]
    assert sorted(named) == sorted(file for file in files if not file.endswith("__.py"))


def test_commands_in_the_readme_exist() -> None:
    commands: Any = re.findall(r"^ {4}nnlab (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(commands) == {"train", "sweep", "report", "show", "diff", "clean"}
