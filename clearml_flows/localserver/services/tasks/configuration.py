"""Configuration objects of a Task: named texts."""

from clearml_flows.localserver import lifecycle
from clearml_flows.localserver.fields import objects, text, texts
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import own_task, save
from clearml_flows.localserver.services.tasks.documents import existing
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


@endpoint("tasks.get_configurations")
def get_configurations(call: Call) -> Json:
    wanted = set(texts(call.data, "names"))
    return {
        "configurations": [
            {"task": document["id"], "configuration": _listed(document, wanted)}
            for document in existing(call, texts(call.data, "tasks"))
        ]
    }


def _listed(document: Document, wanted: set[str]) -> list[Document]:
    items = sorted(document["configuration"].items())
    return [item for name, item in items if not wanted or name in wanted]


@endpoint("tasks.get_configuration_names")
def get_configuration_names(call: Call) -> Json:
    """Return the configuration names of each Task. Tasks without names are left out.

    `skip_empty` (default true) leaves out names with an empty value.
    """
    skip = call.data.get("skip_empty", True)
    documents = (call.db.tasks.get(id) for id in texts(call.data, "tasks"))
    named = [
        {"task": found["id"], "names": sorted(n for n, item in found["configuration"].items() if _counts(item, skip))}
        for found in documents
        if found
    ]
    return {"configurations": [entry for entry in named if entry["names"]]}


def _counts(item: Document, skip_empty: bool) -> bool:
    return not skip_empty or item.get("value") not in (None, "")


@endpoint("tasks.edit_configuration", writes=True)
def edit_configuration(call: Call) -> Json:
    document = own_task(call)
    lifecycle.extensible(document, bool(call.data.get("force")))
    kept = {} if call.data.get("replace_configuration") else document["configuration"]
    given = {text(item, "name"): item for item in objects(call.data, "configuration")}
    save(call, call.db.tasks, document, {"configuration": {**kept, **given}})
    return {"updated": 1}


@endpoint("tasks.delete_configuration", writes=True)
def delete_configuration(call: Call) -> Json:
    document = own_task(call)
    lifecycle.extensible(document, bool(call.data.get("force")))
    gone = set(texts(call.data, "configuration"))
    kept = {name: item for name, item in document["configuration"].items() if name not in gone}
    save(call, call.db.tasks, document, {"configuration": kept})
    return {"deleted": 1}
