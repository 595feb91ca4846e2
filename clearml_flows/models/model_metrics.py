"""Metrics of models: numbers in their metadata, else metrics of their experiments."""

import re
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.errors import BadInput
from clearml_flows.experiments.api import reported_metrics
from clearml_flows.experiments.query import metric_paths, metric_value
from clearml_flows.models.versions import FIELDS, Registry, exactly, typed_facts
from clearml_flows.spelling import did_you_mean
from clearml_flows.tabular.judging.metric_names import lower_is_better

NO_METRICS = {"version", "threshold", "bytes", "profit_threshold"}
# Numbers of this form have the same order as texts and as numbers.
_PLAIN = re.compile(r"[01](\.\d+)?")
# Names that can be part of a path in a query.
_CAN_BE = re.compile(r"[^\x00-\x1f\"\\$]+")
_AT_ONCE = 500
Found = tuple[float, dict[str, Any]]


def own_metrics(facts: dict[str, Any]) -> dict[str, float]:
    """Return the numbers in a model's metadata, except those in NO_METRICS."""
    return {
        name: float(value)
        for name, value in facts.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in NO_METRICS
    }


def best_models(registry: Registry, metric: str, top: int, name: str = "") -> list[Found]:
    """Return (value, model) of the best models by a metric, best first.

    The backend sorts models by their metadata, and models without the metric by their experiments.

    Raises:
        BadInput: no model and no model's experiment has the metric. The message suggests a name.
    """
    called = exactly(name) if name else {}
    found: list[Found] = []
    if _CAN_BE.fullmatch(metric):
        found = [*_by_metadata(registry, metric, top, called), *_by_experiment(registry, metric, top, called)]
    if not found:
        known = _known_metrics(registry)
        raise BadInput(f"no model in {registry.project} has a metric {metric!r}{did_you_mean(metric, known)}")
    found.sort(key=lambda pair: pair[0], reverse=not lower_is_better(metric))
    return found[:top]


def _by_metadata(registry: Registry, metric: str, top: int, called: dict[str, Any]) -> list[Found]:
    """Return the best models by their own metadata."""
    field, ascending = f"metadata.{metric}", lower_is_better(metric)
    having = {**called, f"{field}.key": [metric]}
    best, worst = (f"{sign}{field}.value" for sign in (("", "-") if ascending else ("-", "")))
    found = registry.query(FIELDS, top, **having, order_by=[best, "-created"])
    edges = [*found[:1], *registry.query(["id", field], 1, **having, order_by=[worst])]
    # The backend compares texts. If the first and last values are plain numbers, all values between them are too.
    if not all(_PLAIN.fullmatch(_text(model, metric)) for model in edges):
        values = {model["id"]: _number(model, metric) for model in registry.every(["id", field], **having)}
        known = [one for one, value in values.items() if value == value]
        chosen = sorted(known, key=lambda one: values[one] if ascending else -values[one])[:top]
        found = registry.query(FIELDS, top, id=chosen) if chosen else []
    return [(_number(model, metric), model) for model in found]


def _by_experiment(registry: Registry, metric: str, top: int, called: dict[str, Any]) -> list[Found]:
    """Return the best models by their experiments, of those without the metric themselves."""
    lacking = {**called, f"metadata.{metric}.key": [f"-{metric}"]}
    models: dict[str, list[str]] = {}
    for model in registry.every(["id", "task"], **lacking):
        models.setdefault(model.get("task") or "", []).append(model["id"])
    for path in metric_paths(metric):
        values = _best_tasks(registry.api, sorted(filter(None, models)), path, top, lower_is_better(metric))
        if values:
            chosen = [model for task in values for model in models[task]][:top]
            return [(values[model["task"]], model) for model in registry.query(FIELDS, top, id=chosen)]
    return []


def _best_tasks(api: Api, ids: list[str], path: str, top: int, ascending: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    for start in range(0, len(ids), _AT_ONCE):
        order = [f"{'' if ascending else '-'}{path}.value"]
        query = {"id": ids[start : start + _AT_ONCE], "order_by": order, "only_fields": ["id", f"{path}.value"]}
        for task in api.call("tasks.get_all", **query, search_hidden=True, page=0, page_size=top)["tasks"]:
            value = metric_value(task, path)
            if value is not None:
                found[task["id"]] = value
    return dict(sorted(found.items(), key=lambda pair: pair[1], reverse=not ascending)[:top])


def _known_metrics(registry: Registry) -> set[str]:
    """Return the metrics of the newest models and of their experiments."""
    newest = registry.query(FIELDS, 20)
    tasks = sorted({model["task"] for model in newest if model.get("task")})
    query = {"id": tasks, "only_fields": ["last_metrics"], "search_hidden": True}
    reported = registry.api.call("tasks.get_all", **query)["tasks"] if tasks else []
    return {name for model in newest for name in own_metrics(typed_facts(model.get("metadata") or {}))} | {
        name for task in reported for name in reported_metrics(task)
    }


def _text(model: dict[str, Any], metric: str) -> str:
    return str(((model.get("metadata") or {}).get(metric) or {}).get("value") or "")


def _number(model: dict[str, Any], metric: str) -> float:
    """Return the metric's value, or NaN if its text is no number."""
    try:
        return float(_text(model, metric))
    except ValueError:
        return float("nan")
