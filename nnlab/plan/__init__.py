"""From a config to runs with ids and seeds, and from runs to populations that train together."""

from nnlab.plan.grouping import cost, data_bytes, population_bytes, populations
from nnlab.plan.planning import Materials, Plan, plan_sweep, plan_train, setting_of
from nnlab.plan.resolving import resolve
from nnlab.plan.runs import Run, settings_of
from nnlab.plan.setting import Setting, members_of, network_of

__all__ = [
    "Materials",
    "Plan",
    "Run",
    "Setting",
    "cost",
    "data_bytes",
    "members_of",
    "network_of",
    "plan_sweep",
    "plan_train",
    "population_bytes",
    "populations",
    "resolve",
    "setting_of",
    "settings_of",
]
