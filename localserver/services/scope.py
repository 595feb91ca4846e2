"""Which projects a request is about."""

from collections.abc import Iterable, Mapping
from typing import Any

from localserver.registry import Call
from localserver.services.projection import names
from localserver.store.query import Selection


def in_projects(call: Call) -> Selection:
    """What stands in the `projects` (or the `project`) of a request and below; everything when it names none.

    `include_subprojects` leaves those below out when it is false. A project that is null stands for none.
    """
    ids = [call.data["project"]] if call.data.get("project") else call.data.get("projects") or []
    selection = visible(call.data, Selection())
    if not ids:
        return selection
    below = call.data.get("include_subprojects") is not False
    return selection.among("project", with_subprojects(call, ids) if below else ids)


def with_subprojects(call: Call, ids: Iterable[Any]) -> list[Any]:
    wanted = list(ids)
    below = call.db.projects.distinct("id", Selection().inside(wanted))
    return [*wanted, *(id for id in below if id not in wanted)]


def with_parents(call: Call, ids: Iterable[str]) -> set[str]:
    """The projects that there are of `ids`, and all above them."""
    found = call.db.projects.all(Selection().among("id", ids))
    return {id for project in found for id in (project["id"], *project["path"])}


def visible(data: Mapping[str, Any], selection: Selection) -> Selection:
    """The documents that a request may see: public ones too, unless `allow_public` (or `non_public`) says otherwise."""
    is_allowed = data.get("allow_public", not data.get("non_public"))
    return selection if is_allowed else selection.both(("json_extract(doc, '$.company') <> ''", []))


def filtered(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    """The filters of a request with the projects below the `project` that it names, if it asks for these."""
    if not data.get("include_subprojects") or not data.get("project"):
        return data
    return {**data, "project": with_subprojects(call, names(data["project"]))}
