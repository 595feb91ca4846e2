"""Pipelines, datasets and reports: projects whose contents have a system tag."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.scope import with_parents, with_subprojects
from clearml_flows.localserver.store import lists
from clearml_flows.localserver.store.entities import Entity
from clearml_flows.localserver.store.expressions import values
from clearml_flows.localserver.store.query import Selection

REPORT = "reports"


@dataclass(frozen=True)
class Kind:
    """A kind of project.

    Attributes:
        tag: System tag of the projects of this kind.
        folder: Base name of their parent project. It has the tag too, but is not of this kind.
    """

    tag: str
    folder: str


DATASETS = Kind("dataset", ".datasets")
PIPELINES = Kind("pipeline", ".pipelines")
KINDS = {"dataset": DATASETS, "pipeline": PIPELINES}
TYPES = (*KINDS, "report")


def holders(kind: Kind) -> Selection:
    """Select the projects of a kind."""
    selection = Selection().tagged("system_tags", kind.tag)
    return selection.both(("basename <> ?", [kind.folder]))


def listed(selection: Selection, entity: Entity, field: str, asked: Any) -> Selection:
    """Filter documents by a field.

    `asked` is a list of values or an object in the form of `filters`.

    Raises:
        errors.ValidationError: `asked` is empty or has another type.
    """
    if not asked or not isinstance(asked, (list, dict)):
        raise errors.ValidationError(f"Non empty list or dictionary expected for the field: {field}")
    if field not in entity.fields:
        # Models have no type, so a filter by type selects no models.
        return selection.both(("0", []))
    found = values(entity, field)
    if isinstance(asked, dict):
        return selection.both(lists.combined(field, asked, found))
    return selection.both(lists.condition(field, asked, found))


def selected(call: Call, ids: Sequence[str]) -> tuple[list[str], set[str]]:
    """Return the projects that match `active_users` or `children_type`, and their parents.

    The first value has only projects in `ids` (if given). The second value has all of them.
    """
    asked = call.data.get("children_tags_filter") or call.data.get("children_tags")
    kind = call.data.get("children_type")
    below = with_subprojects(call, ids) if ids else []
    db = call.db
    if kind in KINDS:
        found = set(
            db.projects.distinct(
                "id", _restricted(call, holders(KINDS[kind]), db.projects.entity, asked, "parent", below)
            )
        )
    elif kind:
        reports = Selection().tagged("system_tags", REPORT)
        found = set(db.tasks.distinct("project", _restricted(call, reports, db.tasks.entity, asked, "project", below)))
    else:
        found = set(db.projects.distinct("id", _restricted(call, Selection(), db.projects.entity, None, "id", below)))
        for documents in (db.tasks, db.models):
            made = _restricted(call, Selection(), documents.entity, None, "project", below)
            found.update(documents.distinct("project", made))
    every = with_parents(call, found)
    return [id for id in every if id in ids or not ids], every


def _restricted(
    call: Call, selection: Selection, entity: Entity, tags: Any, field: str, projects: Sequence[str]
) -> Selection:
    if call.data.get("active_users"):
        selection.among("user", call.data["active_users"])
    if tags:
        listed(selection, entity, "tags", tags)
    return selection.among(field, projects) if projects else selection
