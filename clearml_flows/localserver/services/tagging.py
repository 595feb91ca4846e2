"""Add and remove tags of many documents."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.fields import texts
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import save
from clearml_flows.localserver.services.projects.paths import touch
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.wire import Json

FIELDS = {"add_tags": "texts", "remove_tags": "texts"}


def update_tags(call: Call, documents: Documents) -> Json:
    """Add and remove tags of the documents in `ids`.

    `updated` counts each document once for `add_tags` and once for `remove_tags`.
    """
    ids, added, removed = (texts(call.data, name) for name in ("ids", "add_tags", "remove_tags"))
    if not (added or removed):
        raise errors.ValidationError("Either add tags or remove tags should be provided")
    chosen = [document for document in map(documents.get, ids) if document and document["company"]]
    for document in chosen:
        kept = [tag for tag in document["tags"] if tag not in removed]
        save(call, documents, document, {"tags": [*kept, *_new(document, added, removed)]})
        touch(call, document.get("project"))
    return {"updated": len(chosen) * (bool(added) + bool(removed))}


def _new(document: Document, added: list[str], removed: list[str]) -> list[str]:
    return [tag for tag in dict.fromkeys(added) if tag not in document["tags"] and tag not in removed]
