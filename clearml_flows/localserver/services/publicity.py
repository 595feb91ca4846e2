"""Public documents: readable by everyone, writable by no one."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.fields import texts
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.services.common import save
from clearml_flows.localserver.store.documents import Documents
from clearml_flows.localserver.tokens import COMPANY
from clearml_flows.localserver.wire import Json

PUBLIC = ""


def set_public(call: Call, documents: Documents, error: type[errors.ApiError], public: bool) -> Json:
    """Make the documents with the request's `ids` public or private.

    Raises `error` if an id does not exist or already has the requested state.
    """
    ids = texts(call.data, "ids")
    owner = COMPANY if public else PUBLIC
    chosen = [document for document in map(documents.get, ids) if document and document["company"] == owner]
    # A document that was created public has no `company_origin` and cannot become private.
    chosen = [document for document in chosen if public or document.get("company_origin") == COMPANY]
    missing = set(ids) - {document["id"] for document in chosen}
    if missing:
        raise error(ids=sorted(missing))
    for document in chosen:
        document.pop("company_origin", None)
        fields = {"company": PUBLIC, "company_origin": COMPANY} if public else {"company": COMPANY}
        save(call, documents, document, fields)
    return {"updated": len(chosen)}
