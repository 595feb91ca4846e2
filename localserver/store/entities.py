"""What the documents of each kind look like to a query: their fields, and which of them are columns of the table."""

from dataclasses import dataclass

_COMMON = frozenset({"name", "user", "created", "last_update", "tags", "system_tags"})
_COMMON_FIELDS = _COMMON | {"id", "company", "last_change", "last_changed_by"}

LISTS = frozenset({"tags", "system_tags"})
DATES = frozenset(
    {
        "created",
        "last_update",
        "last_change",
        "status_changed",
        "started",
        "completed",
        "published",
        "last_activity_time",
    }
)
# Filtered by a regular expression that may match anywhere in the text.
PATTERNS = frozenset({"name", "basename", "comment", "description"})


@dataclass(frozen=True)
class Entity:
    """`columns`: stored beside the document and indexed; `fields`: every top-level name a document may have."""

    table: str
    columns: frozenset[str]
    fields: frozenset[str]


TASKS = Entity(
    "tasks",
    _COMMON | {"project", "parent", "type", "status", "status_changed", "last_change", "started", "completed"},
    _COMMON_FIELDS
    | {"active_duration", "comment", "completed", "configuration", "container", "enqueue_status", "execution"}
    | {"hyperparams", "input", "last_iteration", "last_metrics", "last_worker", "last_worker_report", "metric_stats"}
    | {"models", "output", "parent", "project", "published", "report", "report_assets", "runtime", "script", "started"}
    | {"status", "status_changed", "status_message", "status_reason", "type", "unique_metrics"},
)
MODELS = Entity(
    "models",
    _COMMON | {"project", "parent", "task", "uri", "ready", "framework", "last_change"},
    _COMMON_FIELDS
    | {"comment", "design", "framework", "labels", "last_iteration", "last_metrics", "metadata", "parent", "project"}
    | {"ready", "stats", "task", "ui_cache", "unique_metrics", "uri"},
)
PROJECTS = Entity(
    "projects",
    _COMMON | {"basename", "parent"},
    _COMMON_FIELDS | {"basename", "default_output_destination", "description", "featured", "parent", "path"},
)
QUEUES = Entity("queues", _COMMON, _COMMON_FIELDS | {"display_name", "entries", "metadata"})
WORKERS = Entity(
    "workers",
    frozenset({"last_activity_time"}),
    frozenset({"id", "company", "ip", "key", "last_activity_time", "last_report_time", "project"})
    | {"queue", "queues", "register_time", "register_timeout", "system_tags", "tags", "task", "user"},
)
