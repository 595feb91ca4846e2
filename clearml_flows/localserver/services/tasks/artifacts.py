"""Artifacts and models of a Task. Their URIs are stored, never opened."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.fields import objects, text
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import now, own_task, save
from clearml_flows.localserver.services.tasks.documents import artifact_key
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("tasks.add_or_update_artifacts", writes=True)
def add_or_update_artifacts(call: Call) -> Json:
    """Add artifacts. An artifact replaces an existing one with the same key and mode."""
    document = own_task(call)
    lifecycle.extensible(document, force=True)
    artifacts = {artifact_key(artifact): artifact for artifact in document["execution"]["artifacts"]}
    for artifact in objects(call.data, "artifacts"):
        if not isinstance(artifact.get("type"), str):
            raise errors.ValidationError("error for field 'type'. field is required!")
        artifacts[artifact_key(artifact)] = {"mode": "output", **_without_none(artifact)}
    return _save_artifacts(call, document, list(artifacts.values()), "updated")


@endpoint("tasks.delete_artifacts", writes=True)
def delete_artifacts(call: Call) -> Json:
    document = own_task(call)
    lifecycle.extensible(document, force=True)
    gone = {artifact_key(artifact) for artifact in objects(call.data, "artifacts")}
    kept = [artifact for artifact in document["execution"]["artifacts"] if artifact_key(artifact) not in gone]
    return _save_artifacts(call, document, kept, "deleted")


def _save_artifacts(call: Call, document: Document, artifacts: list[Document], verb: str) -> Json:
    save(call, call.db.tasks, document, {"execution": {**document["execution"], "artifacts": artifacts}})
    return {verb: 1}


@endpoint("tasks.add_or_update_model", writes=True)
def add_or_update_model(call: Call) -> Json:
    """Add an input or output model to a Task, or replace the one with the same name."""
    kind = _kind(call.data["type"])
    document = own_task(call)
    lifecycle.extensible(document, force=True)
    item = {"name": call.data["name"], "model": call.data["model"], "updated": now()}
    known = document["models"][kind]
    items = [item if other["name"] == item["name"] else other for other in known]
    if item not in items:
        items.append(item)
    fields: Document = {"models": {**document["models"], kind: items}, **lifecycle.active(document, now())}
    if call.data.get("iteration") is not None:
        fields["last_iteration"] = max(document["last_iteration"], int(call.data["iteration"]))
    save(call, call.db.tasks, document, fields)
    return {"updated": 1}


@endpoint("tasks.delete_models", writes=True)
def delete_models(call: Call) -> Json:
    document = own_task(call)
    lifecycle.extensible(document, force=True)
    gone = {(text(item, "name"), _kind(text(item, "type"))) for item in objects(call.data, "models")}
    models = {
        kind: [item for item in items if (item["name"], kind) not in gone] for kind, items in document["models"].items()
    }
    save(call, call.db.tasks, document, {"models": models}, updates=False)
    return {"updated": 1}


def _kind(value: str) -> str:
    if value not in ("input", "output"):
        raise errors.ValidationError("error for field 'type'. value must be input or output")
    return value


def _without_none(artifact: Document) -> Document:
    return {name: value for name, value in artifact.items() if value is not None}
