"""Check before a Task is enqueued: the queue exists, and a live agent watches it.

Without this check, a run would wait for an agent without a message.
"""

import time

from clearml_flows.backend.client import Api
from clearml_flows.errors import Unreachable
from clearml_flows.spelling import did_you_mean

LIVE_SECONDS = 120  # an agent reports every 30 s; an agent that missed four reports counts as dead
LOOK_EVERY = 0.5


def check_queues(
    api: Api, names: list[str], create: bool = False, wait: float = 0.0, besides: str = ""
) -> dict[str, str]:
    """Return the queues' ids by name when a live agent watches each of them.

    Args:
        create: whether to create missing queues.
        wait: seconds to wait for agents, for all queues together.
        besides: id of a worker that does not count, as it is busy with the controller.

    Raises:
        Unreachable: there is no such queue, or no live agent watches it. The message names the queue.
    """
    ids = {name: _queue(api, name, create) for name in names}
    deadline = time.monotonic() + wait
    while unwatched := [name for name in names if not set(watching(api, ids[name])) - {besides}]:
        if time.monotonic() >= deadline:
            raise Unreachable(_nobody(unwatched[0], wait, besides))
        time.sleep(LOOK_EVERY)
    return ids


def watching(api: Api, queue: str) -> list[str]:
    """Return the ids of the live workers that watch the queue with this id."""
    workers = api.call("workers.get_all", last_seen=LIVE_SECONDS)["workers"]
    return [worker["id"] for worker in workers if queue in [watched["id"] for watched in worker.get("queues") or []]]


def _queue(api: Api, name: str, create: bool) -> str:
    ids = {queue["name"]: queue["id"] for queue in api.call("queues.get_all", only_fields=["id", "name"])["queues"]}
    if name in ids:
        return str(ids[name])
    if create:
        return str(api.call("queues.create", name=name)["id"])
    raise Unreachable(f"there is no queue {name!r} on {api.url}{did_you_mean(name, ids)}; --create-queue makes it")


def _nobody(name: str, waited: float, besides: str) -> str:
    if besides:
        return (
            f"no live agent watches the queue {name!r} of the steps but, at most, {besides}, which is busy with this "
            "controller; start another, or let agents of controllers run in services mode"
        )
    after = f" after {waited:.0f} s" if waited else ""
    return (
        f"no live agent watches the queue {name!r}{after}; start one (clearml-agent daemon --queue {name}) "
        "or give it time to come with --wait-for-worker SECONDS"
    )
