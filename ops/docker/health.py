"""Waiting until every part of the server is healthy, or one of them plainly never will be."""

import time
from collections.abc import Callable

from flows.errors import FlowsError
from ops.docker.stack import Service

# A part that ended may be started again by the engine: only what has ended this often in a row has failed.
_LOOKS_BEFORE_LOST = 5
_POLL_SECONDS = 2.0


def wait(
    services: Callable[[], list[Service]],
    seconds: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when all is well.

    Raises FlowsError, naming the parts that are not, after `seconds`, or when one has ended or is unhealthy for good.
    """
    deadline = clock() + seconds
    ended: dict[str, int] = {}
    said = ""
    while True:
        found = services()
        unwell = [service for service in found if not service.is_well]
        if found and not unwell:
            return
        ended = {service.name: ended.get(service.name, 0) + 1 for service in unwell if _is_lost(service)}
        lost = [service for service in unwell if ended.get(service.name, 0) >= _LOOKS_BEFORE_LOST]
        if lost or clock() >= deadline:
            raise FlowsError(_sentence(lost or unwell, seconds, bool(lost)))
        waiting = "waiting for " + ", ".join(sorted(service.name for service in unwell)) if unwell else ""
        if waiting and waiting != said:
            say(waiting)
            said = waiting
        sleep(_POLL_SECONDS)


def _is_lost(service: Service) -> bool:
    return service.state in ("exited", "dead") or service.health == "unhealthy"


def _sentence(unwell: list[Service], seconds: float, lost: bool) -> str:
    if not unwell:
        return "the server has no containers; `flows server up --docker` makes them"
    parts = ", ".join(f"{service.name} ({service.health or service.state})" for service in unwell)
    when = "" if lost else f" within {seconds:.0f} seconds (docker.wait)"
    return f"not healthy{when}: {parts}; flows server logs {unwell[0].name} --docker says why"
