"""Scroll ids. An id holds the whole state of a scroll, so the server keeps nothing for it."""

from localserver import errors
from localserver.registry import Call
from localserver.wire import Json


def scroll_id(call: Call, state: Json) -> str:
    """The id of a scroll; `kind` in its state names the endpoints that may read it."""
    return call.server.accounts.tokens.seal(state)


def scroll_state(call: Call, kind: str) -> Json | None:
    """The state in the request's scroll id, None without one; raises errors.InvalidScrollId for one of another kind."""
    given = call.data.get("scroll_id")
    if not given:
        return None
    state = call.server.accounts.tokens.unseal(str(given))
    if state is None or state.get("kind") != kind:
        raise errors.InvalidScrollId(scroll_id=given)
    return state


def known_state(call: Call, kind: str) -> Json | None:
    """As `scroll_state`, but an id that is not this server's begins a new scroll, as an expired one does."""
    try:
        return scroll_state(call, kind)
    except errors.InvalidScrollId:
        return None
