"""Plots and debug images, by the iterations that they were reported at."""

import base64
import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from localserver import errors, fields
from localserver.registry import Call, endpoint
from localserver.services.common import task
from localserver.services.events.scalars import metric_variants
from localserver.store.events import IMAGE, PLOT, Which
from localserver.wire import Json

# The lowest and the highest iteration that a scroll has shown of a Task.
Shown = dict[str, list[int]]


@endpoint("events.get_task_plots", required=("task",))
def get_task_plots(call: Call) -> Json:
    """The plots of the last `iters` iterations of each variant, all in one answer."""
    which = Which([call.data["task"]], PLOT, metric_variants(call.data.get("metrics") or []))
    plots = call.db.events.latest(which, _iterations(call))
    if call.data.get("scroll_id"):
        plots = []
    answer = {"plots": plots, "returned": len(plots), "total": len(plots)}
    return answer if call.data.get("no_scroll") else {**answer, "scroll_id": "all"}


@endpoint("events.get_multi_task_plots", required=("tasks",))
def get_multi_task_plots(call: Call) -> Json:
    """{metric: {variant: {task: {iteration: {name, plots}}}}}, where `name` is the Task's."""
    ids = fields.texts(call.data, "tasks")
    names = {id: task(call, id)["name"] for id in ids}
    events = call.db.events.latest(Which(ids, PLOT), _iterations(call))
    if call.data.get("scroll_id"):
        events = []
    plots: Json = {}
    for event in events:
        at = plots
        for key in (event["metric"], event["variant"], event["task"]):
            at = at.setdefault(key, {})
        at.setdefault(str(event["iter"]), {"name": names[event["task"]], "plots": []})["plots"].append(event)
    return {"plots": plots, "returned": len(events), "total": len(events), "scroll_id": "all"}


@endpoint("events.debug_images", required=("metrics",))
def debug_images(call: Call) -> Json:
    return _by_iteration(call, IMAGE)


@endpoint("events.plots", required=("metrics",))
def plots(call: Call) -> Json:
    return _by_iteration(call, PLOT)


def _by_iteration(call: Call, kind: str) -> Json:
    """The next `iters` iterations of each Task, the latest first; the scroll id tells from where to go on."""
    shown = _unscrolled(call)
    found = []
    for which in _wanted(call, kind):
        id = which.tasks[0]
        iterations = _next(call, call.db.events.iterations(which), shown.get(id))
        if iterations:
            shown[id] = [min([*iterations, *shown.get(id, [])]), max([*iterations, *shown.get(id, [])])]
        found.append(
            {"task": id, "iterations": [{"iter": at, "events": call.db.events.at(which, at)} for at in iterations]}
        )
    return {"metrics": found, "scroll_id": base64.urlsafe_b64encode(json.dumps(shown).encode()).decode()}


def _wanted(call: Call, kind: str) -> Iterable[Which]:
    items = fields.objects(call.data, "metrics")
    for item in items:
        task(call, fields.text(item, "task")) if not call.data.get("model_events") else None
    ordered = sorted(items, key=lambda item: str(item["task"]))
    for id, group in groupby(ordered, key=lambda item: str(item["task"])):
        of = list(group)
        # One that names no metric stands for all of them.
        named = all(item.get("metric") for item in of)
        yield Which([id], kind, metric_variants(of) if named else {})


def _next(call: Call, iterations: list[int], shown: list[int] | None) -> list[int]:
    count = _iterations(call)
    if shown is None or call.data.get("refresh"):
        return iterations[::-1][:count]
    if call.data.get("navigate_earlier") is False:
        return [at for at in iterations if at > shown[1]][:count][::-1]
    return [at for at in iterations[::-1] if at < shown[0]][:count]


def _iterations(call: Call) -> int:
    count = call.data.get("iters")
    if count is None:
        return 1
    if not 1 <= count <= 2**31:
        raise errors.ValidationError("error for field 'iters'. value must be from 1 to 2147483648")
    return int(count)


def _unscrolled(call: Call) -> Shown:
    if not call.data.get("scroll_id"):
        return {}
    try:
        shown: Any = json.loads(base64.urlsafe_b64decode(call.data["scroll_id"].encode()))
    except (ValueError, RecursionError):
        shown = None
    if not isinstance(shown, dict) or not all(_is_range(value) for value in shown.values()):
        raise errors.InvalidFields("not a scroll id that this server gave", field="scroll_id")
    return shown


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(item, int) for item in value)
