"""Hyper-parameters: sections of named values, all of them text."""

from localserver import errors, lifecycle
from localserver.fields import objects, text, texts
from localserver.registry import Call, endpoint
from localserver.services.common import save, task
from localserver.store.documents import Document
from localserver.wire import Json

# May be edited in every status: they are notes, and define nothing.
_FREE_SECTION = "properties"


@endpoint("tasks.get_hyper_params", required=("tasks",))
def get_hyper_params(call: Call) -> Json:
    documents = [call.db.tasks.get(id) for id in texts(call.data, "tasks")]
    return {"params": [{"task": found["id"], "hyperparams": _listed(found)} for found in documents if found]}


@endpoint("tasks.edit_hyper_params", required=("task", "hyperparams"), fields={"hyperparams": "objects"}, writes=True)
def edit_hyper_params(call: Call) -> Json:
    """Adds to what is there, or takes its place: all of it, or the sections that the request names."""
    document = task(call)
    items = objects(call.data, "hyperparams")
    _check(call, document, items)
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
    save(call, call.db.tasks, document, {"hyperparams": sections})
    return {"updated": 1}


@endpoint("tasks.delete_hyper_params", required=("task", "hyperparams"), fields={"hyperparams": "objects"}, writes=True)
def delete_hyper_params(call: Call) -> Json:
    """Deletes parameters, and whole sections where no name is given."""
    document = task(call)
    keys = objects(call.data, "hyperparams")
    _check(call, document, keys)
    whole = {text(key, "section") for key in keys if key.get("name") is None}
    single = {(text(key, "section"), key["name"]) for key in keys if key.get("name") is not None}
    sections = {
        section: {name: item for name, item in items.items() if (section, name) not in single}
        for section, items in document["hyperparams"].items()
        if section not in whole
    }
    save(call, call.db.tasks, document, {"hyperparams": {name: items for name, items in sections.items() if items}})
    return {"deleted": 1}


def _check(call: Call, document: Document, items: list[Document]) -> None:
    if any(text(item, "section") != _FREE_SECTION for item in items):
        lifecycle.extensible(document, bool(call.data.get("force")))


def _listed(document: Document) -> list[Document]:
    sections = document["hyperparams"]
    return [item for section in sorted(sections) for _, item in sorted(sections[section].items())]
