from localserver import errors
from localserver.fields import objects, text
from localserver.registry import Call, endpoint
from localserver.services.tasks.edit import clone
from localserver.services.tasks.queueing import enqueue
from localserver.wire import Json


@endpoint("pipelines.start_pipeline", required=("task",), fields={"args": "objects"}, writes=True)
def start_pipeline(call: Call) -> Json:
    """Run a pipeline again: a clone of its controller with `args` for arguments, put into `queue`."""
    source = call.db.tasks.get(call.data["task"])
    if source is None:
        raise errors.InvalidTaskId(ids=(call.data["task"],))
    hyperparams = {section: dict(items) for section, items in source["hyperparams"].items()}
    for item in objects(call.data, "args"):
        name = text(item, "name")
        known = hyperparams.setdefault("Args", {}).get(name, {"section": "Args", "name": name})
        hyperparams["Args"][name] = {**known, "value": str(item.get("value", ""))}
    definition = {"task": source["id"], "new_task_name": source["name"], "new_task_hyperparams": hyperparams}
    new = clone(call.asking(definition))
    request = {"task": new["id"], "queue": call.data.get("queue")}
    queued = enqueue(call.asking(request))
    return {"pipeline": new["id"], "enqueued": bool(queued["queued"])}
