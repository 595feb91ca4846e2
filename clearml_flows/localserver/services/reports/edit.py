"""Create and change reports: hidden Tasks of type `report` in a hidden `.reports` project."""

from textwrap import shorten

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, given, now, project, save, task
from clearml_flows.localserver.services.projects import paths
from clearml_flows.localserver.services.tasks import documents
from clearml_flows.localserver.services.tasks.removal import ARCHIVED
from clearml_flows.localserver.services.tasks.status import change
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

REPORT = "report"
BASENAME = ".reports"
_TAGS = ("hidden", "reports")
_FIELDS = ("name", "tags", "comment", "report", "report_assets")
# Fields that may change after a report is published.
_LABELS = frozenset({"name", "tags", "comment"})
_SHOWN = 100


@endpoint("reports.create", writes=True)
def create(call: Call) -> Json:
    """Create a report.

    ClearML Server ignores `report` and `report_assets` here. This server stores them, as the API schema says.
    """
    above = project(call)["name"] if call.data.get("project") else ""
    home = _home(call, above)
    definition = {**given(call, "name tags comment"), "type": REPORT, "project": home, "system_tags": list(_TAGS)}
    document = {**documents.new(call.asking(definition)), **given(call, "report report_assets")}
    call.db.tasks.insert(document)
    paths.touch(call, home)
    return {"id": document["id"], "project_id": home}


@endpoint("reports.update", writes=True)
def update(call: Call) -> Json:
    """Change a draft, or the name, tags and comment of a published report.

    The answer contains only the first 100 characters of the report's text.
    """
    document = _report(call)
    fields = {name: call.data[name] for name in _FIELDS if name in call.data}
    if not _LABELS.issuperset(fields):
        lifecycle.editable(document)
    if not fields:
        return {"updated": 0, "fields": {}}
    save(call, call.db.tasks, document, fields)
    if fields.get("tags"):
        fields["tags"] = document["tags"]
    if fields.get("report"):
        fields["report"] = shorten(fields["report"], _SHOWN)
    return {"updated": 1, "fields": fields}


@endpoint("reports.move", writes=True)
def move(call: Call) -> Json:
    """Move a report to the `.reports` project of another project, or of the top level."""
    if not call.data.get("project_name") and "project" not in call.data:
        raise errors.MissingFields("project or project_name is required")
    document = _report(call)
    above = call.data.get("project_name") or (project(call)["name"] if call.data.get("project") else "")
    before, home = document["project"], _home(call, above)
    save(call, call.db.tasks, document, {"project": home})
    paths.touch(call, home)
    _remove_empty_home(call, before)
    return {"project_id": home}


@endpoint("reports.publish", writes=True)
def publish(call: Call) -> Json:
    message = call.data.get("message") or ""
    fields = change(call, _report(call), lifecycle.PUBLISHED, {"published": now()}, force=True, message=message)
    return {"updated": 1, "fields": fields}


@endpoint("reports.archive", writes=True)
def archive(call: Call) -> Json:
    document = _report(call)
    _tag(call, document, [*(tag for tag in document["system_tags"] if tag != ARCHIVED), ARCHIVED])
    return {"archived": 1}


@endpoint("reports.unarchive", writes=True)
def unarchive(call: Call) -> Json:
    document = _report(call)
    _tag(call, document, [tag for tag in document["system_tags"] if tag != ARCHIVED])
    return {"unarchived": 1}


@endpoint("reports.delete", writes=True)
def delete(call: Call) -> Json:
    """Delete a report. Like on ClearML Server, a published report needs no `force`."""
    document = _report(call)
    call.db.tasks.delete(document["id"])
    _remove_empty_home(call, document["project"])
    return {"deleted": 1}


def _report(call: Call) -> Document:
    document = task(call)
    if document["type"] != REPORT:
        raise errors.NotAReport(id=document["id"])
    return document


def _home(call: Call, above: str) -> str:
    """Return the id of a project's `.reports` project, and create it if missing."""
    name = above.strip("/")
    if name.rpartition("/")[2] != BASENAME:
        name = f"{name}/{BASENAME}".lstrip("/")
    found = paths.by_name(call, paths.clean(name))
    home = found or paths.create(call, name, description="Reports project", system_tags=list(_TAGS))
    return str(home["id"])


def _remove_empty_home(call: Call, id: str | None) -> None:
    home = call.db.projects.get(id) if id else None
    if home and home["basename"] == BASENAME and not call.db.tasks.count(Selection().equal("project", id)):
        call.db.projects.delete(home["id"])


def _tag(call: Call, document: Document, system_tags: list[str]) -> None:
    notes = {"status_message": call.data.get("message") or "", "status_reason": ""}
    document.update({"system_tags": system_tags, **notes, **changes(call, updates=False)})
    call.db.tasks.save(document)
