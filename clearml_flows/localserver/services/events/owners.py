"""The Tasks and models whose events a request asks for."""

from collections.abc import Sequence

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.store.documents import Document


def owner(call: Call) -> Document:
    """Return the Task in `task`, or the model if `model_events` is true.

    Raises:
        errors.InvalidTaskId: The Task does not exist.
        errors.InvalidModelId: The model does not exist.
    """
    return owners(call, [call.data["task"]])[0]


def listed_owners(call: Call) -> list[Document]:
    """Like `owner`, for the ids in `tasks`."""
    return owners(call, call.data["tasks"])


def owners(call: Call, ids: Sequence[str]) -> list[Document]:
    """Like `owner`, for several ids, in their order and without duplicates."""
    is_model = bool(call.data.get("model_events"))
    documents = call.db.models if is_model else call.db.tasks
    found = [documents.get(id) for id in dict.fromkeys(ids)]
    known = [document for document in found if document is not None]
    if len(known) < len(found):
        raise (errors.InvalidModelId if is_model else errors.InvalidTaskId)(ids=ids)
    return known
