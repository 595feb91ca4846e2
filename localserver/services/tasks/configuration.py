"""Configuration objects: named texts that a Task was given."""

from localserver import lifecycle
from localserver.fields import objects, text, texts
from localserver.registry import Call, endpoint
from localserver.services.common import save, task
from localserver.wire import Json

_ITEMS = {"configuration": "objects"}
_NAMES = {"configuration": "texts"}


@endpoint("tasks.get_configurations", required=("tasks",))
def get_configurations(call: Call) -> Json:
    wanted = set(texts(call.data, "names"))
    return {
        "configurations": [
            {"task": id, "configuration": [item for name, item in items.items() if not wanted or name in wanted]}
            for id, items in _configurations(call).items()
        ]
    }


@endpoint("tasks.get_configuration_names", required=("tasks",))
def get_configuration_names(call: Call) -> Json:
    """{task: names}, without the Tasks that have none unless `skip_empty` is false."""
    skip = call.data.get("skip_empty", True)
    return {"configurations": {id: sorted(items) for id, items in _configurations(call).items() if items or not skip}}


def _configurations(call: Call) -> dict[str, Json]:
    documents = [call.db.tasks.get(id) for id in texts(call.data, "tasks")]
    return {document["id"]: document["configuration"] for document in documents if document}


@endpoint("tasks.edit_configuration", required=("task", "configuration"), fields=_ITEMS, writes=True)
def edit_configuration(call: Call) -> Json:
    document = task(call)
    lifecycle.extensible(document, bool(call.data.get("force")))
    kept = {} if call.data.get("replace_configuration") else document["configuration"]
    given = {text(item, "name"): item for item in objects(call.data, "configuration")}
    save(call, call.db.tasks, document, {"configuration": {**kept, **given}})
    return {"updated": 1}


@endpoint("tasks.delete_configuration", required=("task", "configuration"), fields=_NAMES, writes=True)
def delete_configuration(call: Call) -> Json:
    document = task(call)
    lifecycle.extensible(document, bool(call.data.get("force")))
    gone = set(texts(call.data, "configuration"))
    kept = {name: item for name, item in document["configuration"].items() if name not in gone}
    save(call, call.db.tasks, document, {"configuration": kept})
    return {"deleted": 1}
