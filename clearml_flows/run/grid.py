"""Expand experiments with parameter grids."""

from collections.abc import Iterable
from itertools import product
from typing import Any

from clearml_flows.settings import Experiment


def expand(experiments: Iterable[Experiment]) -> list[dict[str, Any]]:
    """Return the experiments as dictionaries, a grid as one experiment for each combination.

    The values of the combination are part of the experiment's name.
    """
    return [one for experiment in experiments for one in _each(experiment)]


def _each(experiment: Experiment) -> Iterable[dict[str, Any]]:
    told = experiment.model_dump(exclude_defaults=True, exclude={"grid"})
    for values in product(*experiment.grid.values()):
        chosen = dict(zip(experiment.grid, values, strict=True))
        name = "-".join([experiment.name, *(f"{key}-{value}" for key, value in chosen.items())])
        yield {**told, "name": name, **({"params": {**experiment.params, **chosen}} if chosen else {})}
