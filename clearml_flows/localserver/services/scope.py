"""Select documents by the projects and visibility that a request names."""

from collections.abc import Iterable, Mapping
from typing import Any

from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.projection import names
from clearml_flows.localserver.store.query import Selection


def in_projects(call: Call) -> Selection:
    """Select documents in the request's `projects` (or `project`) and their subprojects.

    Without projects, all visible documents are selected. `include_subprojects: false` leaves subprojects out.
    A null project selects documents outside any project.
    """
    ids = [call.data["project"]] if call.data.get("project") else call.data.get("projects") or []
    selection = visible(call.data, Selection())
    if not ids:
        return selection
    below = call.data.get("include_subprojects") is not False
    return selection.among("project", with_subprojects(call, ids) if below else ids)


def with_subprojects(call: Call, ids: Iterable[Any]) -> list[Any]:
    """Return the ids and the ids of all their subprojects."""
    wanted = list(ids)
    below = call.db.projects.distinct("id", Selection().inside(wanted))
    return [*wanted, *(id for id in below if id not in wanted)]


def with_parents(call: Call, ids: Iterable[str]) -> set[str]:
    """Return the existing projects among `ids` and all their parent projects."""
    found = call.db.projects.all(Selection().among("id", ids))
    return {id for project in found for id in (project["id"], *project["path"])}


def visible(data: Mapping[str, Any], selection: Selection) -> Selection:
    """Exclude public documents if the request has `allow_public: false` or `non_public: true`."""
    is_allowed = data.get("allow_public", not data.get("non_public"))
    return selection if is_allowed else selection.both(("json_extract(doc, '$.company') <> ''", []))


def filtered(call: Call, data: dict[str, Any]) -> dict[str, Any]:
    """Return the request's filters, with subprojects added to `project` if it asks for them."""
    if not data.get("include_subprojects") or not data.get("project"):
        return data
    return {**data, "project": with_subprojects(call, names(data["project"]))}
