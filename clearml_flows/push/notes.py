"""Notes that a push writes on the server: the source of each Task and model, and its state.

They are user properties of Tasks and metadata of models. Both can be searched, and users see them.
"""

import json
from typing import Any

PUSHED_FROM, PUSHED_STATE, PUSHED_TAGS = "pushed_from", "pushed_state", "pushed_tags"
# Facts of the source. The server sets these fields itself or does not have them.
_FACTS = {"created": "created", "started": "started", "completed": "completed", "worker": "last_worker"}
NOTES = frozenset({PUSHED_FROM, PUSHED_STATE, PUSHED_TAGS, *(f"pushed_{name}" for name in _FACTS)})
Document = dict[str, Any]


def mark_of(id: str) -> Document:  # noqa: A002  (ClearML's own word)
    """Return the hyper-parameters of a new Task: only the id of its source."""
    return {"properties": {PUSHED_FROM: property_item(PUSHED_FROM, id)}}


def property_item(name: str, value: str) -> Document:
    return {"section": "properties", "name": name, "type": "str", "value": value}


def metadata_item(name: str, value: str) -> Document:
    return {"key": name, "type": "str", "value": value}


def notes_of(document: Document) -> dict[str, str]:
    """Return the notes of a Task or model: its id, dates and worker at the source."""
    facts = {f"pushed_{name}": str(document[field]) for name, field in _FACTS.items() if document.get(field)}
    return {PUSHED_FROM: document["id"], **facts}


def noted_parameters(hyperparams: Document, document: Document) -> Document:
    """Return a Task's hyper-parameters with its notes."""
    kept = {name: item for name, item in (hyperparams.get("properties") or {}).items() if name not in NOTES}
    notes = {name: property_item(name, value) for name, value in notes_of(document).items()}
    return {**hyperparams, "properties": {**kept, **notes}}


def noted_metadata(metadata: Document, document: Document) -> list[Document]:
    """Return a model's metadata with its notes."""
    kept = [item for item in metadata.values() if item["key"] not in NOTES]
    return [*kept, *(metadata_item(name, value) for name, value in notes_of(document).items())]


def tags_item(tags: list[str]) -> Document:
    """Return the note of the tags that a push sets on a model."""
    return metadata_item(PUSHED_TAGS, json.dumps(tags))


def state_of_part(state: str, scope: str) -> str:
    return f"{state} of {scope}"


def is_retagged(metadata: Document, tags: tuple[str, ...]) -> bool:
    """Return whether a model's tags were changed on the server after a push, as by a promotion."""
    last = metadata.get(PUSHED_TAGS)
    return last is not None and sorted(json.loads(last["value"])) != sorted(tags)


def with_moves_of(metadata: Document, other: Document) -> Document:
    """Return metadata with the records of promotions (`move-…`) taken from `other`.

    These records belong to the tags.
    """
    kept = {key: item for key, item in metadata.items() if not key.startswith("move-")}
    return kept | {key: item for key, item in other.items() if key.startswith("move-")}
