"""A lock across machines that every ClearML backend supports: the name of a queue.

If two clients create a queue of the same name at once, the backend refuses one. The queue is therefore the lock for as
long as it exists. `tabular/registry/promotion_lock.py` does the same with the SDK's client and states the guarantees.
"""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from clearml_flows.backend.client import Api, Refused
from clearml_flows.errors import FlowsError, Unreachable

STALE_SECONDS = 30.0
WAIT_SECONDS = 90.0
PAUSE_SECONDS = 0.1
TAKEN, MISSING = 801, 701  # subcodes of the backend's refusals


@contextmanager
def only_one(api: Api, name: str) -> Iterator[Callable[[], None]]:
    """Hold the lock of this name.

    Yields:
        A check for use before each write. It raises Unreachable if the lock was held so long that others may soon
        remove it.

    Raises:
        Unreachable: the backend does not answer, or other processes hold the lock for WAIT_SECONDS.
    """
    queue, until = _take(api, name)

    def check() -> None:
        if time.monotonic() > until:
            raise Unreachable(f"{api.url} took too long to answer, so the change was given up; try again")

    try:
        yield check
    finally:
        # A lock that is not freed is removed by a waiting process after STALE_SECONDS.
        with suppress(FlowsError):
            _free(api, queue)


def _take(api: Api, name: str) -> tuple[str, float]:
    holder, since = "", time.monotonic()
    deadline = since + WAIT_SECONDS
    while True:
        asked = time.monotonic()
        try:
            return str(api.call("queues.create", name=name, tags=[uuid.uuid4().hex])["id"]), asked + STALE_SECONDS / 2
        except Refused as refused:
            if refused.subcode != TAKEN:
                raise
        found = _holder(api, name)
        if found != holder:
            holder, since = found, time.monotonic()
        elif holder and time.monotonic() - since > STALE_SECONDS:
            _free(api, holder)
        if time.monotonic() > deadline:
            raise Unreachable(f"others have kept the lock {name!r} of {api.url} busy; try again")
        time.sleep(PAUSE_SECONDS)


def _holder(api: Api, name: str) -> str:
    found = api.call("queues.get_all", name=f"^{re.escape(name)}$", only_fields=["id"])["queues"]
    return str(found[0]["id"]) if found else ""


def _free(api: Api, queue: str) -> None:
    try:
        api.call("queues.delete", queue=queue)
    except Refused as refused:
        if refused.subcode != MISSING:
            raise
