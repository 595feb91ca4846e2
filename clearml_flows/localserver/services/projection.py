"""`only_fields`: select the fields of documents and of referenced documents in answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.entities import COMPANIES, ENTITIES, LISTS, Entity
from clearml_flows.localserver.store.query import Selection
from clearml_flows.localserver.tokens import COMPANY, COMPANY_NAME
from clearml_flows.localserver.wire import Json

_ALL = "*"
# Limits joins such as parent.parent.parent…, which a request could make arbitrarily long.
_MAX_DEPTH = 8


@dataclass(frozen=True)
class Projection:
    """The parsed `only_fields` of a request.

    Attributes:
        include: The shown fields; empty means all fields.
        exclude: The hidden fields.
        joined: The requested fields of the referenced document, by reference.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    joined: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def of(self, document: Document) -> Document:
        """Return the document with the selected fields."""
        if self.include:
            shown: Document = {}
            for name in self.include:
                _copy(document, shown, name.split("."))
        else:
            shown = dict(document)
        for name in self.exclude:
            shown = _without(shown, name.split("."))
        return {**shown, **{name: sorted(shown[name]) for name in LISTS if shown.get(name)}}


def parse(entity: Entity, value: Any, joins: bool = False) -> Projection:
    """Parse `only_fields`, a list of field names.

    A dotted name selects a nested field. A leading minus excludes the field. With `joins`, a name below a reference
    selects a field of the referenced document, or all of them with `*`. With `joins`, `id` is always
    selected, as on ClearML Server.

    Raises:
        errors.LookupFailed: A name is not a field of the entity.
        errors.UndefinedFields: The same, with `joins`.
    """
    wanted = names(value or [])
    joined: dict[str, list[str]] = {}
    own: list[str] = []
    for name in wanted:
        sign, bare = ("-", name.lstrip("-")) if name.startswith("-") else ("", name)
        reference = next((path for path in entity.references if joins and bare.startswith(f"{path}.")), None)
        if reference:
            joined.setdefault(reference, []).append(sign + bare[len(reference) + 1 :])
        else:
            own.append(sign + bare.removesuffix(".*"))
    _check(entity, own, joins)
    include = [name for name in own if not name.startswith("-")]
    if joined:
        include += [path for path in joined if not any(f"{path}.".startswith(f"{name}.") for name in include)]
    if joins and include:
        include.insert(0, "id")
    exclude = {name[1:] for name in own if name.startswith("-")} | entity.unasked
    shown = () if _ALL in include else tuple(include)
    return Projection(shown, tuple(sorted(exclude.difference(include))) if _ALL not in include else (), joined)


def names(value: Any) -> list[str]:
    """Return a string or a list of strings as a list; raises errors.InvalidFields otherwise."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise errors.InvalidFields("expecting text or a list of text")
    return values


def show(
    call: Call, entity: Entity, documents: Iterable[Document], projection: Projection, depth: int = 0
) -> list[Document]:
    """Apply a projection and replace each reference by an object.

    The object contains `id` and the joined fields. Empty references are removed.
    """
    shown = [projection.of(document) for document in documents]
    for path, target in entity.references.items():
        *above, last = path.split(".")
        holders = [holder for document in shown for holder in _objects(document, above) if last in holder]
        ids = {str(holder[last]) for holder in holders if holder[last]}
        joined: Mapping[str, Json] = {}
        if ids and path in projection.joined and depth < _MAX_DEPTH:
            wanted = parse(ENTITIES[target], list(projection.joined[path]), joins=True)
            found = referred(call, target, ids)
            joined_documents = show(call, ENTITIES[target], found, wanted, depth + 1)
            joined = {document["id"]: fields for document, fields in zip(found, joined_documents, strict=True)}
        for holder in holders:
            id = holder.pop(last)
            if id:
                holder[last] = {"id": id, **joined.get(id, {})}
    return shown


def _check(entity: Entity, wanted: Sequence[str], joins: bool) -> None:
    unknown = [name for name in wanted if name != _ALL and name.lstrip("-").partition(".")[0] not in entity.fields]
    if unknown and joins:
        raise errors.UndefinedFields(fields=[name[:100] for name in unknown], object=entity.table)
    unresolved = [name.lstrip("-").partition(".")[0] for name in unknown]
    if not joins:
        below = [
            name.lstrip("-").removeprefix(f"{path}.") for name in wanted for path in _references_above(entity, name)
        ]
        unresolved += [name.partition(".")[0] for name in below]
    if unresolved:
        raise errors.LookupFailed(err=f'Cannot resolve field "{unresolved[0][:100]}"')


def _references_above(entity: Entity, name: str) -> list[str]:
    """Return the references in a name like `project.name`. They are ids unless joined."""
    return [path for path in entity.references if name.lstrip("-").startswith(f"{path}.")]


def referred(call: Call, target: str, ids: set[str]) -> list[Document]:
    """Return the documents of a table with the given ids."""
    if target == COMPANIES.table:
        return [{"id": COMPANY, "name": COMPANY_NAME}] if COMPANY in ids else []
    documents = {
        "tasks": call.db.tasks,
        "models": call.db.models,
        "projects": call.db.projects,
        "users": call.db.users,
    }
    return list(documents.get(target, call.db.queues).all(Selection().among("id", ids)))


def _objects(value: Any, path: Sequence[str]) -> Iterator[Document]:
    """Yield the objects at a path, including those inside lists."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, path)
    elif isinstance(value, dict):
        if path:
            yield from _objects(value.get(path[0]), path[1:])
        else:
            yield value


def _copy(source: Document, target: Document, path: Sequence[str]) -> None:
    # Try the longest key first, because keys of hyper-parameters may contain dots.
    for end in range(len(path), 0, -1):
        key, rest = ".".join(path[:end]), path[end:]
        if key not in source:
            continue
        value = source[key]
        if not rest:
            target[key] = value
        elif isinstance(value, dict):
            _copy(value, target.setdefault(key, {}), rest)
        elif isinstance(value, list):
            _copy_items(value, target.setdefault(key, [{} for _ in value]), rest)
        return


def _copy_items(source: Sequence[Any], target: Sequence[Any], path: Sequence[str]) -> None:
    for item, shown in zip(source, target, strict=True):
        if isinstance(item, dict):
            _copy(item, shown, path)


def _without(document: Document, path: Sequence[str]) -> Document:
    """Return a copy of the document without the field at a path."""
    for end in range(len(path), 0, -1):
        key, rest = ".".join(path[:end]), path[end:]
        if key not in document:
            continue
        if not rest:
            return {name: value for name, value in document.items() if name != key}
        if isinstance(document[key], dict):
            return {**document, key: _without(document[key], rest)}
    return document
