"""Hyper-parameters: sections of named text values."""

from clearml_flows.localserver import errors, lifecycle
from clearml_flows.localserver.fields import objects, text, texts
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import own_task, save
from clearml_flows.localserver.services.tasks.documents import existing
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json

# Properties are notes that do not affect the run, so they may change in any status.
_FREE_SECTION = "properties"


@endpoint("tasks.get_hyper_params")
def get_hyper_params(call: Call) -> Json:
    documents = existing(call, texts(call.data, "tasks"))
    return {"params": [{"task": document["id"], "hyperparams": _listed(document)} for document in documents]}


@endpoint("tasks.edit_hyper_params", writes=True)
def edit_hyper_params(call: Call) -> Json:
    """Set hyper-parameters.

    `replace_hyperparams` first clears nothing, the sections in the request, or all sections.
    """
    document = own_task(call)
    items = _normal(objects(call.data, "hyperparams"))
    notes = _check(call, document, items)
    replace = call.data.get("replace_hyperparams") or "none"
    if replace not in ("none", "section", "all"):
        raise errors.ValidationError("error for field 'replace_hyperparams'. value must be none, section or all")
    named = {text(item, "section") for item in items}
    sections = {
        name: dict(values)
        for name, values in document["hyperparams"].items()
        if replace == "none" or (replace == "section" and name not in named)
    }
    for item in items:
        sections.setdefault(item["section"], {})[text(item, "name")] = item
    save(call, call.db.tasks, document, {"hyperparams": sections}, updates=not notes)
    return {"updated": 1}


@endpoint("tasks.delete_hyper_params", writes=True)
def delete_hyper_params(call: Call) -> Json:
    """Delete hyper-parameters. An item without a name deletes its whole section."""
    document = own_task(call)
    keys = _normal(objects(call.data, "hyperparams"))
    notes = _check(call, document, keys)
    whole = {key["section"] for key in keys if not key.get("name")}
    single = {(key["section"], key["name"]) for key in keys if key.get("name")}
    if any(section in whole for section, _ in single):
        raise errors.FieldsConflict("a section is deleted whole or by the names in it, not both")
    sections = {
        section: {name: item for name, item in items.items() if (section, name) not in single}
        for section, items in document["hyperparams"].items()
        if section not in whole
    }
    kept = {name: items for name, items in sections.items() if items}
    save(call, call.db.tasks, document, {"hyperparams": kept}, updates=not notes)
    return {"deleted": 1}


def _normal(items: list[Document]) -> list[Document]:
    """Return the items with the section `properties` in lower case."""
    return [
        {**item, "section": _FREE_SECTION} if text(item, "section").lower() == _FREE_SECTION else item for item in items
    ]


def _check(call: Call, document: Document, items: list[Document]) -> bool:
    """Return True if all items are in `properties`.

    Raises:
        errors.InvalidTaskStatus: Other items may not be edited in the Task's status.
    """
    notes = all(item["section"] == _FREE_SECTION for item in items)
    if not notes:
        lifecycle.extensible(document, bool(call.data.get("force")))
    return notes


def _listed(document: Document) -> list[Document]:
    sections = document["hyperparams"]
    return [item for section in sorted(sections) for _, item in sorted(sections[section].items())]
