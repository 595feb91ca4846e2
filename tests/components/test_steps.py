"""The data steps as ClearML runs them: their scripts, each in a process of its own, on an embedded backend."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.tabular.artifacts import dump_ref
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
from tests.support.backend import Backend, running_backend
from tests.support.steps import Ran, run_step

ROOT = Path(__file__).parents[2]
SCHEMA = (ROOT / "flows" / "schemas" / "churn.json").read_text("utf-8")
LOOK = """
import json, sys
from clearml import Dataset, Task
found = {"datasets": []}
for task_id in sys.argv[1:]:
    task = Task.get_task(task_id=task_id)
    found[task_id] = {
        "status": task.status, "reason": task.data.status_reason, "comment": task.comment,
        "failure": task.data.runtime.get("failure"), "note": task.data.runtime.get("progress_text"),
        "tags": sorted(task.get_tags()),
        "artifacts": sorted(task.artifacts), "types": sorted({one.type for one in task.artifacts.values()}),
        "tables": [plot["metric"] for plot in task.get_reported_plots()],
    }
for listed in sorted(Dataset.list_datasets(dataset_project="demo"), key=lambda one: one["version"]):
    dataset = Dataset.get(dataset_id=listed["id"])
    found["datasets"].append({
        "id": dataset.id, "files": sorted(dataset.list_files()), "metadata": dataset.get_metadata(),
        "graph": dataset.get_dependency_graph(),
    })
print(json.dumps(found))
"""
# What features does, for three tables in one process.
MAKE_SPLITS = """
import json, tempfile
from clearml import Task
from clearml_flows.tabular.artifacts import save_artifact
from clearml_flows.tabular.parquet import write_parquet
from clearml_flows.tabular.data.synthetic_telco import synthetic_customers
task = Task.init(project_name="demo", task_name="splits", auto_resource_monitoring=False)
customers = synthetic_customers(300, 9)[["customerID", "tenure", "Contract", "Churn"]]
splits = {}
drifted = customers[20:].assign(Contract="Two year")
versions = {"before": customers[:250], "after": customers[10:], "race": customers[100:], "drifted": drifted}
for name, rows in versions.items():
    split = {"task": task.id, "target": "Churn", "key": "customerID", "numeric": ["tenure"],
             "categorical": ["Contract"], "raw_sha256": "0" * 64, "synthetic": name == "race",
             "test_size": 0.2, "split_seed": 7, "problem_type": "classification"}
    for part, taken in {"train": rows[:-50], "test": rows[-50:]}.items():
        with tempfile.TemporaryDirectory() as folder:
            write_parquet(taken, f"{folder}/{part}.parquet")
            stored = save_artifact(task, f"{name}-{part}", f"{folder}/{part}.parquet")
        split[part] = {"artifact": stored["artifact"], "sha256": stored["sha256"], "rows": len(taken)}
    splits[name] = json.dumps(split)
print(json.dumps(splits))
"""


@dataclass
class Place:
    backend: Backend
    folder: Path

    def run(self, step: str, place: str = "", **arguments: Any) -> Ran:
        folder = self.folder / (place or "here")
        folder.mkdir(exist_ok=True)
        return run_step(self.backend, folder, step, "demo/.pipelines/churn", **arguments)

    def result(self, step: str, **arguments: Any) -> list[Any]:
        ran = self.run(step, **arguments)
        assert ran.exit_code == 0, ran.output
        returned: list[Any] = ran.told("RETURNED")
        return returned

    def client(self, code: str, *arguments: str) -> Any:
        """What a script that uses the SDK prints last, as JSON."""
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *arguments],
            cwd=ROOT,
            env=self.backend.env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert child.returncode == 0, child.stderr
        return json.loads(next(line for line in reversed(child.stdout.splitlines()) if line.startswith("{")))

    def look(self, *task_ids: str) -> Any:
        return self.client(LOOK, *task_ids)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("steps")
    with running_backend(folder / "data") as backend:
        yield Place(backend, folder)


@pytest.fixture(scope="module")
def splits(place: Place) -> Any:
    return place.client(MAKE_SPLITS)


def customers(path: Path, rows: int, seed: int = 1) -> str:
    synthetic_customers(rows, seed).to_csv(path, index=False)
    return str(path)


def test_download_keeps_bytes_once_and_marks_synthetic_ones(place: Place) -> None:
    first = place.run("download", source="auto", file="none.csv", rows=200, timeout=0.1, allow_synthetic=True)
    assert first.exit_code == 0, first.output
    assert "there is no file none.csv, and Kaggle did not answer within" in first.output
    assert "SYNTHETIC" in first.output
    raw = json.loads(first.told("RETURNED")[0])
    assert {name: raw[name] for name in ("artifact", "source", "synthetic", "name")} == {
        "artifact": "raw_csv",
        "source": "synthetic",
        "synthetic": True,
        "name": "synthetic-200-42.csv",
    }
    assert place.look(raw["task"])[raw["task"]]["tags"] == sorted([f"sha256:{raw['sha256']}", "synthetic"])


def test_download_of_the_same_bytes_returns_the_earlier_reference(place: Place, tmp_path: Path) -> None:
    path = customers(tmp_path / "mine.csv", 200, seed=5)
    (first,), (second,) = place.result("download", source=path), place.result("download", source="auto", file=path)
    assert first == second
    assert json.loads(first)["name"] == "mine.csv"
    assert str(tmp_path) not in first


def test_download_without_any_source_fails_with_the_ways_to_give_one(place: Place) -> None:
    ran = place.run("download", source="auto", timeout=0.1)
    found = place.look(ran.task_id)[ran.task_id]
    assert (ran.exit_code, found["status"]) == (1, "failed")
    assert found["failure"].startswith("no data: ")
    assert "KAGGLE_API_TOKEN" in found["failure"]
    assert found["comment"] == found["failure"]


def test_validate_fails_on_bad_data_with_one_report(place: Place, tmp_path: Path) -> None:
    bad = synthetic_customers(150, 3).drop(columns="Churn")
    bad.loc[:2, "MonthlyCharges"] = -1
    bad.to_csv(tmp_path / "bad.csv", index=False)
    (raw,) = place.result("download", source=str(tmp_path / "bad.csv"))
    ran = place.run("validate", raw=raw, schema=SCHEMA)
    found = place.look(ran.task_id)[ran.task_id]
    assert (ran.exit_code, found["status"]) == (1, "failed")
    told = "column Churn is missing; column MonthlyCharges is below 0, 3 times (row 2, 3, 4), such as -1"
    assert found["failure"] == f"bad data: bad.csv: {told}"
    assert found["reason"] == f"Exception {found['failure']}"
    assert (found["artifacts"], found["tables"]) == (["report", "report-csv"], ["validation"])


def test_validate_and_features_hand_on_what_they_stored(place: Place, tmp_path: Path) -> None:
    (raw,) = place.result("download", source=customers(tmp_path / "good.csv", 300))
    (valid,) = place.result("validate", raw=raw, schema=SCHEMA)
    assert json.loads(valid)["rows"] == 300
    assert json.loads(valid)["raw_sha256"] == json.loads(raw)["sha256"]
    (text,) = place.result("features", valid=valid, schema=SCHEMA, test_size=0.25)
    split = json.loads(text)
    assert (split["train"]["rows"], split["test"]["rows"]) == (225, 75)
    assert {"tenure", "tenure_log", "service_count"} <= set(split["numeric"])
    assert "Contract" in split["categorical"]
    found = place.look(json.loads(valid)["task"], split["task"])
    assert found[json.loads(valid)["task"]]["artifacts"] == ["report", "report-csv", "valid_rows"]
    assert found[split["task"]]["artifacts"] == ["test", "train"]
    assert found[split["task"]]["tables"] == ["features"]


def test_equal_content_is_one_version_and_new_content_a_child(place: Place, splits: dict[str, str]) -> None:
    ran = [
        place.result("version_dataset", split=splits[name], project="demo", name="telco")
        for name in ("before", "before", "after")
    ]
    assert [reused for _, reused in ran] == [False, True, False]
    assert ran[0][0] == ran[1][0]
    first, second = json.loads(ran[0][0]), json.loads(ran[2][0])
    assert (first["version"], second["version"]) == ("1.0.0", "1.0.1")
    assert (first["rows"], first["train_rows"], first["test_rows"]) == (250, 200, 50)
    found = place.look(second["id"])
    assert [dataset["id"] for dataset in found["datasets"]] == [first["id"], second["id"]]
    assert all(one["files"] == ["manifest.json", "test.parquet", "train.parquet"] for one in found["datasets"])
    child = found["datasets"][1]
    assert child["graph"][second["id"]] == [first["id"]]
    assert child["metadata"]["sha256"] == second["sha256"]
    changes = child["metadata"]["changes"]
    assert (changes["rows_added"], changes["rows_removed"], changes["rows_changed"]) == (50, 10, 0)
    assert "pickle" not in found[second["id"]]["types"]
    assert found[second["id"]]["tags"] == [f"sha256:{second['sha256']}"]


def test_two_runs_at_once_leave_one_version(place: Place, splits: dict[str, str]) -> None:
    before = len(place.look()["datasets"])

    def run(folder: str) -> Ran:
        return place.run("version_dataset", folder, split=splits["race"], project="demo", name="telco")

    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(run, "ab"))
    assert [one.exit_code for one in ran] == [0, 0], [one.output for one in ran]
    assert len({one.told("RETURNED")[0] for one in ran}) == 1
    kept = json.loads(ran[0].told("RETURNED")[0])
    found = place.look(kept["id"])
    assert len(found["datasets"]) == before + 1
    assert "synthetic" in found[kept["id"]]["tags"]


def test_a_reference_with_another_sha256_is_refused(place: Place, tmp_path: Path) -> None:
    (raw,) = place.result("download", source=customers(tmp_path / "a.csv", 200, seed=31))
    ran = place.run("validate", raw=dump_ref({**json.loads(raw), "sha256": "0" * 64}), schema=SCHEMA)
    assert ran.exit_code == 1
    assert "it was changed or damaged after it was stored" in ran.output


def test_a_version_whose_files_were_damaged_is_passed_over(place: Place, splits: dict[str, str]) -> None:
    first, _ = place.result("version_dataset", split=splits["before"], project="demo", name="damaged")
    stored = [path for path in place.folder.rglob("dataset.*.zip") if json.loads(first)["id"] in str(path)]
    assert stored
    for path in stored:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    ran = place.run("version_dataset", split=splits["before"], project="demo", name="damaged")
    assert ran.exit_code == 0, ran.output
    text, reused = ran.told("RETURNED")
    assert not reused
    assert json.loads(text)["version"] == "1.0.1"
    assert json.loads(text)["sha256"] == json.loads(first)["sha256"]
    assert "is not usable" in ran.output


def test_a_version_that_has_drifted_too_far_is_refused_and_leaves_nothing(place: Place, splits: dict[str, str]) -> None:
    def keep(split: str, refuse: float) -> Ran:
        return place.run("version_dataset", split=splits[split], project="demo", name="drifting", drift_refuse=refuse)

    first = keep("before", 1.0)
    assert first.exit_code == 0, first.output
    assert "drift: not measured, since there is no version before" in first.output
    assert keep("after", 1.0).exit_code == 0
    before = len(place.look()["datasets"])

    refused = keep("drifted", 1.0)
    assert refused.exit_code == 1
    found = place.look(refused.task_id)
    assert len(found["datasets"]) == before
    told = found[refused.task_id]
    assert told["failure"].startswith("bad data: these columns have moved by more than 1 since the version before: Con")
    assert (told["artifacts"], told["tables"], told["tags"]) == (["drift"], ["drift", "drift"], ["drift"])

    warned = keep("drifted", 0)
    assert warned.exit_code == 0, warned.output
    found = place.look(warned.task_id)
    said = "WARNING: these columns have moved since the version before: Contract ("
    assert found[warned.task_id]["note"].startswith(said)
    assert len(found["datasets"]) == before + 1


def test_validate_warns_of_rows_that_contradict_themselves(place: Place, tmp_path: Path) -> None:
    odd = synthetic_customers(200, 21)
    odd.loc[:2, "TotalCharges"] = "99999"
    odd.to_csv(tmp_path / "odd.csv", index=False)
    (raw,) = place.result("download", source=str(tmp_path / "odd.csv"))
    ran = place.run("validate", raw=raw, schema=SCHEMA)
    assert ran.exit_code == 0, ran.output
    said = "TotalCharges is implausible for tenure * MonthlyCharges, 3 times (row 2, 3, 4), such as 99999 where "
    assert place.look(ran.task_id)[ran.task_id]["note"].startswith(f"WARNING: column {said}")
