"""Format documents for answers."""

from collections.abc import Iterable

from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document

# Clients up to this API version expect `metadata` to be a list. They get an empty one.
_LAST_WITHOUT_METADATA = (2, 16)


def shown(call: Call, documents: Iterable[Document]) -> None:
    """Sort tags, drop nulls, and empty `metadata` for old clients. Mutates `documents`."""
    for document in documents:
        for name in [name for name, value in document.items() if value is None]:
            del document[name]
        for name in ("tags", "system_tags"):
            if document.get(name):
                document[name] = sorted(document[name])
        if call.version <= _LAST_WITHOUT_METADATA and "metadata" in document:
            document["metadata"] = []
