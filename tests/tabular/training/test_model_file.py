"""Model files: the same model gives the same bytes, and only our models are read."""

import hashlib
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction import FeatureHasher
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from clearml_flows.tabular.training.estimators import make_model
from clearml_flows.tabular.training.model_file import load_model, save_model
from tests.support.customers import CATEGORICAL, FOREST, NUMERIC, TARGET, make_customers

BASE = {"estimator": "DecisionTree", "params": {"max_depth": 1}}
SPECS: list[dict[str, Any]] = [
    FOREST,
    {"family": "LogisticRegression"},
    {"family": "GradientBoosting", "params": {"n_estimators": 3}},
    {"family": "GradientBoosting", "estimator": "HistGradientBoosting", "params": {"max_iter": 3}},
    {"family": "SVC"},
    {"family": "KNN"},
    {"family": "KNN", "params": {"algorithm": "kd_tree"}},
    {"family": "DecisionTree"},
    {"family": "AdaBoost", "params": {"n_estimators": 3}, "members": [BASE]},
    {**FOREST, "calibration": "sigmoid", "estimator": "RandomForest"},
    {
        "family": "improved",
        "estimator": "Voting",
        "params": {"voting": "soft"},
        "members": [BASE, {**BASE, "params": {}}],
    },
]


def fit(spec: dict[str, Any]) -> Any:
    rows = make_customers(80)
    return make_model(spec, NUMERIC, CATEGORICAL, seed=0).fit(rows[NUMERIC + CATEGORICAL], rows[TARGET].to_numpy())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.get("estimator") or spec["family"])
def test_round_trip_of_every_family_and_equal_bytes_for_an_equal_model(spec: dict[str, Any], tmp_path: Path) -> None:
    first, second = tmp_path / "first.skops", tmp_path / "second.skops"
    model = fit(spec)
    save_model(model, str(first))
    save_model(fit(spec), str(second))
    assert sha256(first) == sha256(second)
    rows = make_customers(30, seed=5)
    read = load_model(str(first), 10_000_000)
    np.testing.assert_array_equal(read.predict_proba(rows), model.predict_proba(rows))


def test_equal_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.tabular.training.test_model_file import FOREST, fit; "
        "from clearml_flows.tabular.training.model_file import save_model; save_model(fit(FOREST), sys.argv[1])"
    )
    paths = [tmp_path / "one.skops", tmp_path / "two.skops"]
    for path in paths:
        root = Path(__file__).parents[3]
        subprocess.run([sys.executable, "-c", code, path], cwd=root, check=True, timeout=60)
    assert sha256(paths[0]) == sha256(paths[1])


def test_pickle_and_joblib_files_are_refused(tmp_path: Path) -> None:
    plain = tmp_path / "model.skops"
    plain.write_bytes(pickle.dumps(fit(FOREST)))
    packed = {method: tmp_path / f"{method}.skops" for method in ("gzip", "zlib", "bz2", "xz", "lzma")}
    for method, path in packed.items():
        joblib.dump(fit(FOREST), path, compress=(method, 3))
    for path in (plain, *packed.values()):
        with pytest.raises(ValueError, match=f"{path.name} is a pickle or joblib file"):
            load_model(str(path), 10_000_000)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    for data in (b"", b"<html>", b"\x93NUMPY", b"PK\x03\x04 cut short"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="no skops file"):
            load_model(str(path), 10_000_000)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(ValueError, match="no skops file"):
        load_model(str(path), 10_000_000)


def test_types_that_are_not_ours_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    for step, name in ((FunctionTransformer(eval), "eval"), (FeatureHasher(dtype=io.BytesIO), "_io.BytesIO")):
        skops.io.dump(Pipeline([("step", step)]), path)
        with pytest.raises(ValueError, match=f"types that no model of ours has.*{name}"):
            load_model(str(path), 10_000_000)


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * 5_000_000)
    with pytest.raises(ValueError, match="unpacks to 5000000 bytes, more than the 1000000 allowed"):
        load_model(str(path), 1_000_000)
