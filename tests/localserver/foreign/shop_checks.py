"""Code of somebody else and its tests. The fixtures come from the plugin; there is no conftest.py."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from clearml import Dataset, Model, OutputModel, Task


def train(folder: Path) -> Task:
    task = Task.init(project_name="shop", task_name="training")
    task.get_logger().report_single_value("f1", 0.75)
    task.upload_artifact("facts", {"rows": 3}, wait_on_upload=True)
    weights = folder / "weights.bin"
    weights.write_bytes(b"weights")
    OutputModel(task=task, name="net").update_weights(str(weights), auto_delete_file=False)
    return task


def store_rows(folder: Path, text: str) -> None:
    (folder / "rows.csv").write_text(text, encoding="utf-8")
    dataset = Dataset.create(dataset_name="rows", dataset_project="shop")
    dataset.add_files(str(folder / "rows.csv"))
    dataset.upload(show_progress=False)
    dataset.finalize()


def note(backend: Any) -> None:
    """Tell the test that started this pytest which backends there were."""
    with Path("backends.jsonl").open("a", encoding="utf-8") as file:
        pid = json.loads((backend.data_dir / "server.json").read_text())["pid"]
        file.write(json.dumps({"pid": pid, "data_dir": str(backend.data_dir), "api_url": backend.api_url}) + "\n")


def test_a_training_is_read_back(clearml_backend: Any, tmp_path: Path) -> None:
    note(clearml_backend)
    task = train(tmp_path)
    task.close()
    stored = Task.get_task(task.id)
    assert [stored.status, stored.artifacts["facts"].get()] == ["completed", {"rows": 3}]
    assert stored.get_reported_single_values() == {"f1": 0.75}
    assert Path(stored.models["output"][0].get_local_copy()).read_bytes() == b"weights"
    assert stored.get_output_log_web_page().startswith(clearml_backend.web_url)


@pytest.mark.parametrize("row", ["first", "second"])
def test_a_fresh_backend_is_empty(fresh_clearml_backend: Any, tmp_path: Path, row: str) -> None:
    note(fresh_clearml_backend)
    assert Task.query_tasks() == []
    assert Model.query_models(only_published=False) == []
    # Neither Task is closed here: the fixture sends their reports before the backend ends.
    Task.create("shop", "not closed").get_logger().report_scalar("loss", "train", 0.5, 1)
    train(tmp_path)
    store_rows(tmp_path, row)
    folder = Path(Dataset.get(dataset_name="rows", dataset_project="shop").get_local_copy())
    assert (folder / "rows.csv").read_text() == row
    assert Path.home() not in folder.parents


def test_the_first_backend_is_used_again(clearml_backend: Any) -> None:
    assert os.environ["CLEARML_CONFIG_FILE"] == str(clearml_backend.config_file)
    assert [task.name for task in Task.get_tasks(project_name="shop")] == ["training"]
    assert "CLEARML_API_HOST" not in os.environ
