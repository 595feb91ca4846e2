"""How far the scores depend on which rows are kept apart: the improved experiments beside plain ones, over ten splits.

    python benchmarks/split_seeds.py TELCO.csv [SPLITS]

For each split seed, 0 to SPLITS - 1, each experiment is cross-validated on the training rows (5 folds), its threshold
chosen out of fold, and its model scored once on the test rows. Prints mean ± standard deviation over the splits. The
seeds are fixed, and nothing is chosen by what this prints.
"""

import statistics
import sys
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from components.estimators import make_model
from components.evaluation import score_rows
from components.experiment import fold_metrics, out_of_fold, positive_rows, summarise
from components.metrics import best_threshold
from components.problems import describe_problems
from components.rows import prediction_rows, rows_from_csv
from components.schema import load_schema
from components.split import feature_roles, split_rows
from flows.settings import load

ROOT = Path(__file__).resolve().parent.parent
IMPROVED = ("improved-histogram", "improved-vote")
PLAIN: list[dict[str, Any]] = [
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
]
METRICS = ("cv_roc_auc", "cv_f1_score", "test_roc_auc", "test_f1_score")


def split_scores(
    spec: dict[str, Any], rows: Any, schema: dict[str, Any], test_size: float, seed: int
) -> dict[str, float]:
    """The experiment's metrics on the training rows and on the test rows of one split, as the flow finds them."""
    train, test = split_rows(rows, schema, test_size, seed)
    numeric, categorical = feature_roles(rows, schema)
    features, labels = train[[*numeric, *categorical]], train[schema["target"]].to_numpy()
    y, unfitted = positive_rows(labels), make_model(spec, numeric, categorical, 42)
    with threadpool_limits(1):
        p, fold, _ = out_of_fold(unfitted, features, labels, 5, 1, 42)
        model = unfitted.fit(features, labels)
        threshold = best_threshold(y, p.mean(axis=0))
        tested = score_rows(model, test[features.columns], test[schema["target"]], threshold)["metrics"]
    return {**summarise(fold_metrics(y, p, fold)), **tested}


def main(path: str, splits: int) -> None:
    schema = load_schema((ROOT / "flows" / "schemas" / "telco.json").read_text("utf-8"))
    raw, problems, _ = rows_from_csv(Path(path).read_bytes(), schema)
    if problems:
        sys.exit(describe_problems(path, problems))
    rows = prediction_rows(raw, schema).assign(**{schema["target"]: raw[schema["target"]]})
    improved = [one.model_dump(exclude_defaults=True) for one in load().churn.experiments if one.name in IMPROVED]
    fixed, test_size = (rows, schema), load().features.test_size
    print("experiment", *METRICS, sep=" | ")
    for spec in [*PLAIN, *improved]:
        found = Parallel(n_jobs=2)(delayed(split_scores)(spec, *fixed, test_size, seed) for seed in range(splits))
        series = [[one[metric] for one in found] for metric in METRICS]
        told = [f"{statistics.fmean(values):.4f} ± {statistics.stdev(values):.4f}" for values in series]
        print(spec["name"], *told, sep=" | ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10)
