"""Deleting projects."""

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services.common import project, save
from localserver.services.scope import with_subprojects
from localserver.services.tasks.removal import remove
from localserver.store.query import Selection
from localserver.wire import Json


@endpoint("projects.validate_delete", required=("project",))
def validate_delete(call: Call) -> Json:
    ids = with_subprojects(call, [project(call)["id"]])
    answer: Json = {}
    for name, documents in (("tasks", call.db.tasks), ("models", call.db.models)):
        answer[name] = documents.count(Selection().among("project", ids))
        answer[f"non_archived_{name}"] = documents.count(_not_archived(ids))
    return answer


@endpoint("projects.delete", required=("project",), writes=True)
def delete(call: Call) -> Json:
    """A project and those below it. What is not archived in them needs force; without `delete_contents` it stays."""
    document = project(call)
    ids = with_subprojects(call, [document["id"]])
    held = {
        name: documents.count(_not_archived(ids))
        for name, documents in (("tasks", call.db.tasks), ("models", call.db.models))
    }
    if any(held.values()) and not call.data.get("force"):
        raise errors.ProjectInUse("use force=true to delete", id=document["id"], **held)
    contents = bool(call.data.get("delete_contents"))
    answer = _delete_contents(call, ids) if contents else _release_contents(call, ids)
    for id in ids:
        call.db.projects.delete(id)
    return {"deleted": 1, **answer}


def _delete_contents(call: Call, ids: list[str]) -> Json:
    tasks = list(call.db.tasks.all(Selection().among("project", ids)))
    for task in tasks:
        remove(call, task)
    models = list(call.db.models.all(Selection().among("project", ids)))
    for model in models:
        call.db.events.delete(model["id"])
        call.db.models.delete(model["id"])
    uris = [str(model["uri"]) for model in models if model.get("uri")]
    urls = {"model_urls": uris, "event_urls": [], "artifact_urls": _artifacts(tasks)}
    return {"deleted_tasks": len(tasks), "deleted_models": len(models), "disassociated_tasks": 0, "urls": urls}


def _artifacts(tasks: list[Json]) -> list[str]:
    return [str(item["uri"]) for task in tasks for item in task["execution"]["artifacts"] if item.get("uri")]


def _release_contents(call: Call, ids: list[str]) -> Json:
    tasks = list(call.db.tasks.all(Selection().among("project", ids)))
    for documents, found in ((call.db.tasks, tasks), (call.db.models, _models(call, ids))):
        for document in found:
            save(call, documents, document, {"project": None})
    return {"deleted_tasks": 0, "deleted_models": 0, "disassociated_tasks": len(tasks)}


def _models(call: Call, ids: list[str]) -> list[Json]:
    return list(call.db.models.all(Selection().among("project", ids)))


def _not_archived(ids: list[str]) -> Selection:
    return Selection().among("project", ids).tagged("system_tags", "archived", is_not=True)
