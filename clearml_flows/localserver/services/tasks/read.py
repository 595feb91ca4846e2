"""Read Tasks."""

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, scope
from clearml_flows.localserver.services.tasks import documents, legacy
from clearml_flows.localserver.store.expressions import unescaped
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json


@endpoint("tasks.get_by_id")
def get_by_id(call: Call) -> Json:
    (document,) = documents.existing(call, [call.data["task"]])
    return {"task": documents.shown(call, [document])[0]}


@endpoint("tasks.get_by_id_ex")
def get_by_id_ex(call: Call) -> Json:
    """Like `get_all_ex`, including hidden Tasks."""
    call = _today(call)
    found, _ = listing.get_all_joined(call, call.db.tasks, call.data, select(call.db.tasks.entity, call.data))
    return {"tasks": documents.shown(call, found)}


@endpoint("tasks.get_all")
def get_all(call: Call) -> Json:
    call = _today(call)
    found, scroll_id = listing.get_all(call.db.tasks, call.data, selected(call))
    return listing.enveloped("tasks", documents.shown(call, found), scroll_id)


@endpoint("tasks.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Like `get_all`, with an object for each reference and its fields in `only_fields`."""
    call = _today(call)
    selection = scope.visible(call.data, selected(call))
    found, scroll_id = listing.get_all_joined(call, call.db.tasks, call.data, selection)
    return listing.enveloped("tasks", documents.shown(call, found), scroll_id)


@endpoint("tasks.get_types")
def get_types(call: Call) -> Json:
    return {"types": call.db.tasks.distinct("type", scope.in_projects(call))}


def selected(call: Call) -> Selection:
    """Return the selection for a request.

    Hidden Tasks are included only with `search_hidden` or by id.
    """
    data = scope.filtered(call, call.data)
    selection = select(call.db.tasks.entity, data)
    if not data.get("search_hidden") and not data.get("id"):
        selection.tagged("system_tags", "hidden", is_not=True)
    return selection


def _today(call: Call) -> Call:
    """Return the request with old field names replaced by current ones."""
    data = {legacy.path(name): value for name, value in call.data.items()}
    data["only_fields"] = listing.asked_fields(data)
    for name in ("only_fields", "order_by"):
        if data.get(name):
            data[name] = [legacy.path(path) for path in listing.names(data[name])]
    if data.get("only_fields"):
        data["only_fields"] = [unescaped(path) for path in data["only_fields"]]
    return call.asking(data)
