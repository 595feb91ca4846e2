"""Read reports, and the Task and model data that reports show."""

from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing, scope
from clearml_flows.localserver.services.events import iterations
from clearml_flows.localserver.services.events.options import metric_variants
from clearml_flows.localserver.services.events.plots import last_plots
from clearml_flows.localserver.services.events.scalars import compared_curves, single_values
from clearml_flows.localserver.services.reports.edit import BASENAME, REPORT
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.events import IMAGE
from clearml_flows.localserver.store.query import Selection, select
from clearml_flows.localserver.wire import Json


@endpoint("reports.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Return reports. `project` selects reports of these projects, and null those at the top."""
    data = {**call.data, "type": [REPORT]}
    if call.data.get("project"):
        data["project"] = _homes(call)
        if not data["project"]:
            return {"tasks": []}
    selection = scope.visible(data, select(call.db.tasks.entity, data))
    return listing.answer_joined(call, "tasks", call.db.tasks, data, selection)


@endpoint("reports.get_tags")
def get_tags(call: Call) -> Json:
    return {"tags": call.db.tasks.distinct("tags", Selection().equal("type", REPORT))}


@endpoint("reports.get_task_data")
def get_task_data(call: Call) -> Json:
    """Return the selected Tasks or models with the requested kinds of events."""
    documents = call.db.models if call.data.get("model_events") else call.db.tasks
    selection = scope.visible(call.data, _selected(call, documents))
    answer = listing.answer_joined(call, "tasks", documents, call.data, selection)
    ids = [document["id"] for document in answer["tasks"]]
    owners = [document for document in map(documents.get, ids) if document]
    asked = {name: call.data[name] for name in _EVENTS if call.data.get(name) is not None}
    return {**answer, **{name: _EVENTS[name](call.asking(request), owners) for name, request in asked.items()}}


def _homes(call: Call) -> list[str]:
    asked = call.data["project"] if isinstance(call.data["project"], list) else [call.data["project"]]
    ids = [id for id in asked if id is not None]
    if call.data.get("include_subprojects"):
        ids = scope.with_subprojects(call, ids)
    named = Selection().equal("basename", BASENAME)
    return [
        home["id"]
        for home in call.db.projects.all(named)
        if home["id"] in ids or home.get("parent") in ids or (None in asked and not home.get("parent"))
    ]


def _selected(call: Call, documents: Documents) -> Selection:
    data = dict(call.data)
    if data.get("include_subprojects") and data.get("project"):
        data["project"] = scope.with_subprojects(call, listing.names(data["project"]))
    selection = select(documents.entity, data)
    if not data.get("search_hidden") and not data.get("id"):
        selection.tagged("system_tags", "hidden", is_not=True)
    return selection


def _plots(call: Call, owners: list[Document]) -> Json:
    by_metric = call.data.get("last_iters_per_task_metric") is not False
    found, _, _ = last_plots(call, owners, metric_variants(call.data.get("metrics")), _count(call), by_metric)
    return found


def _images(call: Call, owners: list[Document]) -> list[Json]:
    metrics = metric_variants(call.data.get("metrics"))
    state = iterations.start(call, IMAGE, {owner["id"]: metrics for owner in owners})
    is_narrow = any(metrics.values())
    return [
        {
            "task": position["task"],
            "iterations": iterations.next_page(call, IMAGE, position, _count(call), True, is_narrow),
        }
        for position in state["tasks"]
    ]


def _curves(call: Call, owners: list[Document]) -> Json:
    return compared_curves(call, owners, metric_variants(call.data.get("metrics")))


def _singles(call: Call, owners: list[Document]) -> list[Json]:
    return single_values(call, owners, {})


def _count(call: Call) -> int:
    return int(call.data.get("iters") or 1)


_EVENTS = {
    "debug_images": _images,
    "plots": _plots,
    "scalar_metrics_iter_histogram": _curves,
    "single_value_metrics": _singles,
}
