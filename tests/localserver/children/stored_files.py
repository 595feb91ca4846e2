"""Store one of each kind of file through the SDK (`write`), or get all of them (`read`) and print what came."""

import json
import sys
from pathlib import Path
from typing import Any

from clearml import Dataset, Model, OutputModel, StorageManager, Task
from clearml.backend_api.session.client import APIClient


def write() -> dict[str, str]:
    task = Task.init("moved", "writes", output_uri=True, auto_resource_monitoring=False, auto_connect_frameworks=False)
    task.upload_artifact("numbers", {"a": 1}, wait_on_upload=True)
    Path("weights.bin").write_bytes(b"weights" * 100)
    model = OutputModel(task, name="weights", framework="Custom")
    model.update_weights("weights.bin", auto_delete_file=False)
    Path("image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    task.get_logger().report_image("images", "one", iteration=0, local_path="image.png", delete_after_upload=False)
    task.flush(wait_for_uploads=True)
    task.close()
    Path("rows.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    dataset = Dataset.create(dataset_name="rows", dataset_project="moved")
    dataset.add_files("rows.csv")
    dataset.finalize(auto_upload=True)
    return {"task": task.id, "model": model.id, "dataset": dataset.id}


def read(task_id: str, model_id: str, dataset_id: str) -> dict[str, Any]:
    task = Task.get_task(task_id)
    events = APIClient().events.get_task_events(task=task_id, event_type="training_debug_image").events
    image = StorageManager.get_local_copy(events[0]["url"], force_download=True)
    rows = Dataset.get(dataset_id).get_local_copy()
    return {
        "artifact": task.artifacts["numbers"].get(force_download=True),
        "model": Path(Model(model_id).get_weights(raise_on_error=True, force_download=True)).stat().st_size,
        "image": Path(image).stat().st_size if image else None,
        "dataset": Path(rows, "rows.csv").read_text(encoding="utf-8"),
        "link": task.artifacts["numbers"].url,
        "destination": task.output_uri,
    }


sys.stdout.write("told:" + json.dumps(write() if sys.argv[1] == "write" else read(*sys.argv[2:])) + "\n")
