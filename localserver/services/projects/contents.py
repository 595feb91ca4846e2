"""What stands in projects: their tags, parameters, metrics, parents."""

from collections.abc import Iterable

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.services.common import page
from localserver.services.scope import in_projects
from localserver.store.documents import Documents
from localserver.store.query import Selection
from localserver.wire import Json


def tags(call: Call, collections: Iterable[Documents], selection: Selection) -> Json:
    """The tags in use, and with `include_system` the system tags."""
    found = list(collections)
    answer = {"tags": _distinct(found, "tags", selection)}
    if call.data.get("include_system"):
        answer["system_tags"] = _distinct(found, "system_tags", selection)
    return answer


def _distinct(collections: Iterable[Documents], column: str, selection: Selection) -> list[str]:
    return sorted({tag for documents in collections for tag in documents.distinct(column, selection)})


@endpoint("projects.get_task_tags")
def get_task_tags(call: Call) -> Json:
    return tags(call, [call.db.tasks], in_projects(call))


@endpoint("projects.get_model_tags")
def get_model_tags(call: Call) -> Json:
    return tags(call, [call.db.models], in_projects(call))


@endpoint("projects.get_project_tags")
def get_project_tags(call: Call) -> Json:
    selection = Selection()
    ids = fields.texts(call.data, "projects")
    return tags(call, [call.db.projects], selection.among("id", ids) if ids else selection)


@endpoint("projects.get_hyper_parameters", required=("project",))
def get_hyper_parameters(call: Call) -> Json:
    """Which parameters the Tasks there have, by section and name."""
    keys = {
        (section, name)
        for task in call.db.tasks.all(_scope(call))
        for section, items in task["hyperparams"].items()
        for name in items
    }
    found = page([{"section": section, "name": name} for section, name in sorted(keys)], call.data)
    return {"parameters": found["items"], "total": found["total"], "remaining": found["remaining"]}


@endpoint("projects.get_hyperparam_values", required=("section", "name"))
def get_hyperparam_values(call: Call) -> Json:
    items = (
        task["hyperparams"].get(call.data["section"], {}).get(call.data["name"], {})
        for task in call.db.tasks.all(_scope(call))
    )
    values = sorted({str(item["value"]) for item in items if item.get("value") is not None})
    return {"values": values, "total": len(values)}


@endpoint("projects.get_model_metadata_keys", required=("project",))
def get_model_metadata_keys(call: Call) -> Json:
    keys = sorted({key for model in call.db.models.all(_scope(call)) for key in model.get("metadata") or {}})
    found = page(keys, call.data)
    return {"keys": found["items"], "total": found["total"], "remaining": found["remaining"]}


@endpoint("projects.get_model_metadata_values", required=("key",))
def get_model_metadata_values(call: Call) -> Json:
    items = ((model.get("metadata") or {}).get(call.data["key"], {}) for model in call.db.models.all(_scope(call)))
    values = sorted({str(item["value"]) for item in items if item.get("value") is not None})
    return {"values": values, "total": len(values)}


@endpoint("projects.get_unique_metric_variants")
def get_unique_metric_variants(call: Call) -> Json:
    """The scalars of the Tasks there (or of some `ids`, or of models), with their keys in `last_metrics`."""
    documents = call.db.models if call.data.get("model_metrics") else call.db.tasks
    selection = _scope(call)
    ids = fields.texts(call.data, "ids")
    if ids:
        selection.among("id", ids)
    names = ("metric", "variant", "metric_hash", "variant_hash")
    return {"metrics": [dict(zip(names, found, strict=True)) for found in documents.scalars(selection)]}


@endpoint("projects.get_task_parents")
def get_task_parents(call: Call) -> Json:
    """The Tasks that are parents of Tasks there; of `active` or `archived` ones if `tasks_state` says so."""
    state = call.data.get("tasks_state")
    if state not in (None, "active", "archived"):
        raise errors.ValidationError("error for field 'tasks_state'. value must be active or archived")
    selection = _scope(call)
    if state:
        selection.tagged("system_tags", "archived", is_not=state == "active")
    ids = call.db.tasks.distinct("parent", selection)
    parents = [parent for parent in (call.db.tasks.get(str(id)) for id in ids) if parent]
    return {
        "parents": [{name: parent.get(name) for name in ("id", "name", "status")} for parent in parents],
    }


def _scope(call: Call) -> Selection:
    """Projects below the named ones count too, unless the request says otherwise."""
    included = call.data.get("include_subprojects") is not False
    return in_projects(call.asking({**call.data, "include_subprojects": included}))
