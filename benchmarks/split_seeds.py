"""Measure how scores depend on the train/test split: best and plain experiments, ten splits.

    python benchmarks/split_seeds.py TELCO.csv [SPLITS]
    python benchmarks/split_seeds.py WINE.csv SPLITS wine

For each split seed, 0 to SPLITS - 1, each experiment is cross-validated on the training rows (5 folds). Its threshold
is chosen out of fold, and its model is scored once on the test rows. Prints mean ± standard deviation over the splits.
The seeds are fixed, and no setting of the flow is chosen by these results.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from clearml_flows.catalog import schema_text
from clearml_flows.run.grid import expand
from clearml_flows.settings import load
from clearml_flows.tabular.data.model_columns import feature_roles, prediction_rows
from clearml_flows.tabular.data.problems import describe_problems
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.table_schema import load_schema, problem_type_of
from clearml_flows.tabular.judging.evaluation import score_rows
from clearml_flows.tabular.problem_type import choose_threshold, target_values
from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.experiment import fold_metrics, out_of_fold, summarise

IMPROVED = {
    "churn": ("improved-histogram", "improved-vote"),
    "wine": ("random-forest-max_features-0.35-min_samples_leaf-1", "gradient-boosting-learning_rate-0.05-max_depth-6"),
}
PLAIN: dict[str, list[dict[str, Any]]] = {
    "churn": [
        {"name": "HistGradientBoosting as it comes", "family": "HistGradientBoosting"},
        {
            "name": "vote of LR, GB, HGB, RF as they come",
            "family": "Voting",
            "params": {"voting": "soft"},
            "members": [
                {"estimator": "LogisticRegression", "params": {"max_iter": 2000}},
                *({"estimator": name} for name in ("GradientBoosting", "HistGradientBoosting", "RandomForest")),
            ],
        },
    ],
    "wine": [{"name": f"{name} as it comes", "family": name} for name in ("Ridge", "RandomForest")],
}
METRICS = {
    "classification": ("cv_roc_auc", "cv_f1_score", "test_roc_auc", "test_f1_score"),
    "regression": ("cv_r2", "cv_rmse", "test_r2", "test_rmse"),
}


def split_scores(
    spec: dict[str, Any], rows: Any, schema: dict[str, Any], test_size: float, seed: int
) -> dict[str, float]:
    """Return the experiment's metrics on training and test rows of one split, as in the flow."""
    kind, (train, test) = problem_type_of(schema), split_rows(rows, schema, test_size, seed)
    numeric, categorical = feature_roles(rows, schema)
    features, labels = train[[*numeric, *categorical]], train[schema["target"]].to_numpy()
    y, unfitted = target_values(labels, kind), make_model(spec, numeric, categorical, 42, kind)
    with threadpool_limits(1):
        p, fold, _ = out_of_fold(unfitted, features, labels, kind, 5, 1, 42)
        model = unfitted.fit(features, labels)
        threshold = choose_threshold(y, p.mean(axis=0), kind)
        tested = score_rows(model, test[features.columns], test[schema["target"]], threshold)["metrics"]
    return {**summarise(fold_metrics(y, p, fold, kind)), **tested}


def main(path: str, splits: int, flow: str) -> None:
    """Print a line for each experiment."""
    schema = load_schema(schema_text(flow))
    raw, problems, _ = rows_from_csv(Path(path).read_bytes(), schema)
    if problems:
        sys.exit(describe_problems(path, problems))
    rows = prediction_rows(raw, schema).assign(**{schema["target"]: raw[schema["target"]]})
    improved = [one for one in expand(load().flow(flow).experiments) if one["name"] in IMPROVED[flow]]
    fixed, test_size, metrics = (rows, schema), load().features.test_size, METRICS[problem_type_of(schema)]
    print("experiment", *metrics, sep=" | ")
    for spec in [*PLAIN[flow], *improved]:
        found = Parallel(n_jobs=2)(delayed(split_scores)(spec, *fixed, test_size, seed) for seed in range(splits))
        series = [[one[metric] for one in found] for metric in metrics]
        told = [f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}" for values in series]
        print(spec["name"], *told, sep=" | ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10, sys.argv[3] if len(sys.argv) > 3 else "churn")
