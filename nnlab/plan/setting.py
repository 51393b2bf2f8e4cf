"""A setting: one combination of settings with its data, and the network that it trains."""

from dataclasses import dataclass

from nnlab.config.schema import Config, regularizer
from nnlab.data.material import Material
from nnlab.nn.ensemble import Ensemble
from nnlab.nn.mlp import Network


@dataclass(frozen=True)
class Setting:
    """One combination of settings; a sweep trains it once for each seed.

    Args:
        strategy: the strategy or grid point it belongs to, as tables name it.
        config: the config with the combination put in, and all `auto` resolved.
        material: the data it trains on.
    """

    strategy: str
    config: Config
    material: Material


def network_of(setting: Setting) -> Network:
    """The network that a setting trains."""
    config, material = setting.config, setting.material
    assert config.model.output is not None and config.loss is not None  # resolved  # noqa: PT018
    outputs = material.outputs
    if material.task == "classification":
        outputs = config.model.output.units(len(material.class_names))
    sizes = (material.feature_count, *config.model.hidden, outputs)
    return Network(
        sizes,
        config.model.activations,
        config.model.output,
        config.loss,
        config.model.dtype,
        normalized=any(entry.normalizes for entry in config.regularization),
    )


def members_of(config: Config) -> int:
    """How many networks a run trains."""
    ensemble = regularizer(config, Ensemble.name)
    return ensemble.members if isinstance(ensemble, Ensemble) else 1
