"""Project names are paths: project `a/b` is inside project `a`."""

from collections.abc import Iterable

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import MIN_NAME_LENGTH, now, stamped
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import Selection

MAX_DEPTH = 10


def by_name(call: Call, name: str) -> Document | None:
    """Return the project with this full name, or None."""
    return call.db.projects.one(Selection().equal("name", name))


def clean(name: str) -> str:
    """Return a project's name without blanks and empty parts.

    Raises:
        errors.InvalidProjectName: The name has no parts.
    """
    parts = [part.strip() for part in name.split("/") if part]
    if not parts:
        raise errors.InvalidProjectName(name=name)
    return "/".join(parts)


def basename(name: str) -> str:
    """Return the last part of a name; raises errors.ValidationError if it is too short."""
    last = name.rpartition("/")[2]
    if len(last) < MIN_NAME_LENGTH:
        raise errors.ValidationError("Project name cannot be blank")
    return last


def depth(name: str) -> int:
    """Return the number of parts of a name."""
    return len([part for part in name.split("/") if part])


def check_depth(depths: Iterable[int]) -> None:
    """Check depths against the maximum; raises errors.ProjectPathTooDeep."""
    if any(found > MAX_DEPTH for found in depths):
        raise errors.ProjectPathTooDeep(max_depth=MAX_DEPTH)


def create(call: Call, name: str, **fields: object) -> Document:
    """Create a project and its missing parents.

    Raises:
        errors.Duplicate: The project exists.
        errors.InvalidProjectName: The name is empty.
        errors.ProjectPathTooDeep: The name has too many parts.
    """
    check_depth([depth(name)])
    name = clean(name)
    above = name.rpartition("/")[0]
    parent = find_or_create(call, above) if above else None
    document = {
        **stamped(call),
        "name": name,
        "basename": basename(name),
        "description": "",
        "tags": [],
        "system_tags": [],
        "featured": 9999,
        "path": [],
        **fields,
    }
    place(document, parent)
    call.db.projects.insert(document)
    touch(call, parent["id"] if parent else None)
    return document


def place(document: Document, parent: Document | None) -> None:
    """Set the parent and path of a project. None means the top level."""
    document.pop("parent", None)
    document["path"] = []
    if parent:
        document["parent"] = parent["id"]
        document["path"] = [*parent["path"], parent["id"]]


def find_or_create(call: Call, name: str) -> Document:
    """Return the project with this name, and create it if missing."""
    name = clean(name)
    return by_name(call, name) or create(call, name)


def touch(call: Call, id: str | None) -> None:
    """Set `last_update` of a project to now."""
    document = call.db.projects.get(id) if id else None
    if document:
        document["last_update"] = now()
        call.db.projects.save(document)
