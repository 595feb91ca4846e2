"""Wait until every part of the server is healthy, or one has failed."""

import time
from collections.abc import Callable

from clearml_flows.errors import FlowsError
from clearml_flows.server.stack import Service

# The engine may restart a part. A part has failed if it is down in this many checks in a row.
_LOOKS_BEFORE_LOST = 5
_POLL_SECONDS = 2.0


def wait(
    services: Callable[[], list[Service]],
    seconds: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when all parts are healthy.

    Raises FlowsError with the names of unhealthy parts after `seconds`, or earlier if a part has failed.
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
