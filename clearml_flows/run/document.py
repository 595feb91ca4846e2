"""JSON document of a run for `--json`, made only of data from the backend."""

from typing import Any

from clearml_flows.backend.connection import Backend
from clearml_flows.run.launch import Ended
from clearml_flows.run.shards import sweep_of
from clearml_flows.run.snapshot import RUNNING, Step


def document(flow: str, ended: Ended) -> dict[str, Any]:
    """Return the document of `flows run FLOW --json`.

    Its keys are flow, run_id, status, seconds, backend, web_url, steps, dataset, experiments, model, evaluation, report
    and error. Parts that the run did not reach are null.
    """
    run = ended.run
    return {
        "flow": flow,
        "run_id": run.run_id,
        "status": run.status,
        "seconds": ended.seconds,
        "backend": ended.backend.kind,
        "web_url": web_url(ended),
        "steps": [_step(step) for step in run.steps],
        "dataset": _dataset(run.result("dataset"), run.step_with("dataset")),
        "experiments": _experiments(sweep_of(run)),
        "model": _model(ended),
        "evaluation": _pick(run.result("evaluation"), "metrics", "threshold", "promoted", "reason"),
        "report": report_url(ended),
        "error": _error(ended),
    }


def web_url(ended: Ended) -> str:
    """Return the URL of the run's page."""
    return page_of(ended.backend, ended.run.project, ended.run.run_id)


def page_of(backend: Backend, project: str, run_id: str) -> str:
    """Return the URL of the page of a run in this hidden project."""
    return f"{backend.web_url}/pipelines/{project}/experiments/{run_id}"


def report_url(ended: Ended) -> str | None:
    """Return the URL of the page with the run's reports.

    None if no step returned an evaluation (yet).
    """
    task = ended.run.step_with("evaluation").task_id
    if not task:
        return None
    return f"{ended.backend.web_url}/projects/{ended.run.project}/experiments/{task}/artifacts"


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "task_id": step.task_id or None,
        "status": "completed" if step.cached else step.status,
        "seconds": step.seconds,
        "cached": step.cached,
    }


def _dataset(dataset: dict[str, Any], step: Step) -> dict[str, Any] | None:
    if not dataset:
        return None
    reused = step.cached or (step.returns or {}).get("reused") == "True"
    return {**(_pick(dataset, "id", "name", "version", "sha256", "rows") or {}), "reused": reused}


def _experiments(sweep: dict[str, Any]) -> dict[str, Any] | None:
    if not sweep:
        return None
    best = next(one for one in sweep["experiments"] if one["task_id"] == sweep["best"])
    return {"count": sweep["count"], "failed": sweep["failed"], "best": _pick(best, "task_id", "name", "metrics")}


def _model(ended: Ended) -> dict[str, Any] | None:
    model = ended.run.result("model")
    if not model.get("id"):
        return None
    # Promotion changes the tags after the model was registered.
    now = ended.backend.api.call("models.get_by_id", model=model["id"])["model"]
    return {**(_pick(model, "id", "name", "sha256") or {}), "tags": sorted(now["tags"])}


def _pick(values: dict[str, Any], *keys: str) -> dict[str, Any] | None:
    return {key: values.get(key) for key in keys} if values else None


def _error(ended: Ended) -> str | None:
    if ended.run.status in ("completed", "published", *RUNNING):
        return None
    return failure(ended)


def failure(ended: Ended) -> str:
    """Return one sentence with the failed step, its error and where the log is."""
    broken = ended.run.broken
    where = f"step {broken.name} {broken.status}: {broken.message}" if broken else ended.run.message
    return f"{where.strip().rstrip('.:')} (log: {ended.log})"
