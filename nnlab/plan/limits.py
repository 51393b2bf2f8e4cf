"""Limits: what would not fit into memory is refused by arithmetic, before it is made."""

from nnlab.config.schema import Config
from nnlab.data.generator import Generator
from nnlab.data.material import Material
from nnlab.data.prepare import count
from nnlab.data.scaling import LARGEST
from nnlab.errors import SettingError
from nnlab.memory import available_memory, size
from nnlab.nn.ensemble import Ensemble
from nnlab.plan.grouping import population_bytes
from nnlab.plan.setting import Setting, members_of, network_of

WIDTHS = ("features", "informative", "irrelevant")  # options of generators that decide how wide a row is


def refuse_too_much_data(config: Config) -> None:
    """A generator that would draw more than fits; by arithmetic, before it is asked.

    Raises:
        SettingError: with the number and the limit.
    """
    source = config.data.source
    options = {name: getattr(source, name, 0) for name in ("samples", "classes", *WIDTHS)}
    sizes = {name: value if isinstance(value, int) else 0 for name, value in options.items()}
    columns = max(1, sum(sizes[name] for name in WIDTHS))
    needed = 8 * columns * max(sizes["samples"], sizes["classes"])  # drawing needs several such tables
    if needed > (free := available_memory()):
        largest = max(sizes, key=sizes.__getitem__)
        raise SettingError(
            ("data", largest),
            f"data.{largest}: {sizes[largest]:,} came, {size(needed)} for the rows, "
            f"expected less than the {size(free)} that are free",
        )


def refuse_too_large_numbers(config: Config) -> None:
    """Options of a generator that make rows whose squares would be infinite.

    Raises:
        SettingError: with the number and the limit.
    """
    source = config.data.source
    for name, value in vars(source).items() if isinstance(source, Generator) else ():
        if isinstance(value, float) and abs(value) > LARGEST:
            raise SettingError(
                ("data", name), f"data.{name}: {value:g} came, expected a number up to {LARGEST:g}"
            )


def refuse_too_many_rows(config: Config, material: Material) -> None:
    """Copies of the training rows that would not fit; by arithmetic, before they are made.

    Raises:
        SettingError: with the number and the limit.
    """
    preparation = config.data.preparation
    rows = count(material, preparation).train
    needed = 8 * rows * (material.feature_count + max(1, material.outputs))
    if preparation.copies > 1 and needed > (free := available_memory()):
        raise SettingError(
            ("data", "copies"),
            f"data.copies: {preparation.copies:,} came, which makes {rows:,} training rows, {size(needed)}; "
            f"expected less than the {size(free)} that are free",
        )


def refuse_too_large(setting: Setting) -> None:
    """A network whose training would not fit into memory; by arithmetic, before it is allocated.

    Raises:
        SettingError: with the number and the limit.
    """
    needed, members = population_bytes(setting), members_of(setting.config)
    if needed > (free := available_memory()) >= needed / members:
        raise SettingError(
            ("regularization", Ensemble.name),
            f"regularization.{Ensemble.name}: {members:,} members came, {size(needed)} to train all of them, "
            f"expected less than the {size(free)} that are free",
        )
    if needed > free:
        parameters = network_of(setting).parameters
        raise SettingError(
            ("model", "hidden"),
            f"model.hidden: {parameters:,} parameters came, {size(needed)} to train one network, "
            f"expected less than the {size(free)} that are free",
        )
