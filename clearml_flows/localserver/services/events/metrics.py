"""Names of reported metrics and variants, and the last values of scalars."""

from datetime import datetime

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services.common import task
from clearml_flows.localserver.services.events.options import event_type
from clearml_flows.localserver.services.events.owners import listed_owners, owner
from clearml_flows.localserver.store.events import SCALAR, SINGLE_VALUE_ITERATION, VECTOR, Which
from clearml_flows.localserver.wire import Json

_MAX_VECTORS = 10_000


@endpoint("events.get_task_metrics")
def get_task_metrics(call: Call) -> Json:
    """Return the metrics of each Task, without metrics that have only single values."""
    ids = [document["id"] for document in listed_owners(call)]
    found = call.db.events.variants(Which(ids, event_type(call)), SINGLE_VALUE_ITERATION)
    return {
        "metrics": [
            {"task": id, "metrics": sorted({metric for owner_id, metric, _ in found if owner_id == id})} for id in ids
        ]
    }


@endpoint("events.get_multi_task_metrics")
def get_multi_task_metrics(call: Call) -> Json:
    ids = [document["id"] for document in listed_owners(call)]
    found = _variants_by_metric(call, Which(ids, event_type(call)))
    return {"metrics": [{"metric": metric, "variants": variants} for metric, variants in found.items()]}


@endpoint("events.get_scalar_metrics_and_variants")
def get_scalar_metrics_and_variants(call: Call) -> Json:
    return {"metrics": _variants_by_metric(call, Which([owner(call)["id"]], SCALAR))}


@endpoint("events.get_vector_metrics_and_variants")
def get_vector_metrics_and_variants(call: Call) -> Json:
    return {"metrics": _variants_by_metric(call, Which([owner(call)["id"]], VECTOR))}


@endpoint("events.vector_metrics_iter_histogram")
def vector_metrics_iter_histogram(call: Call) -> Json:
    metric, variant = call.data["metric"], call.data["variant"]
    which = Which([owner(call)["id"]], VECTOR, {metric: [variant]})
    events, _ = call.db.events.page(which, "iter", _MAX_VECTORS)
    return {
        "metric": metric,
        "variant": variant,
        "vectors": [event.get("value") for event in events],
        "iterations": [event["iter"] for event in events],
    }


@endpoint("events.get_task_latest_scalar_values")
def get_task_latest_scalar_values(call: Call) -> Json:
    """Return the last value of each scalar. Values of zero or less are left out."""
    document = task(call)
    metrics: dict[str, list[Json]] = {}
    for metric, variant, value in call.db.events.last_positive_values(document["id"]):
        # ClearML Server answers the last value under both names.
        item = {"name": variant, "last_value": value, "last_10_value": value}
        metrics.setdefault(metric, []).append(item)
    added = call.db.events.last_added(Which([document["id"]], SCALAR)) if metrics else None
    return {
        "metrics": [{"name": metric, "variants": variants} for metric, variants in metrics.items()],
        "last_iter": call.db.events.last_iteration(Which([document["id"]])) or 0,
        "name": document["name"],
        "status": document["status"],
        "last_timestamp": int(datetime.fromisoformat(added).timestamp() * 1000) if added else 0,
    }


def _variants_by_metric(call: Call, which: Which) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for _, metric, variant in call.db.events.variants(which):
        found.setdefault(metric, set()).add(variant)
    return {metric: sorted(found[metric]) for metric in sorted(found)}
