"""Debug images and plots of Tasks and models, by iteration."""

from collections.abc import Sequence

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events.owners import owners
from clearml_flows.localserver.services.events.scrolls import known_state, scroll_id
from clearml_flows.localserver.store.events import IMAGE, PLOT, Document, Which
from clearml_flows.localserver.wire import Json

# {task: {metric: [variant]}}. No metrics or no variants means all of them.
_Wanted = dict[str, dict[str, list[str]]]


@endpoint("events.debug_images")
def debug_images(call: Call) -> Json:
    return _answer(call, IMAGE)


@endpoint("events.plots")
def plots(call: Call) -> Json:
    return _answer(call, PLOT)


def _answer(call: Call, kind: str) -> Json:
    """Return the next `iters` iterations of each Task or model.

    `refresh` starts again at the last iteration and includes new events.
    """
    wanted = _wanted(call)
    owners(call, list(wanted))
    state = known_state(call, "iterations")
    if state is None or call.data.get("refresh"):
        state = start(call, kind, wanted)
    narrowed = any(variants for metrics in wanted.values() for variants in metrics.values())
    count = call.data.get("iters") or 1
    earlier = call.data.get("navigate_earlier") is not False
    found = [
        {"task": position["task"], "iterations": next_page(call, kind, position, count, earlier, narrowed)}
        for position in state["tasks"]
    ]
    return {"metrics": found, "scroll_id": scroll_id(call, state)}


def _wanted(call: Call) -> _Wanted:
    wanted: _Wanted = {}
    unnamed: set[str] = set()
    for item in call.data["metrics"]:
        metrics = wanted.setdefault(item["task"], {})
        if item.get("metric") is None:
            unnamed.add(item["task"])
        else:
            metrics[item["metric"]] = item.get("variants") or []
    return {task: {} if task in unnamed else metrics for task, metrics in wanted.items()}


def start(call: Call, kind: str, wanted: _Wanted) -> Json:
    """Return the state of a new scroll."""
    tasks = [
        {"task": task, "metrics": _last_invalid(call, kind, task, metrics), "shown": None}
        for task, metrics in wanted.items()
    ]
    return {"kind": "iterations", "tasks": tasks}


def _last_invalid(call: Call, kind: str, task: str, metrics: dict[str, list[str]]) -> dict[str, dict[str, int | None]]:
    """Return {metric: {variant: last iteration whose image was overwritten, or None}}.

    Clients that keep a few images only reuse their URLs. An older event with the newest URL would show the wrong image.
    """
    urls: dict[str, dict[str, dict[str | None, list[int]]]] = {}
    for metric, variant, iteration, url in call.db.events.urls(_which(kind, task, metrics)):
        urls.setdefault(metric, {}).setdefault(variant, {}).setdefault(url, []).append(iteration)
    return {
        metric: {variant: _second_last(kind, by_url) for variant, by_url in variants.items()}
        for metric, variants in urls.items()
    }


def _second_last(kind: str, by_url: dict[str | None, list[int]]) -> int | None:
    """Return the last but one iteration of the newest URL, or None.

    `by_url` has each URL's iterations in ascending order.
    """
    newest = max(by_url.values(), key=lambda iterations: iterations[-1])
    return newest[-2] if kind == IMAGE and len(newest) > 1 else None


def next_page(call: Call, kind: str, position: Json, count: int, earlier: bool, narrowed: bool) -> list[Json]:
    """Return the next iterations of one Task with their events, highest first.

    Updates `position["shown"]` to the returned range.

    Args:
        count: Maximum number of iterations.
        earlier: Read towards lower iterations. The first page always starts at the last iteration.
        narrowed: Leave out variants that are missing from the scroll's state, because the request names variants.
    """
    metrics = position["metrics"]
    if not metrics:
        return []
    shown = position["shown"]
    # The first page has the last iterations in both directions.
    earlier = earlier or shown is None
    which = _which(kind, position["task"], {metric: [] for metric in metrics})
    after = None if shown is None else shown[0 if earlier else 1]
    found = {
        at: _valid(call.db.events.at(which, at), metrics, narrowed)
        for at in call.db.events.iterations(which, count, earlier, after)
    }
    iterations = sorted((at for at, events in found.items() if events), reverse=True)
    if iterations:
        position["shown"] = [iterations[-1], iterations[0]]
    return [{"iter": at, "events": found[at]} for at in iterations]


def _valid(events: Sequence[Document], metrics: dict[str, dict[str, int | None]], narrowed: bool) -> list[Document]:
    """Return one event per variant, without events whose image was overwritten."""
    valid: dict[tuple[str, str], Document] = {}
    for event in events:
        metric, variant = event["metric"], event["variant"]
        known = variant in metrics.get(metric, {})
        last_invalid = metrics.get(metric, {}).get(variant)
        if (known or not narrowed) and (last_invalid is None or event["iter"] > last_invalid):
            valid.setdefault((metric, variant), event)
    return list(valid.values())


def _which(kind: str, task: str, metrics: dict[str, list[str]]) -> Which:
    return Which([task], kind, metrics, has_url=kind == IMAGE)
