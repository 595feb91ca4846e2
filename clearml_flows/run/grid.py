"""Grids of parameters, as experiments."""

from collections.abc import Iterable
from itertools import product
from typing import Any

from clearml_flows.settings import Experiment


def expand(experiments: Iterable[Experiment]) -> list[dict[str, Any]]:
    """The experiments as plain values; of one with a grid, one for each combination, named by its values."""
    return [one for experiment in experiments for one in _each(experiment)]


def _each(experiment: Experiment) -> Iterable[dict[str, Any]]:
    told = experiment.model_dump(exclude_defaults=True, exclude={"grid"})
    for values in product(*experiment.grid.values()):
        chosen = dict(zip(experiment.grid, values, strict=True))
        name = "-".join([experiment.name, *(f"{key}-{value}" for key, value in chosen.items())])
        yield {**told, "name": name, **({"params": {**experiment.params, **chosen}} if chosen else {})}
