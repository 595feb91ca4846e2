"""What a push writes down on the server: where each Task and model is from, and which state of it is there.

For Tasks these are user properties, for models metadata: fields that can be searched for, and that a user sees.
"""

import json
from typing import Any

PUSHED_FROM, PUSHED_STATE, PUSHED_TAGS = "pushed_from", "pushed_state", "pushed_tags"
# What a server has in its own words, or not at all.
_FACTS = {"created": "created", "started": "started", "completed": "completed", "worker": "last_worker"}
NOTES = frozenset({PUSHED_FROM, PUSHED_STATE, PUSHED_TAGS, *(f"pushed_{name}" for name in _FACTS)})
Document = dict[str, Any]


def mark_of(id: str) -> Document:  # noqa: A002  (ClearML's own word)
    """The hyper-parameters of a Task that has nothing yet but where it is from."""
    return {"properties": {PUSHED_FROM: property_item(PUSHED_FROM, id)}}


def property_item(name: str, value: str) -> Document:
    return {"section": "properties", "name": name, "type": "str", "value": value}


def metadata_item(name: str, value: str) -> Document:
    return {"key": name, "type": "str", "value": value}


def notes_of(document: Document) -> dict[str, str]:
    """Where a Task or a model is from, and what it was there."""
    facts = {f"pushed_{name}": str(document[field]) for name, field in _FACTS.items() if document.get(field)}
    return {PUSHED_FROM: document["id"], **facts}


def noted_parameters(hyperparams: Document, document: Document) -> Document:
    """The hyper-parameters for the server of a Task, with its notes."""
    kept = {name: item for name, item in (hyperparams.get("properties") or {}).items() if name not in NOTES}
    notes = {name: property_item(name, value) for name, value in notes_of(document).items()}
    return {**hyperparams, "properties": {**kept, **notes}}


def noted_metadata(metadata: Document, document: Document) -> list[Document]:
    """The metadata for the server of a model, with its notes."""
    kept = [item for item in metadata.values() if item["key"] not in NOTES]
    return [*kept, *(metadata_item(name, value) for name, value in notes_of(document).items())]


def tags_item(tags: list[str]) -> Document:
    """The note of the tags that a push gave a model."""
    return metadata_item(PUSHED_TAGS, json.dumps(tags))


def state_of_part(state: str, scope: str) -> str:
    return f"{state} of {scope}"


def is_retagged(metadata: Document, tags: tuple[str, ...]) -> bool:
    """Whether a model on the server has other tags than a push gave it: it was promoted there, say."""
    last = metadata.get(PUSHED_TAGS)
    return last is not None and sorted(json.loads(last["value"])) != sorted(tags)


def with_moves_of(metadata: Document, other: Document) -> Document:
    """Metadata with the records of promotions, which belong to the tags, of another model's."""
    kept = {key: item for key, item in metadata.items() if not key.startswith("move-")}
    return kept | {key: item for key, item in other.items() if key.startswith("move-")}
