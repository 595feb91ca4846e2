"""How much there is in a project and in those below it, and how the Tasks there stand."""

from typing import Any

from localserver.lifecycle import STATUSES
from localserver.registry import Call
from localserver.services.scope import with_subprojects
from localserver.store.query import Selection
from localserver.wire import Json


def of_project(call: Call, id: str) -> Json:
    """Tasks and their statuses, apart for those that are archived and those that are not."""
    projects = with_subprojects(call, [id])
    return {
        name: _section(call, Selection().among("project", projects).tagged("system_tags", "archived", is_not=is_not))
        for name, is_not in (("active", True), ("archived", False))
    }


def _section(call: Call, selection: Selection) -> Json:
    counts: dict[str, Any] = dict.fromkeys(sorted(STATUSES), 0)
    counts.update(dict(call.db.tasks.counts(["status"], selection)))
    runtime = sum(document.get("active_duration") or 0 for document in call.db.tasks.all(selection))
    return {"status_count": counts, "total_tasks": sum(counts.values()), "total_runtime": runtime}
