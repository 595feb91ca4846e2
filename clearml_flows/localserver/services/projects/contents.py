"""Contents of projects: tags, parameters, metrics, parents and users."""

from collections.abc import Iterable

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import projection
from clearml_flows.localserver.services.common import page
from clearml_flows.localserver.services.projects.children import listed
from clearml_flows.localserver.services.scope import in_projects, visible, with_subprojects
from clearml_flows.localserver.store.documents import Documents
from clearml_flows.localserver.store.natural import text_key
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json

_NAMES_OF_METRICS = ("metric", "variant", "metric_hash", "variant_hash")


def tags(call: Call, collections: Iterable[Documents]) -> Json:
    """Return the tags used in `projects` and their subprojects.

    `include_system` adds system tags. `filter` limits the documents whose tags count.
    """
    columns = ["tags", "system_tags"] if call.data.get("include_system") else ["tags"]
    found: dict[str, set[str]] = {column: set() for column in columns}
    for documents in collections:
        for column in columns:
            found[column].update(documents.distinct(column, _tagged(call, documents)))
    return {column: sorted(values) for column, values in found.items()}


def _tagged(call: Call, documents: Documents) -> Selection:
    projects = call.data.get("projects")
    column = "id" if documents is call.db.projects else "project"
    selection = Selection().among(column, with_subprojects(call, projects)) if projects else Selection()
    for name in ("tags", "system_tags"):
        asked = (call.data.get("filter") or {}).get(name)
        if asked:
            listed(selection, documents.entity, name, asked)
    return selection


@endpoint("projects.get_task_tags")
def get_task_tags(call: Call) -> Json:
    return tags(call, [call.db.tasks])


@endpoint("projects.get_model_tags")
def get_model_tags(call: Call) -> Json:
    return tags(call, [call.db.models])


@endpoint("projects.get_project_tags")
def get_project_tags(call: Call) -> Json:
    return {"system_tags": [], **tags(call, [call.db.projects])}


@endpoint("projects.get_hyper_parameters")
def get_hyper_parameters(call: Call) -> Json:
    """Return the section and name of each hyper-parameter of the Tasks."""
    keys = {
        (section, name)
        for task in call.db.tasks.all(_scope(call, "project"))
        for section, items in task["hyperparams"].items()
        for name in items
    }
    found = page([{"section": section, "name": name} for section, name in sorted(keys)], call.data)
    return {"parameters": found["items"], "total": found["total"], "remaining": found["remaining"]}


@endpoint("projects.get_hyperparam_values")
def get_hyperparam_values(call: Call) -> Json:
    """Return the values of a hyper-parameter that match the regular expression `pattern`."""
    selection = _scope(call, "projects")
    name = f"hyperparams.{call.data['section']}.{call.data['name']}.value"
    if call.data.get("pattern"):
        asked = {"_all_": {"fields": [name], "pattern": call.data["pattern"]}}
        selection.both(select(call.db.tasks.entity, asked).where())
    items = (
        task["hyperparams"].get(call.data["section"], {}).get(call.data["name"], {})
        for task in call.db.tasks.all(selection)
    )
    return _values(call, items)


@endpoint("projects.get_model_metadata_keys")
def get_model_metadata_keys(call: Call) -> Json:
    models = call.db.models.all(_scope(call, "project"))
    found = page(sorted({key for model in models for key in model.get("metadata") or {}}), call.data)
    return {"keys": found["items"], "total": found["total"], "remaining": found["remaining"]}


@endpoint("projects.get_model_metadata_values")
def get_model_metadata_values(call: Call) -> Json:
    models = call.db.models.all(_scope(call, "projects"))
    return _values(call, ((model.get("metadata") or {}).get(call.data["key"], {}) for model in models))


def _values(call: Call, items: Iterable[Json]) -> Json:
    values = {str(item["value"]) for item in items if item.get("value") is not None}
    found = page(sorted(values, key=text_key), call.data)
    return {"values": found["items"], "total": found["total"]}


@endpoint("projects.get_unique_metric_variants")
def get_unique_metric_variants(call: Call) -> Json:
    """Return the reported metrics and variants with their keys in `last_metrics`.

    `model_metrics` selects the metrics of models instead of Tasks.
    """
    documents = call.db.models if call.data.get("model_metrics") else call.db.tasks
    selection = _scope(call, "project")
    if call.data.get("ids"):
        selection.among("id", call.data["ids"])
    return {"metrics": [dict(zip(_NAMES_OF_METRICS, found, strict=True)) for found in documents.scalars(selection)]}


@endpoint("projects.get_task_parents")
def get_task_parents(call: Call) -> Json:
    """Return the parents of Tasks. `tasks_state` counts only `active` or `archived` Tasks."""
    state = call.data.get("tasks_state")
    if state not in (None, "active", "archived", "hidden"):
        raise errors.ValidationError("error for field 'tasks_state'. value must be active, archived or hidden")
    selection = in_projects(call)
    if state in ("active", "archived"):
        selection.tagged("system_tags", "archived", is_not=state == "active")
    ids = call.db.tasks.distinct("parent", selection)
    asked = {"name": call.data.get("task_name"), "page_size": None, "page": None}
    parents = call.db.tasks.find(select(call.db.tasks.entity, asked).among("id", ids))
    shown = projection.parse(call.db.tasks.entity, ["id", "name", "project.name"], joins=True)
    found = projection.show(call, call.db.tasks.entity, parents, shown)
    return {"parents": sorted(found, key=lambda parent: str(parent["name"]))}


@endpoint("projects.get_user_names")
def get_user_names(call: Call) -> Json:
    """Return the users who created the Tasks, or the models if `entity` is model."""
    entity = call.data.get("entity") or "task"
    if entity not in ("task", "model"):
        raise errors.ValidationError("error for field 'entity'. value must be task or model")
    documents = call.db.tasks if entity == "task" else call.db.models
    users = projection.referred(call, "users", set(documents.distinct("user", in_projects(call))))
    return {"users": [{"id": user["id"], "name": user["name"]} for user in users]}


def _scope(call: Call, field: str) -> Selection:
    """Like `in_projects`, with an exception for requests without projects.

    If `include_subprojects` is false, they select documents outside any project.
    """
    if call.data.get("include_subprojects") is False and call.data.get(field) is None:
        return visible(call.data, Selection().among("project", [None]))
    return in_projects(call)
