"""Split a sweep into several steps, and merge their results into the result of one sweep."""

import json
from itertools import zip_longest
from typing import Any

from clearml_flows.run.snapshot import Run
from clearml_flows.tabular.training.leaderboard import read_experiments, select_best, sweep_result


def deal(experiments: str, shards: int) -> list[str]:
    """Split the JSON list of experiments into at most `shards` parts.

    Experiments go to the parts in turn, so that each part gets slow and fast experiments.

    Raises ValueError if `shards` is over 1 and `experiments` is no valid list.
    """
    if shards == 1:
        return [experiments]
    specs = read_experiments(experiments)
    return [json.dumps(specs[first::shards]) for first in range(min(shards, len(specs)))]


def merge(parts: list[str]) -> str:
    """Merge the results of the parts of `deal`, in order, into the result of one sweep.

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
    """Return the merged result of a run's sweep. {} if no experiment completed (yet)."""
    parts = [step.returns["sweep"] for step in run.steps if step.returns and step.returns.get("sweep")]
    if not any(json.loads(part)["best"] for part in parts):
        return {}
    return dict(json.loads(merge(parts)))
