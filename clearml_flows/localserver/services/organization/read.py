"""The company, its tags, and the number of its documents."""

from clearml_flows.localserver import errors, fields, schema
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import scope
from clearml_flows.localserver.services.projects import children
from clearml_flows.localserver.services.projects.contents import tags
from clearml_flows.localserver.store.query import select
from clearml_flows.localserver.tokens import COMPANY, COMPANY_NAME
from clearml_flows.localserver.wire import Json

# {count name: type of the Tasks that it counts}. Other names count the entity with that name.
_TYPES = {"reports": "report", "pipeline_runs": "controller", "dataset_versions": "data_processing"}
_PROJECTS = ("projects", "pipelines", "datasets")
_COUNTED = (*_PROJECTS, "tasks", "models", *_TYPES)
# Only these counts leave out hidden documents.
_WITHOUT_HIDDEN = ("projects", "tasks")


@endpoint("organization.get_tags")
def get_tags(call: Call) -> Json:
    """Return the tags of all Tasks and models."""
    return tags(call.asking({**call.data, "projects": None}), [call.db.tasks, call.db.models])


@endpoint("organization.get_user_companies")
def get_user_companies(call: Call) -> Json:
    """Return the single company with its single user."""
    user = call.db.users.get(call.user) or {"id": call.user, "name": call.user}
    owner = {"id": user["id"], "name": user["name"], "avatar": user.get("avatar")}
    return {"companies": [{"id": COMPANY, "name": COMPANY_NAME, "allocated": 1, "owners": [owner]}]}


@endpoint("organization.get_entities_count")
def get_entities_count(call: Call) -> Json:
    """Count the documents that match each filter. `errors` has a message per invalid filter."""
    counts: Json = {}
    failed: Json = {}
    for name in _COUNTED:
        if call.data.get(name) is None:
            continue
        try:
            counts[name] = _count(call, name, call.data[name])
        except errors.ApiError as error:
            failed[name] = str(error)
    return {**counts, "errors": failed} if failed else counts


def _count(call: Call, name: str, asked: Json) -> int:
    service = "projects" if name in _PROJECTS else "models" if name == "models" else "tasks"
    documents = {"projects": call.db.projects, "models": call.db.models, "tasks": call.db.tasks}[service]
    data = fields.check(schema.table(f"{service}.get_all_ex"), dict(asked))
    if name in _TYPES:
        data.update(type=[_TYPES[name]], include_subprojects=True)
    users = call.data.get("active_users")
    if users and service == "projects":
        ids, _ = children.selected(call, fields.texts({"id": _listed(data.get("id"))}, "id"))
        if not ids:
            return 0
        data["id"] = ids
    elif users and not data.get("user"):
        data["user"] = users
    selection = scope.visible(call.data, select(documents.entity, scope.filtered(call, data)))
    if name in _WITHOUT_HIDDEN and not call.data.get("search_hidden"):
        selection.tagged("system_tags", "hidden", is_not=True)
    found = documents.count(selection)
    return min(found, call.data["limit"]) if call.data.get("limit") else found


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value] if value else []
