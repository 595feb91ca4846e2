"""Step `train_sweep`: train and compare the experiments."""

from clearml import PipelineDecorator


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
    from clearml import Task

    from clearml_flows.tabular.artifacts import load_ref
    from clearml_flows.tabular.failure import tell_failure
    from clearml_flows.tabular.training.leaderboard import read_experiments
    from clearml_flows.tabular.training.sweep import SweepOptions, train_experiments

    task = Task.current_task()
    options = SweepOptions(folds, repeats, metric, seed, jobs, project, max_bytes, shard)
    try:
        return train_experiments(task, read_experiments(experiments), load_ref(dataset), options)
    except Exception as error:
        tell_failure(task, str(error))
        raise
