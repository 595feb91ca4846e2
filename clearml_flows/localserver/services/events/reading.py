"""Read raw events page by page."""

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.events.options import MAX_PAGE, event_type, integer, metric_variants
from clearml_flows.localserver.services.events.owners import owner
from clearml_flows.localserver.services.events.scrolls import scroll_id, scroll_state
from clearml_flows.localserver.store.events import LOG, SCALAR, Axis, Position, Which
from clearml_flows.localserver.wire import Json

_METRIC_PAGE = 500


@endpoint("events.get_task_events")
def get_task_events(call: Call) -> Json:
    """Return events by iteration, or console lines by time.

    A scroll keeps the type, order and metrics of its first request.
    """
    id = owner(call)["id"]
    size = integer(call, "batch_size", 500, 0, MAX_PAGE)
    state = scroll_state(call, "events") or {
        "kind": "events",
        "type": event_type(call),
        "metrics": metric_variants(call.data.get("metrics")),
        "descending": call.data.get("order") == "desc",
        "after": None,
        "total": None,
    }
    which = Which([id], state["type"], state["metrics"])
    if state["total"] is None and call.data.get("count_total") is not False:
        state["total"] = call.db.events.count(which)
    axis: Axis = "timestamp" if which.type == LOG else "iter"
    after = Position(*state["after"]) if state["after"] else None
    events, last = call.db.events.page(which, axis, size, state["descending"], after)
    next_scroll = scroll_id(call, {**state, "after": last})
    return {"events": events, "returned": len(events), "total": state["total"], "scroll_id": next_scroll}


@endpoint("events.get_scalar_metric_data")
def get_scalar_metric_data(call: Call) -> Json:
    """Return the scalars of one metric, from the last iteration to the first."""
    which = Which([owner(call)["id"]], SCALAR, {call.data["metric"]: []})
    state = scroll_state(call, "metric") or {"kind": "metric", "after": None}
    after = Position(*state["after"]) if state["after"] else None
    events, last = call.db.events.page(which, "iter", _METRIC_PAGE, descending=True, after=after)
    next_scroll = None if call.data.get("no_scroll") else scroll_id(call, {**state, "after": last})
    total = call.db.events.count(which)
    return {"events": events, "returned": len(events), "total": total, "scroll_id": next_scroll}


@endpoint("events.clear_scroll")
def clear_scroll(_: Call) -> Json:
    """Do nothing. A scroll id contains its state, so the server stores none."""
    return {}
