"""Making projects and changing them."""

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.services.common import changes, given, project, save
from localserver.services.projects import paths
from localserver.store.documents import Document
from localserver.store.query import Selection
from localserver.tokens import COMPANY
from localserver.wire import Json

_FIELDS = "description tags system_tags default_output_destination"


@endpoint("projects.create", required=("name",), writes=True)
def create(call: Call) -> Json:
    name = paths.clean(call.data["name"])
    if paths.by_name(call, name):
        raise errors.DuplicateProject(name=name, company=COMPANY)
    return {"id": paths.create(call, name, **given(call, _FIELDS))["id"]}


@endpoint("projects.update", required=("project",), writes=True)
def update(call: Call) -> Json:
    """A new name moves the project, and all that is in it, to where the name says."""
    document = project(call)
    fields = given(call, _FIELDS)
    if call.data.get("name") is not None and call.data["name"] != document["name"]:
        rename(call, document, call.data["name"])
        fields["name"] = document["name"]
    save(call, call.db.projects, document, fields)
    return {"updated": 1, "fields": fields}


@endpoint("projects.move", required=("project",), fields={"new_location": "str"}, writes=True)
def move(call: Call) -> Json:
    """Put a project into another one, or at the top when `new_location` is empty."""
    document = project(call)
    above = (call.data.get("new_location") or "").strip("/")
    return {"moved": rename(call, document, f"{above}/{document['basename']}" if above else document["basename"])}


@endpoint("projects.merge", required=("project",), writes=True)
def merge(call: Call) -> Json:
    """Put all that a project holds into another one, and delete it."""
    source = project(call)
    target = project(call, call.data.get("destination_project") or source.get("parent"))
    if source["id"] == target["id"] or source["id"] in target["path"]:
        raise errors.InvalidProjectId("a project cannot be merged into itself or into one below it", id=source["id"])
    moved = sum(_rehome(call, collection, source["id"], target["id"]) for collection in ("tasks", "models"))
    children = list(call.db.projects.all(Selection().equal("parent", source["id"])))
    for child in children:
        rename(call, child, f"{target['name']}/{child['basename']}")
    call.db.projects.delete(source["id"])
    paths.touch(call, target["id"])
    return {"moved_entities": moved, "moved_projects": len(children)}


@endpoint("projects.make_public", writes=True)
def make_public(call: Call) -> Json:
    """There is one company here, so public or not is the same; the projects must be there all the same."""
    return {"updated": len([project(call, id) for id in call.data.get("ids") or []])}


@endpoint("projects.make_private", writes=True)
def make_private(call: Call) -> Json:
    return make_public(call)


def rename(call: Call, document: Document, name: str) -> int:
    """Give a project another path, and those below it with it; how many that were."""
    name = paths.clean(name)
    if name == document["name"]:
        return 0
    above, _, basename = name.rpartition("/")
    if paths.by_name(call, name):
        raise errors.DuplicateProject(name=name, company=COMPANY)
    if f"{above}/".startswith(f"{document['name']}/"):
        raise errors.InvalidProjectId("a project cannot be moved into itself or into one below it", id=document["id"])
    old = document["name"]
    paths.place(document, paths.find_or_create(call, above) if above else None)
    document.update({"name": name, "basename": basename, **changes(call)})
    call.db.projects.save(document)
    return 1 + _rename_below(call, document, old)


def _rename_below(call: Call, document: Document, old: str) -> int:
    below = sorted(call.db.projects.all(Selection().inside(document["id"])), key=lambda child: len(child["path"]))
    for child in below:
        child["name"] = document["name"] + child["name"].removeprefix(old)
        child["path"] = [*document["path"], *child["path"][child["path"].index(document["id"]) :]]
        child.update(changes(call))
        call.db.projects.save(child)
    return len(below)


def _rehome(call: Call, collection: str, source: str, target: str) -> int:
    documents = call.db.tasks if collection == "tasks" else call.db.models
    found = list(documents.all(Selection().equal("project", source)))
    for document in found:
        save(call, documents, document, {"project": target})
    return len(found)
