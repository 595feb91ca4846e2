"""A lock for changes to the models of a name: promotion, registration, archiving.

The lock is a ClearML queue. Queue names are unique by an index of the server's database: if two clients create the
same queue at once, one gets an error. The queue exists for the second or two that a change takes.

The holder is alone as long as each of its requests is answered within `stale_s` / 2. After that time it starts no
other request. A holder that died leaves its queue behind. A client that has waited `stale_s` for the same queue
removes it. Clocks of different machines are never compared.
"""

import re
import time
import uuid
from typing import Any

from clearml.backend_api.session.client import APIError


def take_lock(client: Any, name: str, project_id: str, stale_s: float = 60.0, pause_s: float = 0.2) -> dict[str, Any]:
    """Wait for the lock on the models of this name in the project.

    Returns:
        The lock, for `hold_lock` and `free_lock`.
    """
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
    """Return the id of the queue of this name, or the token if it is the queue's tag."""
    found = client.queues.get_all(name=f"^{re.escape(called)}$", only_fields=["id", "tags"])
    if not len(found):
        return ""
    return token if token and token in (found[0].data.tags or []) else str(found[0].id)


def hold_lock(lock: dict[str, Any]) -> None:
    """Raise RuntimeError if the lock is too old to write safely: others may remove it soon."""
    if time.monotonic() > lock["until"]:
        raise RuntimeError("the backend took too long to answer, so the promotion was given up: try again")


def free_lock(client: Any, lock: dict[str, Any]) -> None:
    """Delete the lock; a lock that is already gone is no error."""
    try:
        client.queues.delete(queue=lock["id"])
    except APIError as error:
        if error.codes != (400, 701):
            raise
