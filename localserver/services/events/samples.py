"""Looking at one debug image or plot after the other."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from localserver import errors
from localserver.registry import Call, endpoint
from localserver.store.documents import Document
from localserver.store.events import IMAGE, PLOT, Which
from localserver.wire import Json

# (iteration, metric, variant) of an image; plots are shown a metric at a time, so theirs have no variant.
Place = tuple[int, str, str]


@endpoint("events.get_debug_image_sample", required=("task", "metric", "variant"))
def get_debug_image_sample(call: Call) -> Json:
    variant = call.data["variant"]
    return _image(call, *_start(call, IMAGE, {call.data["metric"]: [variant]}, variant))


@endpoint("events.next_debug_image_sample", required=("task", "scroll_id"), fields={"next_iteration": "bool"})
def next_debug_image_sample(call: Call) -> Json:
    return _image(call, *_step(call, IMAGE))


@endpoint("events.get_plot_sample", required=("task", "metric"))
def get_plot_sample(call: Call) -> Json:
    return _plots(call, *_start(call, PLOT, {call.data["metric"]: []}, ""))


@endpoint("events.next_plot_sample", required=("task", "scroll_id"), fields={"next_iteration": "bool"})
def next_plot_sample(call: Call) -> Json:
    return _plots(call, *_step(call, PLOT))


def _start(call: Call, kind: str, metrics: dict[str, list[str]], variant: str) -> tuple[Place | None, bool]:
    """The named iteration, or the last one; and whether to go on within the metric only."""
    within = call.data.get("navigate_current_metric") is not False
    iterations = call.db.events.iterations(Which([call.data["task"]], kind, metrics))
    if call.data.get("iteration") is not None:
        iterations = [at for at in iterations if at == call.data["iteration"]]
    return ((iterations[-1], call.data["metric"], variant) if iterations else None), within


def _step(call: Call, kind: str) -> tuple[Place | None, bool]:
    """The next one later, or earlier; with `next_iteration` of the same variant at another iteration."""
    (iteration, metric, variant), within = _unscrolled(call)
    places = _places(call, kind, metric if within else None)
    if call.data.get("next_iteration"):
        places = [place for place in places if place[1:] == (metric, variant)]
    if call.data.get("navigate_earlier") is False:
        return next((place for place in places if place > (iteration, metric, variant)), None), within
    return next((place for place in reversed(places) if place < (iteration, metric, variant)), None), within


def _places(call: Call, kind: str, metric: str | None) -> Sequence[Place]:
    found = call.db.events.places(Which([call.data["task"]], kind, {metric: []} if metric is not None else {}))
    return found if kind == IMAGE else sorted({(iteration, name, "") for iteration, name, _ in found})


def _image(call: Call, place: Place | None, within: bool) -> Json:
    if place is None:
        return {"event": None, "scroll_id": call.data.get("scroll_id")}
    which = Which([call.data["task"]], IMAGE, {place[1]: [place[2]]})
    return {"event": call.db.events.at(which, place[0])[0], **_about(call, which, place, within)}


def _plots(call: Call, place: Place | None, within: bool) -> Json:
    if place is None:
        return {"events": [], "scroll_id": call.data.get("scroll_id")}
    which = Which([call.data["task"]], PLOT, {place[1]: []})
    return {"events": call.db.events.at(which, place[0]), **_about(call, which, place, within)}


def _about(call: Call, which: Which, place: Place, within: bool) -> Document:
    iterations = call.db.events.iterations(which)
    scroll_id = base64.urlsafe_b64encode(json.dumps([*place, within]).encode()).decode()
    return {"min_iteration": iterations[0], "max_iteration": iterations[-1], "scroll_id": scroll_id}


def _unscrolled(call: Call) -> tuple[Place, bool]:
    try:
        value: Any = json.loads(base64.urlsafe_b64decode(call.data["scroll_id"].encode()))
        iteration, metric, variant, within = value
    except (ValueError, TypeError, RecursionError):
        value = None
    if value is None or not isinstance(iteration, int) or not all(isinstance(item, str) for item in (metric, variant)):
        raise errors.InvalidFields("not a scroll id that this server gave", field="scroll_id")
    return (iteration, metric, variant), bool(within)
