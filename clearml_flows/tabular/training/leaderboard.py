"""Experiments of a sweep: read them, select the best, and build the sweep's result."""

import json
from typing import Any

from clearml_flows.tabular.artifacts import dump_ref
from clearml_flows.tabular.judging.metric_names import lower_is_better


def read_experiments(text: str) -> list[dict[str, Any]]:
    """Parse the experiments in a JSON text.

    Raises:
        ValueError: it is no list of objects with a name and a family, or a name is used twice.
    """
    try:
        specs = json.loads(text)
    except ValueError:
        specs = None
    if not isinstance(specs, list) or not specs or not all(isinstance(spec, dict) for spec in specs):
        raise ValueError(f"the experiments must be a JSON list of objects, with at least one in it, not {text!r:.80}")
    names = [spec.get("name") for spec in specs]
    for spec in specs:
        if not (isinstance(spec.get("name"), str) and len(spec["name"]) >= 3 and isinstance(spec.get("family"), str)):
            raise ValueError(f"an experiment needs a name of 3 characters or more and a family: {spec!r:.200}")
        if names.count(spec["name"]) > 1:
            raise ValueError(f"two experiments are called {spec['name']!r}")
    return specs


def select_best(entries: list[dict[str, Any]], metric: str) -> dict[str, Any]:
    """Return the experiment with the best cross-validated mean; of equal ones the first by name.

    Raises:
        ValueError: the experiments have no such metric.
        RuntimeError: all experiments failed.
    """
    completed = [entry for entry in entries if entry["status"] == "completed"]
    if not completed:
        raise RuntimeError(f"all {len(entries)} experiments failed; the console of each says why")
    known = [name.removeprefix("cv_") for name in completed[0]["metrics"] if name.startswith("cv_")]
    if metric not in known:
        raise ValueError(f"the metric is {metric!r}: it can be one of {', '.join(known)}")
    sign = 1 if lower_is_better(metric) else -1
    return min(completed, key=lambda entry: (sign * entry["metrics"][f"cv_{metric}"], entry["name"]))


def sweep_result(dataset: dict[str, Any], metric: str, entries: list[dict[str, Any]], best: str) -> str:
    """Build the reference of a sweep over the dataset; `best` is the id of the winner's Task."""
    return dump_ref(
        {
            "dataset": {"id": dataset["id"], "sha256": dataset["sha256"]},
            "metric": metric,
            "count": len(entries),
            "failed": sum(entry["status"] == "failed" for entry in entries),
            "best": best,
            "experiments": entries,
        }
    )
