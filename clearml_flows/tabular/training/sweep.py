"""Run a sweep: each experiment in a worker process with a Task of its own; select the best.

Steps may embed every function.
"""

from typing import Any

if __name__ != "__main__":  # ClearML copies unconditional imports into a step's script, where these functions stand.
    from clearml_flows.tabular.artifacts import dump_ref
    from clearml_flows.tabular.judging.metrics import lower_is_better
    from clearml_flows.tabular.reporting import figure_events, send_report, value_events
    from clearml_flows.tabular.training.experiment import run_experiment
    from clearml_flows.tabular.training.experiment_plots import leaderboard_table
    from clearml_flows.tabular.training.experiment_tasks import complete_experiment, fail_experiment, open_experiment
    from clearml_flows.tabular.training.live_scores import send_live
    from clearml_flows.tabular.workers import run_in_processes


def read_experiments(text: str) -> list[dict[str, Any]]:
    """Parse the experiments in a JSON text.

    Raises:
        ValueError: it is no list of objects with a name and a family, or a name is used twice.
    """
    import json

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


def sweep_facts(dataset: dict[str, Any], folds: int, repeats: int, metric: str, seed: int) -> dict[str, Any]:
    """Return the section `General` that the Tasks of all experiments of a sweep share."""
    return {
        "dataset_id": dataset["id"],
        "dataset_sha256": dataset["sha256"],
        "train_rows": dataset["train_rows"],
        "test_rows": dataset["test_rows"],
        "test_size": dataset["test_size"],
        "split_seed": dataset["split_seed"],
        "n_features": len(dataset["numeric"]) + len(dataset["categorical"]),
        "folds": folds,
        "repeats": repeats,
        "metric": metric,
        "random_state": seed,
    }


def run_sweep(
    client: Any,
    step: Any,
    specs: list[dict[str, Any]],
    calls: list[tuple[Any, ...]],
    facts: dict[str, Any],
    tags: list[str],
    project_id: str,
    workers: int,
) -> list[dict[str, Any]]:
    """Run all experiments, `workers` at once, and report progress on their Tasks and the step's.

    `calls` holds the arguments of `run_experiment` for each of `specs`.

    Returns:
        `{task_id, name, family, status, metrics, threshold, model_sha256, out_of_fold_sha256}` of each, in the order
        of `specs`. A failed experiment has the status `failed` and no metrics. The others go on.
    """
    opened: dict[int, str] = {}
    entries: dict[int, dict[str, Any]] = {}
    sent = dict.fromkeys(range(len(specs)), 0)

    def start(number: int) -> None:
        opened[number] = open_experiment(client, specs[number], project_id, step, facts, tags)

    def look() -> None:
        for number in opened.keys() - entries.keys():
            sent[number] = send_live(client, opened[number], f"{calls[number][-1]}.live", sent[number])

    tell_progress(client, step, 0, len(specs))
    try:
        for number, outcome in run_in_processes(run_experiment, calls, workers, start, look):
            look()
            entry = close_experiment(client, opened[number], specs[number], outcome, calls[number][-1])
            entries[number] = entry
            print(f"{len(entries)} of {len(specs)}: {describe(entry, facts['metric'])}", flush=True)
            tell_progress(client, step, len(entries), len(specs))
    except BaseException as error:
        for number in opened.keys() - entries.keys():
            fail_experiment(client, opened[number], error)
        raise
    return [entries[number] for number in sorted(entries)]


def close_experiment(client: Any, task_id: str, spec: dict[str, Any], outcome: Any, path: str) -> dict[str, Any]:
    """Complete or fail the experiment's Task; return its entry for the sweep's result."""
    entry = {"task_id": task_id, "name": spec["name"], "family": spec["family"]}
    if not isinstance(outcome, BaseException):
        try:
            predictions = complete_experiment(client, task_id, outcome, path)
            kept = {"metrics": outcome["metrics"], "threshold": outcome["threshold"], "model_sha256": outcome["sha256"]}
            return {**entry, "status": "completed", **kept, "out_of_fold_sha256": predictions}
        except Exception as error:
            outcome = error
    fail_experiment(client, task_id, outcome)
    print(f"{spec['name']}: {type(outcome).__name__}: {outcome}")
    nothing: dict[str, Any] = {"metrics": {}, "threshold": None, "model_sha256": "", "out_of_fold_sha256": ""}
    return {**entry, "status": "failed", **nothing}


def describe(entry: dict[str, Any], metric: str) -> str:
    """Describe a finished experiment in one line."""
    if entry["status"] != "completed":
        return f"{entry['name']} {entry['status']}"
    mean, std = entry["metrics"][f"cv_{metric}"], entry["metrics"][f"cv_{metric}_std"]
    return f"{entry['name']} cv_{metric} {mean:.4f} ± {std:.4f}"


def tell_progress(client: Any, step: Any, done: int, count: int) -> None:
    """Report on the step's Task how many experiments have finished.

    Writes a scalar, and the runtime properties `progress` and `progress_text`.
    """
    step._set_runtime_properties(
        {"progress": str(100 * done // count), "progress_text": f"{done} of {count} experiments"}
    )
    event = {"type": "training_stats_scalar", "metric": "sweep", "variant": f"experiments of {count}"}
    send_report(client, step.id, [{**event, "iter": done, "value": done}])


def tell_result(
    client: Any, step: Any, entries: list[dict[str, Any]], best: dict[str, Any], facts: dict[str, Any]
) -> None:
    """Report the leaderboard and the best experiment's metrics on the step's Task."""
    failed = sum(entry["status"] == "failed" for entry in entries)
    print(f"best of {len(entries)} ({failed} failed): {describe(best, facts['metric'])}")
    values = {"experiments": len(entries), "failed": failed, **best["metrics"]}
    board = leaderboard_table(entries, facts["metric"], facts["folds"], facts["repeats"])
    send_report(client, step.id, [*value_events(values), *figure_events({"Leaderboard": board})])


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
