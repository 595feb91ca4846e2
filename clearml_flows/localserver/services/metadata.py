"""Metadata of models and queues: `{key: {key, type, value}}`."""

from collections.abc import Callable
from typing import Any

from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.wire import Json


def add_or_update(call: Call, document: Document, keep: Callable[[Document], Any]) -> Json:
    """Set the request's metadata items and pass the new metadata to `keep`."""
    kept = {} if call.data.get("replace_metadata") else document.get("metadata") or {}
    keep({"metadata": {**kept, **{item["key"]: item for item in call.data["metadata"]}}})
    return {"updated": 1}


def delete(call: Call, document: Document, keep: Callable[[Document], Any]) -> Json:
    """Delete the request's metadata keys and pass the remaining metadata to `keep`."""
    gone = set(call.data["keys"])
    keep({"metadata": {key: item for key, item in (document.get("metadata") or {}).items() if key not in gone}})
    return {"updated": 1}
