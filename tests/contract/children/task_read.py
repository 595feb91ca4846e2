"""Read a whole task back, in a process that has never seen it."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

from clearml import StorageManager, Task
from PIL import Image

from tests.contract.child import Document, tell


def read(task_id: str) -> Document:
    task = Task.get_task(task_id=task_id)
    return {
        "fields": fields(task),
        "parameters": task.get_parameters(),
        "cast": task.get_parameters(cast=True),
        "arguments": {
            item.name: [item.type, item.description] for item in task.data.hyperparams.get("Args", {}).values()
        },
        "configuration": task.get_configuration_objects(),
        "configuration_as_dict": task.get_configuration_object_as_dict("as a dict"),
        "properties": task.get_user_properties(value_only=True),
        "runtime": task._get_runtime_properties(),
        "progress": {
            "while it ran": task._get_runtime_properties().get("seen_progress"),
            "in the end": task.get_progress(),
        },
        "console": "\n".join(task.get_reported_console_output(number_of_reports=100)),
        **metrics(task),
        "artifacts": {name: artifact(found) for name, found in task.artifacts.items()},
    }


def fields(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "type": task.task_type,
        "status": task.get_status(),
        "project": task.get_project_name(),
        "tags": sorted(task.get_tags()),
        "system_tags": task.get_system_tags(),
        "comment": task.comment,
        "parent": task.parent,
        "container": task.get_base_docker(),
        "labels": task.get_labels_enumeration(),
        "last_iteration": task.get_last_iteration(),
        "entry_point": task.get_script()["entry_point"],
        "script": task.data.script.diff,
        "requirements": task.get_requirements()["pip"],
        "status_reason": task.data.status_reason,
        "dates": {
            "in order": task.data.created <= task.data.started <= task.data.completed,
            "in UTC": str(task.data.created.utcoffset()) == "0:00:00",
            "updated last": task.data.last_update >= task.data.completed,
        },
        "page": task.get_output_log_web_page(),
    }


def metrics(task: Task) -> dict[str, Any]:
    return {
        "scalars": task.get_reported_scalars(),
        "all_scalars": task.get_all_reported_scalars(),
        "sampled": task.get_reported_scalars(max_samples=4),
        "by_time": task.get_reported_scalars(x_axis="iso_time"),
        "last": task.get_last_scalar_metrics(),
        "single": task.get_reported_single_values(),
        "plots": sorted([plot["metric"], plot["variant"], plot["iter"]] for plot in task.get_reported_plots()),
        "plot_data": {
            plot["metric"]: json.loads(plot["plot_str"])["data"][0]
            for plot in task.get_reported_plots(max_iterations=5)
        },
        "images": [[sample["iter"], pixel(sample["url"])] for sample in task.get_debug_samples("image", "noise")],
        "media": [
            Path(StorageManager.get_local_copy(sample["url"])).read_text(encoding="utf-8")
            for sample in task.get_debug_samples("media", "page")
        ],
    }


def pixel(url: str) -> list[int]:
    with Image.open(StorageManager.get_local_copy(url)) as image:
        return list(image.convert("RGB").tobytes()[:3])


def artifact(found: Any) -> dict[str, Any]:
    value = found.get()
    return {
        "type": found.type,
        "size": found.size,
        "hash": bool(found.hash),
        "preview": found.preview,
        "metadata": found.metadata,
        "value": content(value),
    }


def content(value: Any) -> Any:
    if isinstance(value, (dict, str)):
        return value
    if isinstance(value, PathLike):
        path = Path(value)
        return [path.name, path.stat().st_size] if path.is_file() else tree(path)
    return value.to_dict("list") if hasattr(value, "columns") else value.tolist()


def tree(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


tell(read)
