"""Statistics of projects and their subprojects."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clearml_flows.localserver.lifecycle import STATUSES
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.projects.children import DATASETS, listed
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.wire import Json

_ARCHIVED, _NOT_ARCHIVED = "archived", "-archived"
# ClearML Server counts two more statuses, which no Task has here.
_STATUSES = sorted(STATUSES | {"publishing", "unknown"})


def below(call: Call, ids: Sequence[str], search_hidden: bool, allowed: Sequence[str] | None) -> dict[str, list[Json]]:
    """Return the subprojects of each project, sorted by name."""
    selection = Selection().inside(ids)
    if not search_hidden:
        selection.tagged("system_tags", "hidden", is_not=True)
    if allowed:
        selection.among("id", allowed)
    found = sorted(call.db.projects.all(selection), key=lambda project: str(project["name"]))
    return {
        id: [{"id": project["id"], "name": project["name"]} for project in found if id in project["path"]] for id in ids
    }


def of_tasks(call: Call, ids: Sequence[str], children: Mapping[str, list[Json]], asked: Mapping[str, Any]) -> Json:
    """Return statistics of the Tasks that are not archived, by project.

    Tasks in subprojects count too.
    """
    tags = [tag for tag in asked.get("system_tags") or [] if tag not in (_ARCHIVED, _NOT_ARCHIVED)]
    selection = _matching(call, call.db.tasks, _all(ids, children), {**asked, "system_tags": [*tags, _NOT_ARCHIVED]})
    since = (datetime.now(UTC) - timedelta(hours=24)).isoformat(timespec="microseconds")
    rows = call.db.tasks.work(selection, since)
    return {id: {"active": _active([row for row in rows if row[0] in _own(id, children)])} for id in ids}


def _active(rows: Sequence[tuple[Any, ...]]) -> Json:
    counts = dict.fromkeys(_STATUSES, 0)
    for _, status, count, *_rest in rows:
        counts[status or "unknown"] += count
    return {
        "status_count": counts,
        "total_tasks": sum(counts.values()),
        "total_runtime": sum(row[3] for row in rows),
        "completed_tasks_24h": sum(row[4] for row in rows),
        "last_task_run": max((row[5] for row in rows if row[5]), default=None),
    }


def of_datasets(call: Call, ids: Sequence[str], children: Mapping[str, list[Json]], asked: Mapping[str, Any]) -> Json:
    """Return the number and tags of datasets by project, including subprojects."""
    found = list(call.db.projects.all(_datasets(call, _all(ids, children), asked)))
    answer = {}
    for id in ids:
        own = [project for project in found if project.get("parent") in _own(id, children)]
        tags = sorted({tag for project in own for tag in project["tags"]})
        answer[id] = {"datasets": {"count": len(own), "tags": tags}}
    return answer


def own_contents(call: Call, ids: Sequence[str], asked: Mapping[str, Any]) -> dict[str, Json]:
    """Return the number of Tasks and models of each project, without subprojects.

    Archived documents count only if `asked` filters by the archived tag.
    """
    tags = asked.get("system_tags") or []
    if not {_ARCHIVED, _NOT_ARCHIVED}.intersection(tags):
        asked = {**asked, "system_tags": [_NOT_ARCHIVED, *tags]}
    counts = {
        name: dict(documents.counts(["project"], _matching(call, documents, ids, asked)))
        for name, documents in (("own_tasks", call.db.tasks), ("own_models", call.db.models))
    }
    return {id: {name: found.get(id, 0) for name, found in counts.items()} for id in ids}


def own_datasets(call: Call, ids: Sequence[str], asked: Mapping[str, Any]) -> dict[str, Json]:
    """Return the number of datasets of each project, without subprojects."""
    counts = dict(call.db.projects.counts(["parent"], _datasets(call, ids, asked)))
    return {id: {"own_datasets": counts.get(id, 0)} for id in ids}


def of_dataset_versions(call: Call, ids: Sequence[str]) -> dict[str, Json]:
    """Return the file count and total size of the newest dataset version, by project."""
    found: dict[str, Document] = {}
    active = _matching(call, call.db.tasks, ids, {"system_tags": [_NOT_ARCHIVED]})
    for task in sorted(call.db.tasks.all(active), key=lambda task: str(task.get("last_update"))):
        if task.get("runtime"):
            found[task["project"]] = task["runtime"]
    return {
        id: {"file_count": runtime.get("ds_file_count", 0), "total_size": runtime.get("ds_total_size", 0)}
        for id, runtime in found.items()
    }


def _datasets(call: Call, ids: Sequence[str], asked: Mapping[str, Any]) -> Selection:
    tags = asked.get("system_tags")
    tags = tags if isinstance(tags, list) else []
    wanted = {**asked, "system_tags": tags if DATASETS.tag in tags else [*tags, DATASETS.tag]}
    return _matching(call, call.db.projects, ids, wanted, "parent")


def _matching(
    call: Call, documents: Documents, ids: Sequence[str], asked: Mapping[str, Any], field: str = "project"
) -> Selection:
    selection = Selection().among(field, ids)
    if call.data.get("active_users"):
        selection.among("user", call.data["active_users"])
    for name, value in asked.items():
        listed(selection, documents.entity, name, value)
    return selection


def _own(id: str, children: Mapping[str, list[Json]]) -> set[str]:
    return {id, *(child["id"] for child in children.get(id, []))}


def _all(ids: Sequence[str], children: Mapping[str, list[Json]]) -> list[str]:
    return list({own for id in ids for own in _own(id, children)})
