"""What a Task's document holds, from the fields of a request."""

from typing import Any

from localserver import errors, lifecycle
from localserver.registry import Call
from localserver.services.common import check_name, check_project, given, stamped
from localserver.store.documents import Document

TYPES = frozenset(
    {"training", "testing", "inference", "data_processing", "application", "monitor", "controller", "optimizer"}
    | {"service", "qc", "custom", "dataset_import", "annotation", "annotation_manual"}
)
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


def script(value: dict[str, Any]) -> Document:
    return {"binary": "python", "repository": "", "entry_point": "", "requirements": {}, **_without_none(value)}


def execution(current: dict[str, Any], value: dict[str, Any]) -> Document:
    default = {"test_split": 0, "parameters": {}, "model_desc": {}, "model_labels": {}, "artifacts": []}
    merged = {**default, **current, **_without_none(value)}
    if not isinstance(merged["artifacts"], list):
        raise errors.InvalidFields("expecting list", field="execution.artifacts")
    return merged


def models(value: dict[str, Any]) -> Document:
    lists = {kind: value.get(kind) or [] for kind in ("input", "output")}
    if not all(isinstance(items, list) for items in lists.values()):
        raise errors.InvalidFields("expecting list", field="models")
    return lists


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None}
