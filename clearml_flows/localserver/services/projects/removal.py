"""Delete projects."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, own_project, project, save
from clearml_flows.localserver.services.projects.children import DATASETS, PIPELINES, REPORT, holders
from clearml_flows.localserver.services.scope import with_subprojects
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

# Replaces the id of a deleted model in Tasks.
_DELETED = "__DELETED__"


@endpoint("projects.validate_delete")
def validate_delete(call: Call) -> Json:
    """Count the contents that a deletion would affect, without deleting.

    Pipelines and datasets count if in use. Tasks, models and reports of other projects count in total and without
    archived ones.
    """
    ids, pipelines, datasets = _projects(call)
    others = [id for id in ids if id not in pipelines and id not in datasets]
    answer: Json = {
        "pipelines": len(call.db.tasks.distinct("project", _controllers(pipelines))),
        "datasets": len(call.db.tasks.distinct("project", _active(datasets))),
    }
    tasks, models = call.db.tasks, call.db.models
    for name, documents, is_report in (("tasks", tasks, False), ("models", models, None), ("reports", tasks, True)):
        for prefix, selection in (("", Selection().among("project", others)), ("non_archived_", _active(others))):
            if is_report is not None:
                selection.tagged("system_tags", REPORT, is_not=not is_report)
            answer[prefix + name] = documents.count(selection)
    return answer


@endpoint("projects.delete", writes=True)
def delete(call: Call) -> Json:
    """Delete a project and its subprojects.

    Without `delete_contents`, Tasks and models stay without a project.

    Raises:
        errors.ProjectHasPipelines, ProjectHasDatasets, ProjectHasTasks, ProjectHasModels: The project has contents that
            are not archived, and `force` is not set.
    """
    own_project(call)
    ids, pipelines, datasets = _projects(call)
    if not call.data.get("force"):
        _check_unused(call, ids, pipelines, datasets)
    answer = _delete_contents(call, ids) if call.data.get("delete_contents") else _release_contents(call, ids)
    deleted = sum(call.db.projects.delete(id) for id in ids)
    return {"deleted": deleted, **answer}


def _projects(call: Call) -> tuple[list[str], list[str], list[str]]:
    """Return the ids of a project and its subprojects, of the pipelines, and of the datasets."""
    ids = with_subprojects(call, [project(call)["id"]])
    pipelines, datasets = (
        call.db.projects.distinct("id", holders(kind).among("id", ids)) for kind in (PIPELINES, DATASETS)
    )
    return ids, pipelines, datasets


def _check_unused(call: Call, ids: list[str], pipelines: list[str], datasets: list[str]) -> None:
    id = call.data["project"]
    if call.db.tasks.count(_controllers(pipelines)):
        raise errors.ProjectHasPipelines("please archive all the controllers or use force=true", id=id)
    if call.db.tasks.count(_active(datasets)):
        raise errors.ProjectHasDatasets("please delete all the dataset versions or use force=true", id=id)
    others = _active([id for id in ids if id not in pipelines and id not in datasets])
    if call.db.tasks.count(others):
        raise errors.ProjectHasTasks("use force=true", id=id)
    if call.db.models.count(others):
        raise errors.ProjectHasModels("use force=true", id=id)


def _active(ids: list[str]) -> Selection:
    return Selection().among("project", ids).tagged("system_tags", "archived", is_not=True)


def _controllers(ids: list[str]) -> Selection:
    return _active(ids).equal("type", "controller")


def _delete_contents(call: Call, ids: list[str]) -> Json:
    """Delete all Tasks and models of projects, and remove references to them elsewhere."""
    models = _contents(call.db.models, ids)
    tasks = _contents(call.db.tasks, ids)
    for documents, found in ((call.db.models, models), (call.db.tasks, tasks)):
        for document in found:
            call.db.events.delete(document["id"])
            documents.delete(document["id"])
    for task in tasks:
        call.db.entries.remove(task["id"])
        for documents, field in ((call.db.tasks, "parent"), (call.db.models, "task")):
            for document in list(documents.all(Selection().equal(field, task["id"]))):
                _clear(call, documents, document, field)
    for model in models:
        _forget_model(call, model)
    urls = {
        "model_urls": sorted({str(model["uri"]) for model in models if model.get("uri")}),
        "artifact_urls": sorted(_artifacts(tasks)),
        "event_urls": [],
    }
    return {"disassociated_tasks": 0, "deleted_models": len(models), "deleted_tasks": len(tasks), "urls": urls}


def _forget_model(call: Call, model: Document) -> None:
    """Mark a deleted model in the Tasks that refer to it.

    The Task that made the model drops it from its outputs, unless the Task is published.
    """
    for task in list(call.db.tasks.all(Selection().holding("$.models.input", "model", model["id"]))):
        _mark(call, task, "input", model["id"])
    maker = call.db.tasks.get(model["task"]) if model.get("task") else None
    if maker:
        _mark(call, maker, "output", model["id"], is_kept=maker["status"] == "published")


def _mark(call: Call, task: Document, side: str, id: str, is_kept: bool = True) -> None:
    items = [{**item, "model": _DELETED} if item["model"] == id else item for item in task["models"][side]]
    kept = [item for item in items if is_kept or item["model"] != _DELETED]
    save(call, call.db.tasks, task, {"models": {**task["models"], side: kept}})


def _artifacts(tasks: list[Document]) -> set[str]:
    artifacts = (item for task in tasks for item in task["execution"]["artifacts"])
    return {str(item["uri"]) for item in artifacts if item.get("uri") and item.get("mode") != "input"}


def _release_contents(call: Call, ids: list[str]) -> Json:
    released = {}
    for name, documents in (("tasks", call.db.tasks), ("models", call.db.models)):
        found = _contents(documents, ids)
        for document in found:
            _clear(call, documents, document, "project")
        released[name] = len(found)
    return {"disassociated_tasks": released["tasks"], "deleted_models": 0, "deleted_tasks": 0, "urls": None}


def _clear(call: Call, documents: Documents, document: Document, field: str) -> None:
    document.pop(field)
    documents.save({**document, **changes(call)})


def _contents(documents: Documents, ids: list[str]) -> list[Document]:
    return list(documents.all(Selection().among("project", ids)))
