"""Projects have paths for names: `a/b` stands inside `a`, and is made with it."""

from localserver import errors
from localserver.registry import Call
from localserver.services.common import MIN_NAME_LENGTH, now, stamped
from localserver.store.documents import Document
from localserver.store.query import Selection


def by_name(call: Call, name: str) -> Document | None:
    return call.db.projects.one(Selection().equal("name", name))


def clean(name: str) -> str:
    """A project's name without blanks and slashes at the ends; raises errors.ValidationError if it is too short."""
    parts = [part.strip() for part in name.strip("/").split("/")]
    if any(len(part) < MIN_NAME_LENGTH for part in parts):
        raise errors.ValidationError("Project name cannot be blank")
    if len(parts) > 64:
        raise errors.DataValidationError(name="Projects may be nested 64 deep")
    return "/".join(parts)


def create(call: Call, name: str, **fields: object) -> Document:
    """A new project and those above it that are not there yet; raises errors.Duplicate if it is there itself."""
    name = clean(name)
    above, _, basename = name.rpartition("/")
    parent = find_or_create(call, above) if above else None
    document = {
        **stamped(call),
        "name": name,
        "basename": basename,
        "description": "",
        "tags": [],
        "system_tags": [],
        "featured": 9999,
        "path": [],
        **fields,
    }
    place(document, parent)
    call.db.projects.insert(document)
    return document


def place(document: Document, parent: Document | None) -> None:
    """Put a project inside another one, or at the top."""
    document.pop("parent", None)
    document["path"] = []
    if parent:
        document["parent"] = parent["id"]
        document["path"] = [*parent["path"], parent["id"]]


def find_or_create(call: Call, name: str) -> Document:
    name = clean(name)
    return by_name(call, name) or create(call, name)


def touch(call: Call, id: str | None) -> None:
    """Note that something happened in a project."""
    document = call.db.projects.get(id) if id else None
    if document:
        document["last_update"] = now()
        call.db.projects.save(document)
