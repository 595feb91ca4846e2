"""Check and collect the model fields that requests set."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import check_name, check_tags, given, now
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.tokens import COMPANY

_PLAIN = "name tags system_tags task comment uri project parent framework design labels ready metadata"
# `models.update` changes only these fields, `models.edit` all fields of a new model.
UPDATABLE = frozenset({"name", "project", "comment", "tags", "system_tags", "uri", "ui_cache", "metadata"})
# A change of these fields also sets `last_update`.
_CONTENT = frozenset({"uri", "framework", "design", "labels", "ready", "metadata", "system_tags", "tags"})


def own(call: Call, id: str | None = None) -> Document:
    """Return the model for writing; raises errors.InvalidModelId if it is missing or public."""
    id = call.data["model"] if id is None else id
    found = call.db.models.get(id)
    if found is None or found["company"] != COMPANY:
        raise errors.InvalidModelId(company=COMPANY, id=id)
    return found


def new(call: Call) -> Document:
    """Return the fields of `models.create`, checked."""
    _check_reference(call, "project", call.db.projects, errors.ValidationError)
    _check_reference(call, "task", call.db.tasks, errors.InvalidTaskId)
    fields = _checked(given(call, f"{_PLAIN} ui_cache"))
    _check_labels(fields, (int, str))
    numbers = [value for value in (fields.get("labels") or {}).values() if value]
    if len(set(numbers)) < len(numbers):
        raise errors.DataValidationError(labels="Same label id appears more than once in model labels")
    return fields


def edited(call: Call) -> Document:
    """Return the fields that `models.edit` sets, checked."""
    for name, documents in (("task", call.db.tasks), ("project", call.db.projects), ("parent", call.db.models)):
        _check_reference(call, name, documents, errors.InvalidFields)
    fields = _checked(given(call, _PLAIN))
    _check_labels(fields)
    if "uri" in fields:
        fields["ui_cache"] = {}
    return fields


def updated(call: Call) -> Document:
    """Return the fields that `models.update` sets, checked."""
    _check_reference(call, "task", call.db.tasks, errors.InvalidTaskId)
    _check_labels(given(call, "labels"))
    fields = _checked(given(call, " ".join(sorted(UPDATABLE))))
    return {"ui_cache": {}, **fields} if "uri" in fields else fields


def keep(call: Call, document: Document, fields: Document) -> Document:
    """Set fields of a model, save it, and return all changed fields."""
    time = now()
    fields = {**fields, "last_change": time, "last_changed_by": call.user}
    if _CONTENT & fields.keys():
        fields["last_update"] = time
    document.update(fields)
    call.db.models.save(document)
    return fields


def _checked(fields: Document) -> Document:
    check_tags(fields)
    if "name" in fields:
        fields["name"] = check_name(fields["name"]).strip()
    return fields


def _check_reference(call: Call, name: str, documents: Documents, error: type[errors.ApiError]) -> None:
    id = call.data.get(name)
    if id and documents.get(id) is None:
        raise error(f"expecting {documents.entity.table[:-1].capitalize()} id", id=id, field=name)


def _check_labels(fields: Document, types: type | tuple[type, ...] = int) -> None:
    wrong = [value for value in (fields.get("labels") or {}).values() if not isinstance(value, types)]
    if wrong:
        raise errors.ValidationError("labels values must be integers", values=wrong)
