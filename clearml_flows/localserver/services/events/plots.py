"""The last plots of Tasks and models."""

from collections import Counter
from collections.abc import Sequence

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events.options import integer, metric_variants
from clearml_flows.localserver.services.events.owners import listed_owners, owner
from clearml_flows.localserver.services.events.scrolls import scroll_id, scroll_state
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.events import PLOT, Which
from clearml_flows.localserver.wire import Json

_PAGE = 1000


@endpoint("events.get_task_plots")
def get_task_plots(call: Call) -> Json:
    """Return the plots of the last `iters` iterations of each variant in one answer."""
    which = Which([owner(call)["id"]], PLOT, metric_variants(call.data.get("metrics")))
    plots = call.db.events.latest(which, integer(call, "iters", 1))
    return {"plots": plots, "returned": len(plots), "total": len(plots), "scroll_id": None}


@endpoint("events.get_multi_task_plots")
def get_multi_task_plots(call: Call) -> Json:
    """Return the plots of the last `iters` iterations of each metric, up to 1000 per page.

    `returned` counts metrics, not plots.
    """
    documents = listed_owners(call)
    metrics = metric_variants(call.data.get("metrics"))
    by_metric = call.data.get("last_iters_per_task_metric") is not False
    state = scroll_state(call, "plots") or {"kind": "plots", "skip": 0}
    plots, count, total = last_plots(call, documents, metrics, integer(call, "iters", 1), by_metric, state["skip"])
    next_scroll = None if call.data.get("no_scroll") else scroll_id(call, {**state, "skip": state["skip"] + count})
    return {"plots": plots, "returned": len(plots), "total": total, "scroll_id": next_scroll}


def last_plots(
    call: Call,
    documents: Sequence[Document],
    metrics: dict[str, list[str]],
    iterations: int,
    by_metric: bool = True,
    skip: int = 0,
) -> tuple[Json, int, int]:
    """Return plots as {metric: {variant: {task: {iteration: {name, plots}}}}}.

    The second and third values are the number of plots read and the total.
    """
    names = {document["id"]: document["name"] for document in documents}
    which = Which(list(names), PLOT, metrics)
    events, total = call.db.events.last_iterations(which, iterations, by_metric, _PAGE, skip)
    plots: Json = {}
    shown: Counter[tuple[str, str, str]] = Counter()
    for event in events:
        key = event["metric"], event["variant"], event["task"]
        shown[key] += 1
        if shown[key] > iterations:
            continue
        at = plots
        for name in key:
            at = at.setdefault(name, {})
        at.setdefault(str(event["iter"]), {"name": names[event["task"]], "plots": []})["plots"].append(event)
    return plots, len(events), total
