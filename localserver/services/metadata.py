"""Named values on models and queues: `{key: {key, type, value}}`."""

from localserver.fields import objects, text, texts
from localserver.registry import Call
from localserver.services.common import save
from localserver.store.documents import Document, Documents
from localserver.wire import Json


def keyed(data: Json) -> Document:
    """The list of items in a request by their keys."""
    return {text(item, "key"): item for item in objects(data, "metadata")}


def add_or_update(call: Call, documents: Documents, document: Document) -> Json:
    kept = {} if call.data.get("replace_metadata") else document.get("metadata") or {}
    save(call, documents, document, {"metadata": {**kept, **keyed(call.data)}})
    return {"updated": 1}


def delete(call: Call, documents: Documents, document: Document) -> Json:
    gone = set(texts(call.data, "keys"))
    kept = {key: item for key, item in (document.get("metadata") or {}).items() if key not in gone}
    save(call, documents, document, {"metadata": kept})
    return {"updated": 1}
