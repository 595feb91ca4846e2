"""Explain cache hits and misses of steps from their Tasks."""

import json
import re
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.plain_text import local_date

FIELDS = ["id", "name", "project", "parent", "status", "created", "completed", "hyperparams", "script.diff"]
SHOWN = 40
_FIRST = "2000-01-01T00:00:00+00:00"  # earlier than any Task
SHOWN_OF_ID = 8

Task = dict[str, Any]


def explain_cache(api: Api, task: Task, run_id: str, cache: bool, options: str) -> str:
    """Return a sentence that explains the cache hit or miss of a step's Task with FIELDS.

    Args:
        cache: whether the step uses the cache.
        options: the options that the run was started with.
    """
    if task["parent"] != run_id:
        return f"cached: equal hash to {_named(task)} of run {task['parent'][:SHOWN_OF_ID]}"
    if not cache:
        asked = "--no-cache" in options or f"--force {task['name']}" in options
        return f"not cached: the run was started with {options}" if asked else "not cached: this step always runs"
    before = _earlier(api, task)
    if not before:
        return "not cached: no earlier run completed this step"
    return f"not cached: {_difference(before, task)}, compared with {_named(before)}".rstrip(",")


def _named(task: Task) -> str:
    return f"task {task['id'][:SHOWN_OF_ID]}, completed {local_date(task['completed'])},"


def _earlier(api: Api, task: Task) -> Task:
    """Return the newest earlier Task of this step that completed, or {}."""
    query = {
        "project": [task["project"]],
        "name": f"^{re.escape(task['name'])}$",
        "status": ["completed", "published"],
        # The range includes both ends. Backends filter this field only by ranges.
        "created": [_FIRST, task["created"]],
        "order_by": ["-created"],
    }
    found = api.call("tasks.get_all", **query, search_hidden=True, page=0, page_size=2, only_fields=FIELDS)["tasks"]
    return next((dict(one) for one in found if one["id"] != task["id"]), {})


def _difference(before: Task, after: Task) -> str:
    old, new = _parameters(before), _parameters(after)
    changed = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    parts = [_change(name, old.get(name, ""), new.get(name, "")) for name in changed]
    if before.get("script", {}).get("diff") != after.get("script", {}).get("diff"):
        parts.append("its code changed")
    return "; ".join(parts) or "nothing recorded differs, so the hash was not to be compared"


def _change(name: str, old: str, new: str) -> str:
    """Return the change of a parameter. For JSON objects, return the changed keys."""
    one, other = _object(old), _object(new)
    if one and other:
        keys = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
        return f"{name} changed ({', '.join(keys)})"
    if max(len(old), len(new)) > SHOWN:
        return f"{name} changed"
    return f"{name} changed from {old or 'nothing'} to {new or 'nothing'}"


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(task: Task) -> dict[str, str]:
    section = (task.get("hyperparams") or {}).get("kwargs", {})
    return {name: str(item.get("value", "")) for name, item in section.items()}
