"""Reading projects."""

from localserver import fields
from localserver.registry import Call, endpoint
from localserver.services import listing
from localserver.services.common import project
from localserver.services.projects import stats
from localserver.store.documents import Document
from localserver.store.query import Selection, select
from localserver.wire import Json

_FILTERS = fields.FILTERS


@endpoint("projects.get_by_id", required=("project",))
def get_by_id(call: Call) -> Json:
    return {"project": project(call)}


@endpoint("projects.get_all", fields=_FILTERS)
def get_all(call: Call) -> Json:
    return listing.answer("projects", call.db.projects, call.data, _selected(call))


@endpoint("projects.get_all_ex", fields=_FILTERS)
def get_all_ex(call: Call) -> Json:
    """As `get_all`, with what is in the projects: `include_stats`, `include_dataset_stats`, sub-projects."""
    found, scroll_id = listing.get_all_joined(call, call.db.projects, call.data, _selected(call))
    return listing.enveloped("projects", [_extended(call, document) for document in found], scroll_id)


def _selected(call: Call) -> Selection:
    data = {name: value for name, value in call.data.items() if name != "parent"}
    selection = select(call.db.projects.entity, data)
    if call.data.get("parent"):
        for ancestor in listing.names(call.data["parent"]):
            selection.inside(ancestor)
    elif call.data.get("shallow_search"):
        selection.top()
    if not call.data.get("search_hidden") and not call.data.get("id"):
        selection.tagged("system_tags", "hidden", is_not=True)
    return selection


def _extended(call: Call, document: Document) -> Document:
    shown = dict(document)
    if call.data.get("include_stats"):
        shown["stats"] = stats.of_project(call, document["id"])
        below = call.db.projects.find(Selection().inside(document["id"]))
        shown["sub_projects"] = [{"id": child["id"], "name": child["name"]} for child in below]
    for name, documents in (("own_tasks", call.db.tasks), ("own_models", call.db.models)):
        if call.data.get("check_own_contents"):
            shown[name] = documents.count(Selection().equal("project", document["id"]))
    return shown
