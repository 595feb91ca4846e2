"""Kinds of documents: their tables, columns, fields and filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_COMMON = frozenset({"name", "user", "created", "last_update", "tags", "system_tags"})
_COMMON_FIELDS = _COMMON | {"id", "company", "last_change", "last_changed_by"}

LISTS = frozenset({"tags", "system_tags"})
# Fields that are lists of objects.
OBJECT_LISTS = frozenset({"models.input", "models.output", "entries"})
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
# Text fields that are often empty. Empty text sorts as a missing value.
EMPTY_TEXTS = frozenset({"comment", "description", "report", "status_message", "status_reason", "uri", "framework"})


@dataclass(frozen=True)
class Entity:
    """A kind of document.

    `columns` are stored beside the document and indexed. `fields` are all top-level names of a document.
    `filters` has the kind of filter (clearml_flows.localserver.store.filters) of each field; `name.*` covers all fields
    below a name. `lists` are lists of text besides tags. `natural` has prefixes of names that sort by
    clearml_flows.localserver.store.natural. `references` maps paths of ids to the table that they refer to. `unasked`
    has fields that lists of documents omit unless a request names them.
    """

    table: str
    columns: frozenset[str]
    fields: frozenset[str]
    filters: Mapping[str, str] = field(default_factory=dict)
    lists: frozenset[str] = frozenset()
    natural: tuple[str, ...] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    unasked: frozenset[str] = frozenset()

    def kind(self, name: str) -> str | None:
        """Return the kind of filter of a field (list, pattern, range, date, equal), or None."""
        head, dot, _ = name.partition(".")
        return self.filters.get(name) or (self.filters.get(f"{head}.*") if dot else None)


def _filters(**kinds: str) -> dict[str, str]:
    return {name: kind for kind, names in kinds.items() for name in names.split()}


_OWNERS = {"company": "companies", "user": "users"}

TASKS = Entity(
    "tasks",
    _COMMON | {"project", "parent", "type", "status", "status_changed", "last_change", "started", "completed"},
    _COMMON_FIELDS
    | {"active_duration", "comment", "completed", "configuration", "container", "enqueue_status", "execution"}
    | {"hyperparams", "input", "last_iteration", "last_metrics", "last_worker", "last_worker_report", "metric_stats"}
    | {"models", "output", "parent", "project", "published", "report", "report_assets", "runtime", "script", "started"}
    | {"status", "status_changed", "status_message", "status_reason", "type", "unique_metrics"},
    _filters(
        list="id user tags system_tags type status project parent hyperparams.* execution.queue models.input.model",
        range="created started active_duration last_iteration last_metrics.*",
        date="status_changed last_update last_change",
        pattern="name comment report",
        equal="runtime.*",
    ),
    frozenset({"report_assets", "unique_metrics"}),
    ("execution.parameters.", "last_metrics.", "hyperparams."),
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
    | {"ready", "stats", "task", "ui_cache", "unique_metrics", "uri", "company_origin"},
    _filters(
        list="id user tags system_tags project task parent framework uri metadata.*",
        range="created last_iteration last_metrics.*",
        date="last_update last_change",
        pattern="name comment",
        equal="ready",
    ),
    frozenset({"unique_metrics"}),
    ("metadata.", "last_metrics."),
    {**_OWNERS, "parent": "models", "project": "projects", "task": "tasks"},
    frozenset({"unique_metrics", "ui_cache", "company_origin"}),
)
PROJECTS = Entity(
    "projects",
    _COMMON | {"basename", "parent"},
    _COMMON_FIELDS | {"basename", "default_output_destination", "description", "featured", "parent", "path"},
    _filters(list="id tags system_tags parent path", range="last_update", pattern="name basename description"),
    frozenset({"path"}),
    (),
    {**_OWNERS, "parent": "projects"},
    frozenset({"path"}),
)
QUEUES = Entity(
    "queues",
    _COMMON,
    _COMMON_FIELDS | {"display_name", "entries", "metadata", "resources"},
    _filters(list="id tags system_tags metadata.*", pattern="name"),
    frozenset(),
    ("metadata.",),
    {"company": "companies", "entries.task": "tasks"},
)
WORKERS = Entity(
    "workers",
    frozenset({"last_activity_time"}),
    frozenset({"id", "company", "ip", "key", "last_activity_time", "last_report_time", "project"})
    | {"queue", "queues", "register_time", "register_timeout", "system_tags", "tags", "task", "user"},
)
# There is one company, so it has no table.
COMPANIES = Entity("companies", frozenset(), frozenset({"id", "name"}))
USERS = Entity(
    "users",
    frozenset({"name", "created"}),
    frozenset({"id", "name", "family_name", "given_name", "avatar", "company", "created", "created_in_version"})
    | {"preferences"},
    _filters(list="id", pattern="name"),
    references={"company": "companies"},
    unasked=frozenset({"preferences"}),
)
ENTITIES = {entity.table: entity for entity in (TASKS, MODELS, PROJECTS, QUEUES, COMPANIES, USERS)}
