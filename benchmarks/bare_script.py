"""The churn flow's steps with one cheap model and without ClearML, for `flow_overhead.py`."""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from clearml_flows.tabular.data.engineering import engineered_features
from clearml_flows.tabular.data.model_columns import feature_roles, fill_blanks
from clearml_flows.tabular.data.rows import rows_from_csv
from clearml_flows.tabular.data.split import split_rows
from clearml_flows.tabular.data.synthetic import write_synthetic
from clearml_flows.tabular.data.table_schema import load_schema
from clearml_flows.tabular.judging.judgement import judge_models
from clearml_flows.tabular.judging.metrics import binary_metrics
from clearml_flows.tabular.judging.profit import Prices, best_profit_threshold
from clearml_flows.tabular.parquet import write_parquet
from clearml_flows.tabular.training.experiment import run_experiment
from clearml_flows.tabular.training.learning_curve import learning_point
from clearml_flows.tabular.training.model_file import load_model

PRICES = Prices(500.0, 50.0, 0.3)  # value of a customer who stays, cost of an offer, share of accepted offers
SCHEMA = Path(__file__).parents[1] / "flows" / "schemas" / "churn.json"


def main(rows: int, experiment: dict[str, Any]) -> None:
    """Make rows, train a model and evaluate it in a temporary folder. Print the results as JSON."""
    schema = load_schema(SCHEMA.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(write_synthetic(folder, "telco", rows, 42))
        frame = fill_blanks(rows_from_csv(raw.read_bytes(), schema)[0], schema)
        for name, (_, values) in engineered_features(frame, schema).items():
            frame[name] = values
        numeric, categorical = feature_roles(frame, schema)
        train, test = split_rows(frame, schema, 0.2, 42)
        write_parquet(train, f"{folder}/train.parquet")
        write_parquet(test, f"{folder}/test.parquet")
        data = (experiment, train, schema["target"], numeric, categorical, "classification")
        result = run_experiment(*data, 5, 2, 42, f"{folder}/model.skops")
        learnt = [learning_point(*data, "roc_auc", 42, share) for share in (1.0, 0.5, 0.25, 0.1)]
        registry = Path(folder, "registry")
        registry.mkdir()
        shutil.copyfile(f"{folder}/model.skops", registry / f"{result['sha256']}.skops")
        model = load_model(f"{folder}/model.skops", 10**9)
        p = model.predict_proba(test[numeric + categorical])[:, 1]
        y = (test[schema["target"]] == "Yes").astype(int).to_numpy()
        metrics = binary_metrics(y, p, result["threshold"])
        tested = {f"test_{name}": value for name, value in metrics.items()}
        scored = {"y": y, "p": p, "threshold": result["threshold"], "metrics": tested}
        trained = best_profit_threshold(result["y"], result["out_of_fold"], *PRICES)
        judged = judge_models(scored, None, test, schema["segments"], 100, PRICES, trained, 1000, 42)
        digest = hashlib.sha256(Path(folder, "train.parquet").read_bytes()).hexdigest()
    told = {"cv": result["metrics"]["cv_roc_auc"], "learnt": learnt, "judged": judged, "dataset": digest}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
