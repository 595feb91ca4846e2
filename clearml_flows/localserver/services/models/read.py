"""Read models."""

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, projection, scope
from clearml_flows.localserver.services.common import model
from clearml_flows.localserver.services.outgoing import shown
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json


@endpoint("models.get_by_id")
def get_by_id(call: Call) -> Json:
    document = projection.parse(call.db.models.entity, None).of(model(call))
    shown(call, [document])
    return {"model": document}


@endpoint("models.get_all")
def get_all(call: Call) -> Json:
    answer = listing.answer("models", call.db.models, call.data, _selected(call))
    shown(call, answer["models"])
    return answer


@endpoint("models.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Like `get_all`, with fields of referenced documents.

    `include_stats` adds the number of labels of each model.
    """
    answer = _joined(call)
    if call.data.get("include_stats"):
        for document in answer["models"]:
            labels = (call.db.models.get(document["id"]) or {}).get("labels") or {}
            document["stats"] = {"labels_count": len(labels)}
    return answer


@endpoint("models.get_by_id_ex")
def get_by_id_ex(call: Call) -> Json:
    return _joined(call)


@endpoint("models.get_frameworks")
def get_frameworks(call: Call) -> Json:
    return {"frameworks": call.db.models.distinct("framework", scope.in_projects(call))}


def _joined(call: Call) -> Json:
    selection = scope.visible(call.data, _selected(call))
    answer = listing.answer_joined(call, "models", call.db.models, call.data, selection)
    shown(call, answer["models"])
    return answer


def _selected(call: Call) -> Selection:
    data = scope.filtered(call, call.data)
    return select(call.db.models.entity, data)
