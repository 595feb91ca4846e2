"""Reading Tasks."""

from localserver import fields
from localserver.registry import Call, endpoint
from localserver.services import listing, scope
from localserver.services.common import task
from localserver.store.documents import Document
from localserver.store.query import Selection, select
from localserver.wire import Json

_FILTERS = {**fields.FILTERS, "models": "dict", "execution": "dict"}


@endpoint("tasks.get_by_id", required=("task",))
def get_by_id(call: Call) -> Json:
    return {"task": task(call)}


@endpoint("tasks.get_by_id_ex")
def get_by_id_ex(call: Call) -> Json:
    """As `get_all_ex`, for the Tasks that `id` names."""
    return {"tasks": _extended(call)[0]}


@endpoint("tasks.get_all", fields=_FILTERS)
def get_all(call: Call) -> Json:
    return listing.answer("tasks", call.db.tasks, call.data, selected(call))


@endpoint("tasks.get_all_ex", fields=_FILTERS)
def get_all_ex(call: Call) -> Json:
    """As `get_all`, with the names of projects, users and parents beside their ids."""
    found, scroll_id = _extended(call)
    return {"tasks": found, "scroll_id": scroll_id} if scroll_id else {"tasks": found}


def _extended(call: Call) -> tuple[list[Document], str | None]:
    data = {**call.data, "only_fields": _roots(call)}
    found, scroll_id = listing.get_all(call.db.tasks, data, selected(call))
    return [_named(call, document) for document in found], scroll_id


@endpoint("tasks.get_types")
def get_types(call: Call) -> Json:
    return {"types": call.db.tasks.distinct("type", scope.in_projects(call))}


def selected(call: Call) -> Selection:
    """The Tasks that a request asks for; hidden ones only when it says so or names them."""
    data = dict(call.data)
    if data.get("include_subprojects") and data.get("project"):
        data["project"] = scope.with_subprojects(call, listing.names(data["project"]))
    selection = select(call.db.tasks.entity, data)
    if not data.get("search_hidden") and not data.get("id"):
        selection.tagged("system_tags", "hidden", is_not=True)
    return selection


def _roots(call: Call) -> list[str]:
    """`only_fields` without what is asked of the documents that a Task refers to."""
    names = listing.names(call.data.get("only_fields") or [])
    references = ("project", "parent", "user")
    return [name.partition(".")[0] if name.partition(".")[0] in references else name for name in names]


def _named(call: Call, document: Document) -> Document:
    shown = dict(document)
    if isinstance(shown.get("project"), str):
        project = call.db.projects.get(shown["project"])
        shown["project"] = {"id": shown["project"], "name": project["name"] if project else None}
    if isinstance(shown.get("parent"), str):
        parent = call.db.tasks.get(shown["parent"])
        shown["parent"] = {"id": shown["parent"], "name": parent["name"] if parent else None}
    if isinstance(shown.get("user"), str):
        shown["user"] = {"id": shown["user"], "name": shown["user"]}
    return shown
