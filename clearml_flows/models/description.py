"""Facts of a model: in lists, in detail, and side by side."""

from collections.abc import Sequence
from typing import Any

from clearml_flows.experiments.api import reported_metrics
from clearml_flows.experiments.comparison import side_by_side
from clearml_flows.models.model_metrics import own_metrics
from clearml_flows.models.versions import Registry, number_of, typed_facts

ANCESTORS = 5
_FILE = ("sha256", "bytes", "format", "file")


def listed_model(model: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a model in lists.

    Its metrics are the `test_…` metrics of its metadata, without intervals.
    """
    facts = typed_facts(model.get("metadata") or {})
    tests = {name: value for name, value in own_metrics(facts).items() if name.startswith("test_")}
    return {
        "id": model["id"],
        "name": model["name"],
        "version": number_of(model.get("metadata") or {}),
        "tags": model.get("tags") or [],
        "created": model.get("created"),
        "experiment": facts.get("experiment_name"),
        "format": facts.get("format") or "skops",
        "metrics": {name: value for name, value in tests.items() if not name.endswith(("_low", "_high"))},
    }


def described_model(registry: Registry, model: dict[str, Any]) -> dict[str, Any]:
    """Return a model as `models.api.show_model` does.

    The model's own metadata take precedence over its experiment's metrics.
    """
    facts = typed_facts(model.get("metadata") or {})
    lineage = _lineage(registry, facts.get("experiment") or _id_of(model.get("task")))
    experiment = lineage[0] if lineage else {}
    run = next((task for task in lineage if "pipeline" in (task.get("system_tags") or [])), {})
    page = f"{registry.backend.web_url}/projects/{_id_of(model.get('project'))}/models/{model['id']}"
    return {
        **listed_model(model),
        "metrics": {**reported_metrics(experiment), **own_metrics(facts)},
        "parameters": facts.get("parameters") or _parameters(experiment),
        "dataset": _dataset(registry, facts),
        "experiment": {"id": experiment.get("id"), "name": experiment.get("name") or facts.get("experiment_name")},
        "run": {"id": run.get("id"), "name": run.get("name")},
        "file": {name: facts.get(name) for name in _FILE},
        "facts": facts,
        "uri": model.get("uri"),
        "web_url": page,
    }


def compared_models(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a comparison of models, as `experiments.comparison.compared`."""
    parts = {
        "model": [{name: one[name] for name in ("name", "version", "tags")} for one in found],
        "metric": [one["metrics"] for one in found],
        "parameter": [one["parameters"] for one in found],
        "dataset": [one["dataset"] for one in found],
        "file": [one["file"] for one in found],
    }
    return side_by_side(parts)


def _lineage(registry: Registry, task_id: str | None) -> list[dict[str, Any]]:
    """Return a Task and its existing ancestors, at most ANCESTORS."""
    found: list[dict[str, Any]] = []
    fields = ["id", "name", "parent", "system_tags", "hyperparams", "last_metrics"]
    while task_id and len(found) < ANCESTORS:
        # Ancestors need only the first fields.
        wanted = fields if not found else fields[:4]
        tasks = registry.api.call("tasks.get_all", id=[task_id], only_fields=wanted, search_hidden=True)["tasks"]
        found += tasks
        task_id = _id_of(tasks[0].get("parent")) if tasks else None
    return found


def _dataset(registry: Registry, facts: dict[str, Any]) -> dict[str, Any]:
    dataset_id = facts.get("dataset_id")
    known = {"id": dataset_id, "sha256": facts.get("dataset_sha256"), "name": None, "version": None}
    if dataset_id:
        query = {"id": [dataset_id], "only_fields": ["name", "runtime.version"], "search_hidden": True}
        for task in registry.api.call("tasks.get_all", **query)["tasks"]:
            known |= {"name": task.get("name"), "version": (task.get("runtime") or {}).get("version")}
    return known


def _parameters(task: dict[str, Any]) -> dict[str, Any]:
    items = [item for section in (task.get("hyperparams") or {}).values() for item in section.values()]
    return {f"{item['section']}/{item['name']}": item.get("value") for item in items}


def _id_of(reference: Any) -> str | None:
    return reference.get("id") if isinstance(reference, dict) else reference
