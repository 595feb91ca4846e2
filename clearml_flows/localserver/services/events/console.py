"""Read and clear the console log of Tasks."""

import time

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import task
from clearml_flows.localserver.services.events.options import MAX_PAGE, integer, metric_variants
from clearml_flows.localserver.services.events.removal import check_task_unlocked
from clearml_flows.localserver.store.events import LOG, Position, Which
from clearml_flows.localserver.wire import Json

# Greater than every row number: the position after all lines of a millisecond.
_BEHIND = 2**63 - 1


@endpoint("events.get_task_log")
def get_task_log(call: Call) -> Json:
    """Return the last console lines, or the lines before `from_timestamp` (milliseconds).

    With `navigate_earlier: false`, the lines are read forward.
    """
    document = task(call)
    which = Which([document["id"]], LOG, metric_variants(call.data.get("metrics")))
    earlier = call.data.get("navigate_earlier") is not False
    size = integer(call, "batch_size", 5000, 0, MAX_PAGE)
    start = call.data.get("from_timestamp")
    after = Position(int(start), 0 if earlier else _BEHIND) if start else None
    events, _ = call.db.events.page(which, "timestamp", size, earlier, after)
    if call.data.get("order") == ("asc" if earlier else "desc"):
        events.reverse()
    return {"events": events, "returned": len(events), "total": call.db.events.count(which)}


@endpoint("events.clear_task_log", writes=True)
def clear_task_log(call: Call) -> Json:
    """Delete console lines, optionally only those older than `threshold_sec` seconds.

    `include_metrics` and `exclude_metrics` limit the deletion to some metrics.
    """
    document = check_task_unlocked(call)
    seconds = call.data.get("threshold_sec")
    before = int(time.time() * 1000) - int(seconds * 1000) if seconds else None
    include, exclude = (call.data.get(name) or [] for name in ("include_metrics", "exclude_metrics"))
    return {"deleted": call.db.events.delete_log(document["id"], before, include, exclude)}
