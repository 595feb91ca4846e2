"""Scroll ids of events. An id contains the signed state of its scroll."""

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call
from clearml_flows.localserver.wire import Json


def scroll_id(call: Call, state: Json) -> str:
    """Return the id of a scroll. `kind` in `state` names the endpoints that may read it."""
    return call.server.accounts.tokens.seal(state)


def scroll_state(call: Call, kind: str) -> Json | None:
    """Return the state in the request's scroll id, or None without an id.

    Raises:
        errors.InvalidScrollId: The id is not signed by this server, or belongs to another endpoint.
    """
    given = call.data.get("scroll_id")
    if not given:
        return None
    state = call.server.accounts.tokens.unseal(str(given))
    if state is None or state.get("kind") != kind:
        raise errors.InvalidScrollId(scroll_id=given)
    return state


def known_state(call: Call, kind: str) -> Json | None:
    """Like `scroll_state`, but return None for an invalid id, which starts a new scroll."""
    try:
        return scroll_state(call, kind)
    except errors.InvalidScrollId:
        return None
