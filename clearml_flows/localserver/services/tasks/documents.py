"""Build the document of a Task from the fields of a request."""

from collections.abc import Iterable
from typing import Any

from clearml_flows.localserver import errors, lifecycle, tags
from clearml_flows.localserver.fields import objects, text
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import check_name, check_project, given, now, project, stamped
from clearml_flows.localserver.services.tasks import legacy
from clearml_flows.localserver.store.documents import Document

TYPES = frozenset(
    {"training", "testing", "inference", "data_processing", "application", "monitor", "controller", "report"}
    | {"optimizer", "service", "qc", "custom", "dataset_import", "annotation", "annotation_manual"}
)
# Children and models of a deleted Task refer to it as this prefix and its id.
DELETED_PREFIX = "__DELETED__"
_PLAIN = "name type comment parent project tags system_tags hyperparams configuration runtime container"
# A change of only these fields leaves `last_update` as it is.
NOTES = frozenset({"name", "comment", "project", "tags", "system_tags", "status_message"})


def blank(call: Call) -> Document:
    """Return a new Task without name and type."""
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
        "script": script({}, {}),
    }


def new(call: Call) -> Document:
    """Return the document of `tasks.create`.

    Raises:
        errors.DataValidationError: A field has a wrong value.
        errors.InvalidFields: A field has a wrong shape or names a missing document.
        errors.InvalidModelId: An input model does not exist.
    """
    empty = blank(call)
    document = {**empty, **edits(call, empty)}
    check_inputs(call, document)
    return document


def edits(call: Call, task: Document) -> Document:
    """Return the Task fields that the request sets, merged with the document `task`."""
    tags.check(call.data, "tags", "system_tags")
    data = legacy.upgraded(call, task)
    fields = given(call.asking(data), _PLAIN)
    check_shapes(fields)
    if "name" in fields:
        fields["name"] = check_name(fields["name"]).strip()
    if "type" in fields and fields["type"] not in TYPES:
        raise errors.ValidationError(f"error for field 'type'. value must be one of {', '.join(sorted(TYPES))}")
    check_project(call, fields.get("project"))
    if fields.get("parent") and call.db.tasks.get(fields["parent"]) is None:
        raise errors.InvalidFields("expecting Task id", id=fields["parent"], field="parent")
    for name, merged in (("script", script), ("execution", execution), ("models", models)):
        if data.get(name) is not None:
            fields[name] = merged(task[name], data[name])
    if data.get("output_dest") is not None:
        fields["output"] = {**task["output"], "destination": data["output_dest"].strip()}
    return fields


def check_shapes(fields: Document) -> None:
    """Check that parameters and configurations are nested objects with non-empty names.

    Raises:
        errors.InvalidFields: A section, parameter or configuration is not an object.
        errors.ValidationError: A name is empty.
    """
    for section in fields.get("hyperparams", {}).values():
        if not isinstance(section, dict) or not all(isinstance(item, dict) for item in section.values()):
            raise errors.InvalidFields("expecting {section: {name: item}}", field="hyperparams")
        _check_names("parameter", section)
    if not all(isinstance(item, dict) for item in fields.get("configuration", {}).values()):
        raise errors.InvalidFields("expecting {name: item}", field="configuration")
    _check_names("section", fields.get("hyperparams", {}))
    _check_names("configuration", fields.get("configuration", {}))


def _check_names(kind: str, names: Iterable[str]) -> None:
    if any(not name.strip() for name in names):
        raise errors.ValidationError(f"Empty {kind} name is not allowed")


def undone(task: Document, everything: bool) -> Document:
    """Return the fields of a Task as they were before it ran.

    With `everything`, the execution and script are emptied too.
    """
    kept = {name: value for name, value in task["execution"].items() if name != "queue"}
    return {
        "last_iteration": 0,
        "last_metrics": {},
        "unique_metrics": [],
        "metric_stats": {},
        "runtime": {},
        "models": {**task["models"], "output": []},
        "output": {name: value for name, value in task["output"].items() if name not in ("result", "error")},
        "execution": execution({}, {}) if everything else {**kept, "artifacts": inputs(kept["artifacts"])},
        "script": script({}, {}) if everything else task["script"],
    }


def existing(call: Call, ids: Iterable[str]) -> list[Document]:
    """Return the Tasks with these ids, without duplicates; raises errors.InvalidTaskId."""
    wanted = list(dict.fromkeys(ids))
    found = [document for document in map(call.db.tasks.get, wanted) if document]
    if len(found) < len(wanted):
        raise errors.InvalidTaskId(ids=wanted)
    return found


def check_references(call: Call, task: Document) -> None:
    """Check that the parent, project and input models of a Task exist.

    Raises:
        errors.InvalidTaskId: The parent does not exist.
        errors.InvalidProjectId: The project does not exist.
        errors.InvalidModelId: An input model does not exist.
    """
    check_parent(call, task)
    if task.get("project"):
        project(call, task["project"])
    check_inputs(call, task)


def check_parent(call: Call, task: Document) -> None:
    """Check that the parent of a Task exists or was deleted; raises errors.InvalidTaskId."""
    parent = task.get("parent")
    if parent and not parent.startswith(DELETED_PREFIX) and call.db.tasks.get(parent) is None:
        raise errors.InvalidTaskId("invalid parent", parent=parent)


def check_inputs(call: Call, task: Document) -> None:
    """Check that the input models of a Task exist; raises errors.InvalidModelId."""
    missing = {item["model"] for item in task["models"]["input"] if call.db.models.get(item["model"]) is None}
    if missing:
        raise errors.InvalidModelId(models=sorted(missing))


def script(current: dict[str, Any], value: dict[str, Any]) -> Document:
    """Return the current script merged with the values of a request.

    Raises:
        errors.DataValidationError: `requirements` is not an object.
    """
    default = {"binary": "python", "repository": "", "entry_point": "", "requirements": {}}
    stripped = {
        name: item.strip() if isinstance(item, str) and name != "diff" else item for name, item in value.items()
    }
    if not isinstance(stripped.get("requirements") or {}, dict):
        raise errors.DataValidationError("expecting an object", field="script.requirements")
    return {**default, **_without_none({**current, **stripped})}


def execution(current: dict[str, Any], value: dict[str, Any]) -> Document:
    """Return the current execution merged with the values of a request.

    Raises:
        errors.DataValidationError: An artifact has no type.
    """
    default = {"test_split": 0, "parameters": {}, "model_desc": {}, "model_labels": {}, "artifacts": []}
    merged = {**default, **current, **_without_none(value)}
    artifacts: dict[tuple[str, str], Document] = {}
    for item in objects(merged, "artifacts"):
        if not isinstance(item.get("type"), str):
            raise errors.DataValidationError("an artifact needs a type", artifact=text(item, "key"))
        artifacts[artifact_key(item)] = {"mode": "output", **_without_none(item)}
    return {**merged, "artifacts": list(artifacts.values())}


def artifact_key(item: Document) -> tuple[str, str]:
    """Return (key, mode), which identifies an artifact in its Task.

    Raises:
        errors.ValidationError: The key, mode or URI is invalid.
    """
    if item.get("uri") is not None:
        text(item, "uri")
    mode = item.get("mode") or "output"
    if mode not in ("input", "output"):
        raise errors.ValidationError("error for field 'mode'. value must be input or output")
    return text(item, "key"), mode


def inputs(artifacts: Iterable[Document]) -> list[Document]:
    """Return the input artifacts, without the artifacts that the Task made."""
    return [artifact for artifact in artifacts if artifact.get("mode") == "input"]


def models(current: dict[str, Any], value: dict[str, Any]) -> Document:
    """Return the model lists. Lists in the request replace the current lists."""
    lists = {kind: objects(value if value.get(kind) is not None else current, kind) for kind in ("input", "output")}
    for item in (*lists["input"], *lists["output"]):
        text(item, "name")
        text(item, "model")
    time = now()
    for kind in lists:
        if value.get(kind) is not None:
            lists[kind] = [{**item, "updated": time} for item in lists[kind]]
    return lists


def shown(call: Call, documents: Iterable[Document]) -> list[Document]:
    """Return Tasks as answers show them, in the format of the client's API version.

    Artifacts are sorted by key.
    """
    return [legacy.downgraded(call, _sorted(document)) for document in documents]


def _sorted(document: Document) -> Document:
    execution = document.get("execution")
    if not execution or not execution.get("artifacts"):
        return document
    artifacts = sorted(execution["artifacts"], key=lambda artifact: str(artifact.get("key")))
    return {**document, "execution": {**execution, "artifacts": artifacts}}


def _without_none(value: dict[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if item is not None}
