"""Step `train_sweep`: train and compare the experiments."""

from clearml import PipelineDecorator

from clearml_flows.tabular.artifacts import load_ref
from clearml_flows.tabular.datasets.dataset_files import read_dataset_part
from clearml_flows.tabular.failure import tell_failure
from clearml_flows.tabular.helpers import with_helpers
from clearml_flows.tabular.registry.entries import project_of
from clearml_flows.tabular.reporting import make_client
from clearml_flows.tabular.training.learning_curve import tell_learning_curve
from clearml_flows.tabular.training.sweep import (
    read_experiments,
    run_sweep,
    select_best,
    sweep_facts,
    sweep_result,
    tell_result,
)
from clearml_flows.tabular.workers import count_workers


@PipelineDecorator.component(
    return_values=["sweep"],
    cache=True,
    auto_connect_frameworks=False,
    auto_connect_arg_parser=False,
    task_type="training",
    packages=[
        "clearml>=2.1.12,<2.2",
        "joblib>=1.4",
        "matplotlib>=3.10",
        "numpy>=2,<3",
        "pandas>=2.3,<4",
        "pyarrow>=18",
        "scikit-learn>=1.7,<1.10",
        "scipy>=1.13",
        "skops>=0.13,<0.17",
        "threadpoolctl>=3.5",
    ],
    helper_functions=with_helpers(
        load_ref,
        read_dataset_part,
        tell_failure,
        tell_learning_curve,
        project_of,
        make_client,
        read_experiments,
        run_sweep,
        select_best,
        sweep_facts,
        sweep_result,
        tell_result,
        count_workers,
    ),
)
def train_sweep(
    dataset: str,
    experiments: str,
    folds: int = 5,
    repeats: int = 1,
    metric: str = "roc_auc",
    seed: int = 42,
    jobs: int = 0,
    project: str = "clearml-flows/experiments",
    max_bytes: int = 1_000_000_000,
    shard: bool = False,
) -> str:
    """Train and compare experiments on the training rows of a dataset.

    Each experiment is a Task with its parameters, cross-validated metrics, plots, model file and out-of-fold
    predictions. A failed experiment does not stop the others. The test rows are not read.

    Args:
        dataset: reference of the dataset.
        experiments: JSON list of `{name, family, estimator?, params?, members?, calibration?}`.
        folds: folds of the cross-validation, stratified if the target is a class.
        repeats: number of cross-validations with different folds.
        metric: the metric whose mean over the folds decides: roc_auc, average_precision, f1_score, accuracy, precision,
            recall or brier; for a regression r2, rmse or mae. If values are equal, the first name wins.
        seed: seed of the folds and of the estimators.
        jobs: number of experiments at the same time, each on one core. 0: one for each core.
        project: project of the experiments' Tasks.
        max_bytes: maximum size of the training rows in bytes, unpacked.
        shard: whether other steps train more experiments. All experiments here may then fail, and best is empty.

    Returns:
        `{dataset, metric, count, failed, best, experiments: [{task_id, name, family, status, metrics, threshold,
        model_sha256, out_of_fold_sha256}]}` as JSON. best is the winner's task_id, and dataset is `{id, sha256}`.

    Raises:
        ValueError: the experiments or the metric are invalid, or the dataset is damaged.
        RuntimeError: all experiments failed.
    """
    import tempfile

    from clearml import Task

    task = Task.current_task()
    try:
        specs, source = read_experiments(experiments), load_ref(dataset)
        client, workers = make_client(), count_workers(jobs)
        # ClearML keeps the runs of a flow and their steps in a project with the flow's name.
        flow = task.get_project_name().partition("/.pipelines/")[2]
        facts = {"flow": flow, **sweep_facts(source, folds, repeats, metric, seed)}
        print(f"{len(specs)} experiments on {source['train_rows']} rows, {workers} at once", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            rows = read_dataset_part(source, "train", folder, max_bytes)
            data = (rows, *(source[key] for key in ("target", "numeric", "categorical", "problem_type")))
            calls = [
                (spec, *data, folds, repeats, seed, f"{folder}/{number}.skops") for number, spec in enumerate(specs)
            ]
            tags = ["synthetic"] if source["synthetic"] else []
            entries = run_sweep(client, task, specs, calls, facts, tags, project_of(client, project), workers)
            if shard and all(entry["status"] == "failed" for entry in entries):
                return sweep_result(source, metric, entries, "")
            best = select_best(entries, metric)
            winner = next(spec for spec in specs if spec["name"] == best["name"])
            tell_learning_curve(client, best["task_id"], winner, data, metric, seed, workers)
    except Exception as error:
        tell_failure(task, str(error))
        raise
    tell_result(client, task, entries, best, facts)
    return sweep_result(source, metric, entries, best["task_id"])
