"""How much there is in projects and in those below them, and how the Tasks there stand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from localserver.lifecycle import STATUSES
from localserver.registry import Call
from localserver.services.projects.children import DATASETS, listed
from localserver.store.documents import Document, Documents
from localserver.store.query import Selection
from localserver.wire import Json

_ARCHIVED, _NOT_ARCHIVED = "archived", "-archived"
# The server counts two more statuses, which no Task has here.
_STATUSES = sorted(STATUSES | {"publishing", "unknown"})


def below(call: Call, ids: Sequence[str], search_hidden: bool, allowed: Sequence[str] | None) -> dict[str, list[Json]]:
    """The projects below each of some, by name."""
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
    """The statistics of the active Tasks in each project and those below it, by project."""
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
    """How many datasets are in each project and those below it, with their tags, by project."""
    found = list(call.db.projects.all(_datasets(call, _all(ids, children), asked)))
    answer = {}
    for id in ids:
        own = [project for project in found if project.get("parent") in _own(id, children)]
        tags = sorted({tag for project in own for tag in project["tags"]})
        answer[id] = {"datasets": {"count": len(own), "tags": tags}}
    return answer


def own_contents(call: Call, ids: Sequence[str], asked: Mapping[str, Any]) -> dict[str, Json]:
    """How many Tasks and models are in each project itself; active ones unless the filter says otherwise."""
    tags = asked.get("system_tags") or []
    if not {_ARCHIVED, _NOT_ARCHIVED}.intersection(tags):
        asked = {**asked, "system_tags": [_NOT_ARCHIVED, *tags]}
    counts = {
        name: dict(documents.counts(["project"], _matching(call, documents, ids, asked)))
        for name, documents in (("own_tasks", call.db.tasks), ("own_models", call.db.models))
    }
    return {id: {name: found.get(id, 0) for name, found in counts.items()} for id in ids}


def own_datasets(call: Call, ids: Sequence[str], asked: Mapping[str, Any]) -> dict[str, Json]:
    """How many datasets are in each project itself."""
    counts = dict(call.db.projects.counts(["parent"], _datasets(call, ids, asked)))
    return {id: {"own_datasets": counts.get(id, 0)} for id in ids}


def of_dataset_versions(call: Call, ids: Sequence[str]) -> dict[str, Json]:
    """File count and total size of the newest dataset version, by project."""
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
