"""The churn flow's seven steps with one cheap model, without ClearML: what `flow_overhead.py` compares with."""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from components.artifacts import write_parquet
from components.engineering import engineered_features
from components.experiment import run_experiment
from components.metrics import binary_metrics
from components.model_file import load_model
from components.rows import rows_from_csv
from components.schema import load_schema
from components.split import feature_roles, fill_blanks, split_rows
from components.synthetic import write_synthetic

SCHEMA = Path(__file__).parents[1] / "flows" / "schemas" / "telco.json"


def main(rows: int, experiment: dict[str, object]) -> None:
    """Customers in, a judged model out, all of it in a temporary folder."""
    schema = load_schema(SCHEMA.read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(write_synthetic(folder, rows, 42))
        frame = fill_blanks(rows_from_csv(raw.read_bytes(), schema)[0], schema)
        for name, (_, values) in engineered_features(frame, schema).items():
            frame[name] = values
        numeric, categorical = feature_roles(frame, schema)
        train, test = split_rows(frame, schema, 0.2, 42)
        write_parquet(train, f"{folder}/train.parquet")
        write_parquet(test, f"{folder}/test.parquet")
        result = run_experiment(
            experiment, train, schema["target"], numeric, categorical, 5, 2, 42, f"{folder}/model.skops"
        )
        registry = Path(folder, "registry")
        registry.mkdir()
        shutil.copyfile(f"{folder}/model.skops", registry / f"{result['sha256']}.skops")
        model = load_model(f"{folder}/model.skops", 10**9)
        p = model.predict_proba(test[numeric + categorical])[:, 1]
        metrics = binary_metrics((test[schema["target"]] == "Yes").astype(int).to_numpy(), p, result["threshold"])
        digest = hashlib.sha256(Path(folder, "train.parquet").read_bytes()).hexdigest()
    print(json.dumps({"cv": result["metrics"]["cv_roc_auc"], "test": metrics["roc_auc"], "dataset": digest}))


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
