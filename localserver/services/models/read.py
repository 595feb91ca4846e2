"""Reading models."""

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.services import listing, scope
from localserver.services.common import model, task
from localserver.store.query import Selection, select
from localserver.wire import Json

_FILTERS = fields.FILTERS


@endpoint("models.get_by_id", required=("model",))
def get_by_id(call: Call) -> Json:
    return {"model": model(call)}


@endpoint("models.get_by_task_id")
def get_by_task_id(call: Call) -> Json:
    """The model that a Task made last."""
    if not call.data.get("task"):
        raise errors.ValidationError("error for field 'task'. field is required!")
    outputs = task(call)["models"]["output"]
    if not outputs:
        raise errors.InvalidModelId("the task has no output model", task=call.data["task"])
    return {"model": model(call, outputs[-1]["model"])}


@endpoint("models.get_all", fields=_FILTERS)
def get_all(call: Call) -> Json:
    return listing.answer("models", call.db.models, call.data, _selected(call))


@endpoint("models.get_all_ex", fields=_FILTERS)
def get_all_ex(call: Call) -> Json:
    """As `get_all`, with the names of Tasks and projects beside their ids."""
    answer = listing.answer("models", call.db.models, call.data, _selected(call))
    for document in answer["models"]:
        for name, documents in (("task", call.db.tasks), ("project", call.db.projects)):
            if isinstance(document.get(name), str):
                referred = documents.get(document[name])
                document[name] = {"id": document[name], "name": referred["name"] if referred else None}
    return answer


@endpoint("models.get_frameworks")
def get_frameworks(call: Call) -> Json:
    return {"frameworks": call.db.models.distinct("framework", scope.in_projects(call))}


def _selected(call: Call) -> Selection:
    data = dict(call.data)
    if data.get("include_subprojects") and data.get("project"):
        data["project"] = scope.with_subprojects(call, listing.names(data["project"]))
    return select(call.db.models.entity, data)
