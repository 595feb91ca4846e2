"""Run a sweep: each experiment in a worker process with a Task of its own; select the best."""

import tempfile
from dataclasses import dataclass
from typing import Any

from clearml_flows.tabular.datasets.dataset_files import read_dataset_part
from clearml_flows.tabular.registry.entries import project_of
from clearml_flows.tabular.reporting import figure_events, make_client, send_report, value_events
from clearml_flows.tabular.training.experiment import run_experiment
from clearml_flows.tabular.training.experiment_plots import leaderboard_table
from clearml_flows.tabular.training.experiment_tasks import complete_experiment, fail_experiment, open_experiment
from clearml_flows.tabular.training.leaderboard import select_best, sweep_result
from clearml_flows.tabular.training.learning_curve import tell_learning_curve
from clearml_flows.tabular.training.live_scores import send_live
from clearml_flows.tabular.workers import count_workers, run_in_processes


@dataclass(frozen=True)
class SweepOptions:
    """Options of the step `train_sweep`, under their names there."""

    folds: int
    repeats: int
    metric: str
    seed: int
    jobs: int
    project: str
    max_bytes: int
    shard: bool


def train_experiments(task: Any, specs: list[dict[str, Any]], dataset: dict[str, Any], options: SweepOptions) -> str:
    """Train the experiments on the dataset's training rows, and report on the step's Task.

    Returns:
        The sweep's result. Its `best` is empty if all experiments of a shard failed.

    Raises:
        ValueError: the metric is unknown, or the dataset is damaged.
        RuntimeError: all experiments failed.
    """
    client, workers = make_client(), count_workers(options.jobs)
    facts = sweep_facts(task, dataset, options)
    print(f"{len(specs)} experiments on {dataset['train_rows']} rows, {workers} at once", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = read_dataset_part(dataset, "train", folder, options.max_bytes)
        data = (rows, *(dataset[key] for key in ("target", "numeric", "categorical", "problem_type")))
        drawn = (options.folds, options.repeats, options.seed)
        calls = [(spec, *data, *drawn, f"{folder}/{number}.skops") for number, spec in enumerate(specs)]
        tags = ["synthetic"] if dataset["synthetic"] else []
        entries = run_sweep(client, task, specs, calls, facts, tags, project_of(client, options.project), workers)
        if options.shard and all(entry["status"] == "failed" for entry in entries):
            return sweep_result(dataset, options.metric, entries, "")
        best = select_best(entries, options.metric)
        winner = next(spec for spec in specs if spec["name"] == best["name"])
        tell_learning_curve(client, best["task_id"], winner, data, options.metric, options.seed, workers)
    tell_result(client, task, entries, best, facts)
    return sweep_result(dataset, options.metric, entries, best["task_id"])


def sweep_facts(task: Any, dataset: dict[str, Any], options: SweepOptions) -> dict[str, Any]:
    """Return the section `General` that the Tasks of all experiments of a sweep share."""
    return {
        # ClearML keeps the runs of a flow and their steps in a project with the flow's name.
        "flow": task.get_project_name().partition("/.pipelines/")[2],
        "dataset_id": dataset["id"],
        "dataset_sha256": dataset["sha256"],
        "train_rows": dataset["train_rows"],
        "test_rows": dataset["test_rows"],
        "test_size": dataset["test_size"],
        "split_seed": dataset["split_seed"],
        "n_features": len(dataset["numeric"]) + len(dataset["categorical"]),
        "folds": options.folds,
        "repeats": options.repeats,
        "metric": options.metric,
        "random_state": options.seed,
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
