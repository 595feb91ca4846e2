"""A sweep in several steps: its experiments dealt out to them, and their results put together as if it were one."""

import json
from itertools import zip_longest
from typing import Any

from clearml_flows.run.snapshot import Run
from clearml_flows.tabular.training.sweep import read_experiments, select_best, sweep_result


def deal(experiments: str, shards: int) -> list[str]:
    """The JSON list of experiments dealt out like cards, in at most `shards` parts, each with slow and fast ones.

    Raises ValueError if it is to be dealt out and is no list of experiments.
    """
    if shards == 1:
        return [experiments]
    specs = read_experiments(experiments)
    return [json.dumps(specs[first::shards]) for first in range(min(shards, len(specs)))]


def merge(parts: list[str]) -> str:
    """The sweep that one step would have returned, from those of the steps that had the parts of `deal`, in order.

    Raises RuntimeError if every experiment failed.
    """
    if len(parts) == 1:
        return parts[0]
    sweeps = [json.loads(part) for part in parts]
    dealt = zip_longest(*(sweep["experiments"] for sweep in sweeps))
    entries = [entry for in_turn in dealt for entry in in_turn if entry is not None]
    metric = sweeps[0]["metric"]
    return sweep_result(sweeps[0]["dataset"], metric, entries, select_best(entries, metric)["task_id"])


def sweep_of(run: Run) -> dict[str, Any]:
    """What the steps of a run's sweep have returned, as one; {} if none has, or has an experiment that completed."""
    returned = [(step.returns or {}).get("sweep") for step in run.steps if step.name.startswith("train_sweep")]
    parts = [part for part in returned if part]
    if not any(json.loads(part)["best"] for part in parts):
        return {}
    return dict(json.loads(merge(parts)))
