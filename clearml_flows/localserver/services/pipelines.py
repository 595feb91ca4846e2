import re
from collections.abc import Mapping

from clearml_flows.localserver import errors
from clearml_flows.localserver.fields import objects, text, texts
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import many, save, task
from clearml_flows.localserver.services.tasks.clone import copy
from clearml_flows.localserver.services.tasks.queueing import enqueue
from clearml_flows.localserver.services.tasks.removal import delete_task
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

_SECTION = "Args"
_TAG = "pipeline"


@endpoint("pipelines.start_pipeline", writes=True)
def start_pipeline(call: Call) -> Json:
    """Copy a pipeline controller with new `args` and enqueue the copy in `queue`."""
    hyperparams = _with_arguments(task(call)["hyperparams"], objects(call.data, "args"))
    document = copy(call.asking({"task": call.data["task"]}), hyperparams=hyperparams)
    _number(call, document)
    request = {"task": document["id"], "status_message": "Starting pipeline"}
    request |= {name: call.data.get(name) for name in ("queue", "verify_watched_queue")}
    answer = enqueue(call.asking(request))
    watched = {"queue_watched": answer["queue_watched"]} if "queue_watched" in answer else {}
    return {"pipeline": document["id"], "enqueued": bool(answer["queued"]), **watched}


def _with_arguments(hyperparams: Mapping[str, Json], arguments: list[Document]) -> Json:
    if not arguments:
        return dict(hyperparams)
    items = {
        name: {"section": _SECTION, "name": name, "value": str(argument.get("value", ""))}
        for argument in arguments
        for name in [text(argument, "name")]
    }
    return {**hyperparams, _SECTION: {**hyperparams.get(_SECTION, {}), **items}}


def _number(call: Call, document: Document) -> None:
    """Name a pipeline run after its project, with its number among the project's runs."""
    project = call.db.projects.get(document["project"]) if document.get("project") else None
    if project is None:
        return
    name = project["name"].rpartition("/")[2]
    runs = call.db.tasks.all(Selection().equal("project", project["id"]).tagged("system_tags", _TAG))
    numbered = re.compile(rf"{re.escape(name)}( #\d+)?$")
    count = sum(1 for run in runs if numbered.search(run["name"]))
    save(call, call.db.tasks, document, {"name": f"{name} #{count}" if count else name})


@endpoint("pipelines.delete_runs", writes=True)
def delete_runs(call: Call) -> Json:
    """Delete runs of a pipeline and their steps. Ids that are not runs of it are ignored.

    Raises:
        errors.AllRunsSelected: No run of the pipeline would remain.
    """
    ids = texts(call.data, "ids")
    found = Selection().equal("project", call.data["project"]).equal("type", "controller")
    runs = {run["id"] for run in call.db.tasks.all(found)}
    if not runs.difference(ids):
        raise errors.AllRunsSelected(project=call.data["project"])
    request = call.asking({"force": True, "include_pipeline_steps": True, "ids": [id for id in ids if id in runs]})
    return many(request, lambda task_id: delete_task(request, task_id))
