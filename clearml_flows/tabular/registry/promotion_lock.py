"""One change at a time to the models of a name (promoted, registered, archived): a lock made of what ClearML offers.

Names of queues are unique, and the server holds that by an index of its database: of two that make a queue of the same
name at once, one is refused. So the queue is the lock; it is there for the second or two that a change takes.

What is guaranteed: whoever holds the lock is alone, as long as each of its requests is answered within half of
`stale_s`; after that time it begins no other. A holder that died leaves the queue behind: who has waited `stale_s` for
the very same queue removes it. No clocks of different machines are compared.

Every function here may travel with a step.
"""

from typing import Any


def take_lock(client: Any, name: str, project_id: str, stale_s: float = 60.0, pause_s: float = 0.2) -> dict[str, Any]:
    """Waits until no one else changes the models of this name in the project.

    Returns:
        The lock, for `hold_lock` and `free_lock`.
    """
    import time
    import uuid

    from clearml.backend_api.session.client import APIError

    called, token = f"promotion of {name} in {project_id}", uuid.uuid4().hex
    holder, since = "", time.monotonic()
    while True:
        try:
            return {"id": client.queues.create(name=called, tags=[token]).id, "until": time.monotonic() + stale_s / 2}
        except APIError as error:
            if error.codes != (400, 801):
                raise
        found = lock_holder(client, called, token)
        if found == token:
            # The answer to our own request was lost, and the SDK sent it again.
            return {"id": lock_holder(client, called, ""), "until": time.monotonic() + stale_s / 2}
        if found != holder:
            holder, since = found, time.monotonic()
        elif holder and time.monotonic() - since > stale_s:
            print(f"a promotion of {name} was broken off and left its lock: it is removed")
            free_lock(client, {"id": holder})
        time.sleep(pause_s)


def lock_holder(client: Any, called: str, token: str) -> str:
    """The id of the queue of this name, empty if there is none; the token itself if the queue bears it."""
    import re

    found = client.queues.get_all(name=f"^{re.escape(called)}$", only_fields=["id", "tags"])
    if not len(found):
        return ""
    return token if token and token in (found[0].data.tags or []) else str(found[0].id)


def hold_lock(lock: dict[str, Any]) -> None:
    """Raises RuntimeError if the lock was held for so long that it may soon be taken away: write nothing then."""
    import time

    if time.monotonic() > lock["until"]:
        raise RuntimeError("the backend took too long to answer, so the promotion was given up: try again")


def free_lock(client: Any, lock: dict[str, Any]) -> None:
    """Gives the lock up; that it is gone already is fine."""
    from clearml.backend_api.session.client import APIError

    try:
        client.queues.delete(queue=lock["id"])
    except APIError as error:
        if error.codes != (400, 701):
            raise
