"""Create and change projects."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import changes, given, now, own_project, project, save
from clearml_flows.localserver.services.projects import paths
from clearml_flows.localserver.services.publicity import set_public
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json

_FIELDS = "description tags system_tags default_output_destination"
# Prefix of the operators in filter lists.
_OPERATOR = "__$"


@endpoint("projects.create", writes=True)
def create(call: Call) -> Json:
    name = paths.clean(call.data["name"])
    if paths.by_name(call, name):
        raise errors.DuplicateProject(name=name, company=COMPANY)
    return {"id": paths.create(call, name, **_fields(call))["id"]}


@endpoint("projects.update", writes=True)
def update(call: Call) -> Json:
    """Change a project. A new name must keep the parent: use `projects.move` to change it.

    Raises:
        errors.CannotUpdateLocation: The new name has another parent.
        errors.DuplicateProject: The new name exists.
    """
    document = own_project(call)
    fields = _fields(call)
    if call.data.get("name"):
        name = paths.clean(call.data["name"])
        if name.rpartition("/")[0] != document["name"].rpartition("/")[0]:
            raise errors.CannotUpdateLocation(name=name)
        fields = {"name": name, "basename": paths.basename(name), **fields}
        if name != document["name"]:
            _rename(call, document, name)
    return {"updated": 1, "fields": save(call, call.db.projects, document, fields)}


@endpoint("projects.move", writes=True)
def move(call: Call) -> Json:
    """Move a project into `new_location`, which is created if missing, or to the top if "".

    Raises:
        errors.SameProject: The project is already there.
        errors.ProjectUnderItself: The new parent is the project or below it.
        errors.ProjectPathTooDeep: A project would exceed the maximum depth.
        errors.DuplicateProject: The new parent has a project with this name.
    """
    document = own_project(call)
    location = call.data.get("new_location") or ""
    below = _below(call, document)
    deeper = paths.depth(location) - len(document["path"])
    paths.check_depth(len(found["path"]) + 1 + deeper for found in (document, *below))
    parent = paths.find_or_create(call, location) if paths.depth(location) else None
    parent_id = parent["id"] if parent else None
    if document.get("parent") == parent_id:
        raise errors.SameProject(location=parent["name"] if parent else "")
    if parent and document["id"] in (parent["id"], *parent["path"]):
        raise errors.ProjectUnderItself(project=document["id"], parent=parent["id"])
    old_parent = document.get("parent")
    moved = _reposition(call, document, parent)
    paths.touch(call, old_parent)
    paths.touch(call, parent_id)
    return {"moved": moved}


@endpoint("projects.merge", writes=True)
def merge(call: Call) -> Json:
    """Move the contents of a project into another project or to the top, and delete it.

    Archived Tasks and models are not moved.

    Raises:
        errors.SameProject: The destination is the project itself.
        errors.ProjectIntoItsChild: The destination is below the project.
    """
    source = own_project(call)
    destination = call.data.get("destination_project")
    if source["id"] == destination:
        raise errors.SameProject(source=source["id"])
    target = project(call, destination) if destination else None
    if target:
        if source["id"] in target["path"]:
            raise errors.ProjectIntoItsChild(source=source["id"], destination=target["id"])
        deeper = len(target["path"]) - len(source["path"])
        paths.check_depth(len(found["path"]) + 1 + deeper for found in _below(call, source))
    moved = sum(_rehome(call, collection, source["id"], destination) for collection in ("tasks", "models"))
    children = list(call.db.projects.all(Selection().equal("parent", source["id"])))
    for child in children:
        _reposition(call, child, target)
    call.db.projects.delete(source["id"])
    paths.touch(call, destination)
    return {"moved_entities": moved, "moved_projects": len(children)}


@endpoint("projects.make_public", writes=True)
def make_public(call: Call) -> Json:
    return set_public(call, call.db.projects, errors.InvalidProjectId, public=True)


@endpoint("projects.make_private", writes=True)
def make_private(call: Call) -> Json:
    return set_public(call, call.db.projects, errors.InvalidProjectId, public=False)


def _fields(call: Call) -> Document:
    fields = given(call, _FIELDS)
    for name in ("tags", "system_tags"):
        if any(tag.startswith(_OPERATOR) for tag in fields.get(name, [])):
            raise errors.InvalidFields("unsupported tag prefix", values=fields[name])
        if name in fields:
            fields[name] = sorted(set(fields[name]))
    return fields


def _reposition(call: Call, document: Document, parent: Document | None) -> int:
    """Move a project below a parent and return the number of projects that moved."""
    name = f"{parent['name']}/{document['basename']}" if parent else document["basename"]
    if paths.by_name(call, name):
        raise errors.DuplicateProject(name=name, company=COMPANY)
    below = _below(call, document)
    old = document["name"]
    paths.place(document, parent)
    document["name"] = name
    call.db.projects.save({**document, **changes(call)})
    _rename_below(call, document, below, old)
    return 1 + len(below)


def _rename(call: Call, document: Document, name: str) -> None:
    if paths.by_name(call, name):
        raise errors.DuplicateProject(name=name, company=COMPANY)
    _rename_below(call, {**document, "name": name}, _below(call, document), document["name"])


def _below(call: Call, document: Document) -> list[Document]:
    return list(call.db.projects.all(Selection().inside([document["id"]])))


def _rename_below(call: Call, document: Document, below: list[Document], old: str) -> None:
    """Update names and paths of subprojects after a project's name changed from `old`."""
    for child in below:
        child["name"] = document["name"] + child["name"].removeprefix(old)
        child["path"] = [*document["path"], *child["path"][child["path"].index(document["id"]) :]]
        child["last_update"] = now()
        call.db.projects.save(child)


def _rehome(call: Call, collection: str, source: str, target: str | None) -> int:
    documents = call.db.tasks if collection == "tasks" else call.db.models
    found = list(documents.all(Selection().equal("project", source).tagged("system_tags", "archived", is_not=True)))
    for document in found:
        save(call, documents, document, {"project": target})
    return len(found)
