"""Which projects a request is about."""

from localserver import fields
from localserver.registry import Call
from localserver.store.query import Selection


def in_projects(call: Call) -> Selection:
    """What stands in the `projects` (or the `project`) of a request; everything when it names none."""
    selection = Selection()
    ids = [call.data["project"]] if call.data.get("project") else fields.texts(call.data, "projects")
    if ids:
        selection.among("project", with_subprojects(call, ids) if call.data.get("include_subprojects") else ids)
    return selection


def with_subprojects(call: Call, ids: list[str]) -> list[str]:
    wanted = set(ids)
    paths = {document["id"]: document["path"] for document in call.db.projects.all(Selection())}
    return [*ids, *(id for id, path in paths.items() if id not in wanted and wanted.intersection(path))]
