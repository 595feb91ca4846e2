"""Measure the gain of the engineered features by repeated cross-validation on training rows.

    python benchmarks/feature_gain.py TELCO.csv [REPEATS]

Prints a line for the raw columns, for all features, and for all features without each of them. For logistic regression
and for histogram boosting it has the mean ROC-AUC of the folds, its difference from the raw columns on the same folds
with the standard error, and the difference of the log loss. The test rows of the flow's split are not read.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from threadpoolctl import threadpool_limits

from clearml_flows.settings import load
from clearml_flows.tabular.data.engineering import engineered_features
from clearml_flows.tabular.data.model_columns import feature_roles, fill_blanks, prediction_rows
from clearml_flows.tabular.data.problems import describe_problems
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.table_schema import load_schema
from clearml_flows.tabular.training.estimators import make_model

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("logistic-regression-default", "improved-histogram")


def fold_scores(spec: dict[str, Any], rows: pd.DataFrame, y: Any, roles: Any, fitted_on: Any, held_out: Any) -> Any:
    """Return ROC-AUC and log loss on the held-out rows."""
    with threadpool_limits(1):
        numeric, categorical = roles
        model = make_model(spec, numeric, categorical, 42).fit(rows.iloc[fitted_on], y[fitted_on])
        p = model.predict_proba(rows.iloc[held_out])[:, 1]
    return roc_auc_score(y[held_out], p), log_loss(y[held_out], p)


def main(path: str, repeats: int) -> None:
    schema = load_schema((ROOT / "flows" / "schemas" / "churn.json").read_text("utf-8"))
    raw, problems, _ = rows_from_csv(Path(path).read_bytes(), schema)
    if problems:
        sys.exit(describe_problems(path, problems))
    features = load().features
    train, _ = split_rows(raw, schema, features.test_size, features.seed)
    y = (train["Churn"] == "Yes").to_numpy().astype(int)
    columns = prediction_rows(train, schema).drop(columns="customerID")
    made = list(engineered_features(fill_blanks(train, schema), schema))
    specs = {one.name: one.model_dump(exclude_defaults=True) for one in load().flow("churn").experiments}
    folds = list(RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=0).split(columns, y))
    left_out = {"raw columns": made, "all features": [], **{f"all but {name}": [name] for name in made}}
    base: dict[str, Any] = {}
    for label, names in left_out.items():
        rows = columns.drop(columns=names)
        told = []
        for model in MODELS:
            jobs = [(specs[model], rows, y, feature_roles(rows, schema), *fold) for fold in folds]
            scores = np.array(Parallel(n_jobs=2)(delayed(fold_scores)(*job) for job in jobs))
            gain = scores - base.setdefault(model, scores)
            error = gain[:, 0].std(ddof=1) / len(gain) ** 0.5
            told.append(f"{scores[:, 0].mean():.4f} {gain[:, 0].mean():+.4f} ± {error:.4f} {gain[:, 1].mean():+.4f}")
        print(f"{label:26}", *told, sep=" | ", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
