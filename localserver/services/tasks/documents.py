"""What a Task's document holds, from the fields of a request."""

from typing import Any

from localserver import errors, lifecycle
from localserver.fields import objects, text
from localserver.registry import Call
from localserver.services.common import check_name, check_project, given, project, stamped
from localserver.store.documents import Document

TYPES = frozenset(
    {"training", "testing", "inference", "data_processing", "application", "monitor", "controller", "optimizer"}
    | {"service", "qc", "custom", "report", "dataset_import", "annotation", "annotation_manual"}
)
# What a deleted Task's children and models have for their Task: that there was one, and which.
DELETED_PREFIX = "__DELETED__"
_PLAIN = "name type comment parent project tags system_tags hyperparams configuration runtime container"


def new(call: Call) -> Document:
    """The document of `tasks.create`; raises errors.DataValidationError or InvalidFields for what cannot be."""
    return {
        **stamped(call),
        **lifecycle.born(),
        "report_assets": [],
        "tags": [],
        "system_tags": [],
        "last_iteration": 0,
        "last_metrics": {},
        "unique_metrics": [],
        "metric_stats": {},
        "hyperparams": {},
        "configuration": {},
        "runtime": {},
        "container": {},
        "models": {"input": [], "output": []},
        "output": {},
        "execution": execution({}, {}),
        "script": script({}),
        **edits(call, {}),
    }


def edits(call: Call, task: Document) -> Document:
    """The fields of a Task that the request sets, whole, as they then stand in the document `task`."""
    fields = given(call, _PLAIN)
    _check_shapes(fields)
    if "name" in fields:
        check_name(fields["name"])
    if "type" in fields and fields["type"] not in TYPES:
        raise errors.ValidationError(f"error for field 'type'. value must be one of {', '.join(sorted(TYPES))}")
    check_project(call, fields.get("project"))
    if call.data.get("script") is not None:
        fields["script"] = script(call.data["script"])
    if call.data.get("execution") is not None:
        fields["execution"] = execution(task.get("execution", {}), call.data["execution"])
    if call.data.get("models") is not None:
        fields["models"] = models(call.data["models"])
    if call.data.get("output_dest") is not None:
        fields["output"] = {**task.get("output", {}), "destination": call.data["output_dest"]}
    return fields


def _check_shapes(fields: Document) -> None:
    """What is read again later by its parts must have these parts."""
    for section in fields.get("hyperparams", {}).values():
        if not isinstance(section, dict) or not all(isinstance(item, dict) for item in section.values()):
            raise errors.InvalidFields("expecting {section: {name: item}}", field="hyperparams")
    if not all(isinstance(item, dict) for item in fields.get("configuration", {}).values()):
        raise errors.InvalidFields("expecting {name: item}", field="configuration")


def undone(task: Document, everything: bool) -> Document:
    """The fields of a Task as they were before it ran; with `everything` the execution and the script are new too."""
    artifacts = [item for item in task["execution"]["artifacts"] if item.get("mode") == "input"]
    kept = {name: value for name, value in task["execution"].items() if name != "queue"}
    return {
        "last_iteration": 0,
        "last_metrics": {},
        "unique_metrics": [],
        "metric_stats": {},
        "runtime": {},
        "models": {**task["models"], "output": []},
        "output": {name: value for name, value in task["output"].items() if name not in ("result", "error")},
        "execution": execution({}, {}) if everything else {**kept, "artifacts": artifacts},
        "script": script({}) if everything else task["script"],
    }


def check_references(call: Call, task: Document) -> None:
    """Raises errors.InvalidTaskId, InvalidProjectId or InvalidModelId for a parent, project or input that is gone."""
    check_parent(call, task)
    if task.get("project"):
        project(call, task["project"])
    check_inputs(call, task)


def check_parent(call: Call, task: Document) -> None:
    parent = task.get("parent")
    if parent and not parent.startswith(DELETED_PREFIX) and call.db.tasks.get(parent) is None:
        raise errors.InvalidTaskId("invalid parent", parent=parent)


def check_inputs(call: Call, task: Document) -> None:
    missing = {item["model"] for item in task["models"]["input"] if call.db.models.get(item["model"]) is None}
    if missing:
        raise errors.InvalidModelId(models=sorted(missing))


def script(value: dict[str, Any]) -> Document:
    return {"binary": "python", "repository": "", "entry_point": "", "requirements": {}, **_without_none(value)}


def execution(current: dict[str, Any], value: dict[str, Any]) -> Document:
    default = {"test_split": 0, "parameters": {}, "model_desc": {}, "model_labels": {}, "artifacts": []}
    merged = {**default, **current, **_without_none(value)}
    for item in objects(merged, "artifacts"):
        key, _ = artifact_key(item)
        if not isinstance(item.get("type"), str):
            raise errors.DataValidationError("an artifact needs a type", artifact=key)
    return merged


def artifact_key(item: Document) -> tuple[str, str]:
    """What tells an artifact from the others of its Task; raises errors.ValidationError when it cannot be one."""
    if item.get("uri") is not None:
        text(item, "uri")
    return text(item, "key"), str(item.get("mode") or "output")


def models(value: dict[str, Any]) -> Document:
    lists = {kind: objects(value, kind) for kind in ("input", "output")}
    for item in (*lists["input"], *lists["output"]):
        text(item, "name")
        text(item, "model")
    return lists


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None}
