"""Step through debug images and plots of a Task or model, one image or metric at a time."""

from collections.abc import Iterator
from typing import NamedTuple

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events.owners import owner
from clearml_flows.localserver.services.events.scrolls import known_state, scroll_id, scroll_state
from clearml_flows.localserver.store.events import IMAGE, PLOT, Document, Which
from clearml_flows.localserver.wire import Json

# Sort after every name and every iteration.
_LAST_NAME = chr(0x10FFFF)
_LAST_ITERATION = 2**63 - 1
# Sorts before every iteration.
_FIRST_ITERATION = -(2**63)
# {metric: {variant: [lowest, highest iteration that can be shown]}}
_Ranges = dict[str, dict[str, list[int]]]


class Position(NamedTuple):
    """Position of a sample. `variant` is empty for plots, which are shown by metric."""

    iteration: int
    metric: str
    variant: str


@endpoint("events.get_debug_image_sample")
def get_debug_image_sample(call: Call) -> Json:
    return _image(call, *_start(call, IMAGE, call.data["variant"]))


@endpoint("events.next_debug_image_sample")
def next_debug_image_sample(call: Call) -> Json:
    return _image(call, *_step(call, IMAGE))


@endpoint("events.get_plot_sample")
def get_plot_sample(call: Call) -> Json:
    return _plots(call, *_start(call, PLOT, ""))


@endpoint("events.next_plot_sample")
def next_plot_sample(call: Call) -> Json:
    return _plots(call, *_step(call, PLOT))


def _start(call: Call, kind: str, variant: str) -> tuple[Json, Position | None, list[int] | None]:
    """Return the scroll state, the sample at or before `iteration`, and its iteration range."""
    state = _opened(call, kind)
    metric, iteration = call.data["metric"], call.data.get("iteration")
    valid = state["ranges"].get(metric, {}).get(variant)
    if valid is None:
        return state, None, None
    after = Position(_LAST_ITERATION if iteration is None else int(iteration), metric, _LAST_NAME)
    places = _places(call, state, {metric: [variant] if kind == IMAGE else []}, after, descending=True)
    place = next((place for place in places if valid[0] <= place.iteration), None)
    if place is not None:
        state["place"] = place
    return state, place, valid


def _opened(call: Call, kind: str) -> Json:
    """Return the scroll state of the request, or a new state.

    Raises:
        errors.InvalidScrollId: The scroll belongs to another Task or metric.
    """
    task, metric = owner(call)["id"], call.data["metric"]
    within = call.data.get("navigate_current_metric") is not False
    state = known_state(call, f"samples of {kind}")
    if state is None:
        state = {"kind": f"samples of {kind}", "task": task, "metric": metric, "within": within, "place": None}
        state["ranges"] = _ranges(call, kind, state)
    elif state["task"] != task or state["within"] != within or (within and state["metric"] != metric):
        raise errors.InvalidScrollId("task or metric differ from those it began with")
    elif call.data.get("refresh"):
        state["ranges"] = _ranges(call, kind, state)
    return {**state, "metric": metric}


def _step(call: Call, kind: str) -> tuple[Json, Position | None, list[int] | None]:
    """Return the scroll state, the next or previous sample, and its iteration range.

    `next_iteration` skips the rest of the current iteration.
    """
    task = owner(call)["id"]
    state = scroll_state(call, f"samples of {kind}")
    if state is None or state["task"] != task:
        raise errors.InvalidScrollId(scroll_id=call.data.get("scroll_id"))
    earlier = call.data.get("navigate_earlier") is not False
    # A scroll without a shown sample starts at the last or the first iteration.
    place = Position(*(state["place"] or ((_LAST_ITERATION if earlier else _FIRST_ITERATION), "", "")))
    if call.data.get("next_iteration"):
        place = Position(place.iteration, *(("", "") if earlier else (_LAST_NAME, _LAST_NAME)))
    elif kind == PLOT:
        place = place._replace(variant="" if earlier else _LAST_NAME)
    metrics: dict[str, list[str]] = {state["metric"]: []} if state["within"] else {}
    found = next(_valid(_places(call, state, metrics, place, earlier), kind, state["ranges"]), None)
    if found is None:
        return state, None, None
    state |= {"place": found, "metric": found.metric}
    return state, found, state["ranges"].get(found.metric, {}).get(found.variant)


def _places(
    call: Call, state: Json, metrics: dict[str, list[str]], after: Position, descending: bool
) -> Iterator[Position]:
    kind = IMAGE if state["kind"].endswith(IMAGE) else PLOT
    which = Which([state["task"]], kind, metrics, has_url=kind == IMAGE)
    rows = call.db.events.places(which, after, descending)
    return (Position(at, metric, variant if kind == IMAGE else "") for at, metric, variant in rows)


def _valid(places: Iterator[Position], kind: str, ranges: _Ranges) -> Iterator[Position]:
    """Skip images that were overwritten, and variants that are newer than the scroll."""
    for place in places:
        valid = ranges.get(place.metric, {}).get(place.variant)
        if kind == PLOT or (valid is not None and place.iteration >= valid[0]):
            yield place


def _ranges(call: Call, kind: str, state: Json) -> _Ranges:
    """Return the iteration range of each metric and variant.

    For images, the range starts at the lowest of the iterations at which each URL was last reported.
    Images before this iteration were overwritten.
    """
    which = Which([state["task"]], kind, {state["metric"]: []} if state["within"] else {}, has_url=kind == IMAGE)
    reported: dict[tuple[str, str], dict[str | None, list[int]]] = {}
    for metric, variant, iteration, url in call.db.events.urls(which):
        by_url = reported.setdefault((metric, variant if kind == IMAGE else ""), {})
        by_url.setdefault(url, []).append(iteration)
    found: _Ranges = {}
    for (metric, variant), by_url in reported.items():
        lasts = [max(iterations) for iterations in by_url.values()]
        lowest = min(lasts) if kind == IMAGE else min(map(min, by_url.values()))
        found.setdefault(metric, {})[variant] = [lowest, max(lasts)]
    return found


def _image(call: Call, state: Json, place: Position | None, valid: list[int] | None) -> Json:
    events = _events(call, IMAGE, state, place, [place.variant] if place else [])
    return {"event": events[0] if events else None, **_about(call, state, valid)}


def _plots(call: Call, state: Json, place: Position | None, valid: list[int] | None) -> Json:
    return {"events": _events(call, PLOT, state, place, []), **_about(call, state, valid)}


def _events(call: Call, kind: str, state: Json, place: Position | None, variants: list[str]) -> list[Document]:
    if place is None:
        return []
    which = Which([state["task"]], kind, {place.metric: variants}, has_url=kind == IMAGE)
    return call.db.events.at(which, place.iteration)


def _about(call: Call, state: Json, valid: list[int] | None) -> Json:
    lowest, highest = valid or (None, None)
    return {"scroll_id": scroll_id(call, state), "min_iteration": lowest, "max_iteration": highest}
