"""What the documents of each kind look like to a query: their fields, and which of them are columns of the table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    """`columns`: stored beside the document and indexed; `fields`: every top-level name a document may have.

    `references`: the paths of ids of other documents, with the table of these. `unasked`: fields of lists of documents
    that are shown only when they are asked for.
    """

    table: str
    columns: frozenset[str]
    fields: frozenset[str]
    references: Mapping[str, str] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()


_OWNERS = {"company": "companies", "user": "users"}

TASKS = Entity(
    "tasks",
    _COMMON | {"project", "parent", "type", "status", "status_changed", "last_change", "started", "completed"},
    _COMMON_FIELDS
    | {"active_duration", "comment", "completed", "configuration", "container", "enqueue_status", "execution"}
    | {"hyperparams", "input", "last_iteration", "last_metrics", "last_worker", "last_worker_report", "metric_stats"}
    | {"models", "output", "parent", "project", "published", "report", "report_assets", "runtime", "script", "started"}
    | {"status", "status_changed", "status_message", "status_reason", "type", "unique_metrics"},
    {
        **_OWNERS,
        "parent": "tasks",
        "project": "projects",
        "execution.queue": "queues",
        "models.input.model": "models",
        "models.output.model": "models",
    },
    frozenset({"unique_metrics", "enqueue_status"}),
)
MODELS = Entity(
    "models",
    _COMMON | {"project", "parent", "task", "uri", "ready", "framework", "last_change"},
    _COMMON_FIELDS
    | {"comment", "design", "framework", "labels", "last_iteration", "last_metrics", "metadata", "parent", "project"}
    | {"ready", "stats", "task", "ui_cache", "unique_metrics", "uri"},
    {**_OWNERS, "parent": "models", "project": "projects", "task": "tasks"},
    frozenset({"unique_metrics", "ui_cache"}),
)
PROJECTS = Entity(
    "projects",
    _COMMON | {"basename", "parent"},
    _COMMON_FIELDS | {"basename", "default_output_destination", "description", "featured", "parent", "path"},
    {**_OWNERS, "parent": "projects"},
)
QUEUES = Entity(
    "queues",
    _COMMON,
    _COMMON_FIELDS | {"display_name", "entries", "metadata"},
    {"company": "companies", "entries.task": "tasks"},
)
WORKERS = Entity(
    "workers",
    frozenset({"last_activity_time"}),
    frozenset({"id", "company", "ip", "key", "last_activity_time", "last_report_time", "project"})
    | {"queue", "queues", "register_time", "register_timeout", "system_tags", "tags", "task", "user"},
)
# There are no tables of these: one company, and whoever is let in.
COMPANIES = Entity("companies", frozenset(), frozenset({"id", "name"}))
USERS = Entity(
    "users",
    frozenset(),
    frozenset({"id", "name", "family_name", "given_name", "avatar", "company", "created"}),
    {"company": "companies"},
)
ENTITIES = {entity.table: entity for entity in (TASKS, MODELS, PROJECTS, QUEUES, COMPANIES, USERS)}
