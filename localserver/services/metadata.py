"""Named values on models and queues: `{key: {key, type, value}}`."""

from collections.abc import Callable
from typing import Any

from localserver.registry import Call
from localserver.store.documents import Document
from localserver.wire import Json


def add_or_update(call: Call, document: Document, keep: Callable[[Document], Any]) -> Json:
    """Set the items of a request's list; `keep` saves the new metadata."""
    kept = {} if call.data.get("replace_metadata") else document.get("metadata") or {}
    keep({"metadata": {**kept, **{item["key"]: item for item in call.data["metadata"]}}})
    return {"updated": 1}


def delete(call: Call, document: Document, keep: Callable[[Document], Any]) -> Json:
    """Delete the keys that a request names; `keep` saves the metadata that is left."""
    gone = set(call.data["keys"])
    keep({"metadata": {key: item for key, item in (document.get("metadata") or {}).items() if key not in gone}})
    return {"updated": 1}
