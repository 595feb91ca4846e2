"""Clone Tasks: copy the definition without the results."""

from typing import Any

from clearml_flows.localserver import tags
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import check_name, now, project, task
from clearml_flows.localserver.services.projects.paths import find_or_create, touch
from clearml_flows.localserver.services.tasks import documents, legacy
from clearml_flows.localserver.services.tasks.documents import DELETED_PREFIX
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json

# System tags that describe the state of the source, not its definition.
_OWN_TAGS = ("archived", "development")


@endpoint("tasks.clone", writes=True)
def clone(call: Call) -> Json:
    target = None
    if call.data.get("new_project_name") and not call.data.get("new_task_project"):
        target = find_or_create(call, call.data["new_project_name"])
    document = copy(call, project=target["id"] if target else None)
    if target is None:
        return {"id": document["id"]}
    return {"id": document["id"], "new_project": {"id": target["id"], "name": target["name"]}}


def copy(call: Call, **overrides: Any) -> Document:
    """Copy a Task as the request asks, and store it. `overrides` that are not None win."""
    source, data = task(call), call.data
    tags.check(data, "new_task_tags", "new_task_system_tags")
    document = {**documents.blank(call), **_definition(source), **_given(call, source)}
    document |= {name: value for name, value in overrides.items() if value is not None}
    document = {name: value for name, value in document.items() if value is not None}
    _check(call, document)
    call.db.tasks.insert(document)
    touch(call, document.get("project"))
    return document


def _definition(source: Document) -> Document:
    parent = source.get("parent")
    names = ("name", "type", "comment", "project", "tags", "hyperparams", "configuration", "container", "script")
    return {
        **{name: source[name] for name in names if name in source},
        "parent": parent if parent and not parent.startswith(DELETED_PREFIX) else source["id"],
        "system_tags": [tag for tag in source["system_tags"] if tag not in _OWN_TAGS],
        "execution": _execution(source["execution"], {}),
        "models": {"input": source["models"]["input"], "output": []},
        "output": {name: value for name, value in source["output"].items() if name == "destination"},
    }


def _given(call: Call, source: Document) -> Document:
    """Return the fields that the request sets. Empty values keep the source's fields."""
    data = call.data
    names = ("name", "comment", "parent", "project", "tags", "system_tags", "hyperparams", "configuration", "container")
    wanted: Json = {name: data[f"new_task_{name}"] for name in names if data.get(f"new_task_{name}")}
    inputs = data.get("new_task_input_models")
    if inputs:
        wanted["models"] = {"input": [{**item, "updated": now()} for item in inputs]}
    execution = dict(data.get("execution_overrides") or {})
    if execution:
        model, docker = execution.pop("model", None), execution.pop("docker_cmd", None)
        wanted = wanted if inputs else legacy.with_model(wanted, model)
        wanted = wanted if data.get("new_task_container") else legacy.with_docker(wanted, docker)
        wanted = legacy.upgraded(call.asking({**wanted, "execution": execution}), source)
        wanted["execution"] = _execution(source["execution"], wanted["execution"])
    if wanted.get("models"):
        wanted["models"] = documents.models({"input": [], "output": []}, wanted["models"])
    if "name" in wanted:
        check_name(wanted["name"])
    documents.check_shapes(wanted)
    return wanted


def _execution(source: Document, overrides: Document) -> Document:
    merged = documents.execution(source, overrides)
    merged.pop("queue", None)
    merged["artifacts"] = documents.inputs(merged["artifacts"])
    labels = merged["model_labels"] or {}
    return {**merged, "model_labels": {name: int(value) for name, value in labels.items()}}


def _check(call: Call, document: Document) -> None:
    """Check the references that the request sets. With `validate_references`, check all."""
    data = call.data
    everything = data.get("validate_references")
    overrides = data.get("execution_overrides") or {}
    if everything or data.get("new_task_parent"):
        documents.check_parent(call, document)
    if document.get("project") and (everything or data.get("new_task_project")):
        project(call, document["project"])
    if everything or data.get("new_task_input_models") or overrides.get("model"):
        documents.check_inputs(call, document)
