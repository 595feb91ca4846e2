"""Data of each page, read from one snapshot of the store."""

from collections import Counter
from typing import Any
from urllib.parse import quote

from clearml_flows.localserver.pages.shapes import items, mapping, objects, shown_moment, text
from clearml_flows.localserver.store.documents import Document, Documents
from clearml_flows.localserver.store.query import select
from clearml_flows.localserver.store.session import Session

PAGE_SIZE = 100
REPORT = "report"
_METRIC_COLUMNS = 24

Json = dict[str, Any]


def index(db: Session) -> Json:
    """Return the start page: latest runs, projects, models, queues, workers."""
    pipelines = _latest(db.tasks, 15, system_tags=["pipeline", "-archived"], type=["controller"])
    datasets = _latest(db.tasks, 15, system_tags=["dataset", "-archived"])
    tasks = _latest(db.tasks, 40, system_tags=["-archived"])
    reports = _latest(db.tasks, 15, system_tags=["-archived"], type=[REPORT])
    apart = {task["id"] for task in (*pipelines, *datasets, *reports)}
    return {
        "groups": [
            ("Pipeline runs", task_rows(db, pipelines)),
            ("Datasets", task_rows(db, datasets)),
            ("Reports", task_rows(db, reports)),
            ("Latest tasks", task_rows(db, [task for task in tasks if task["id"] not in apart])),
        ],
        "models": [model_row(db, model) for model in _latest(db.models, 15)],
        "projects": _projects(db),
        "queues": [
            {"name": text(queue.get("name"), 200), "waiting": db.entries.count(queue["id"])}
            for queue in db.queues.find(select(db.queues.entity, {"order_by": ["name"]}))
        ],
        "workers": [_worker(worker) for worker in db.workers.find(select(db.workers.entity, {}))],
    }


def project(db: Session, id: str, page: int) -> Json | None:
    """Return one page of a project's tasks with their metrics side by side, and its models."""
    found = db.projects.get(id)
    if found is None:
        return None
    asked = {"project": [id], "order_by": ["-last_update"], "page": page, "page_size": PAGE_SIZE}
    tasks = db.tasks.find(select(db.tasks.entity, asked))
    count = db.tasks.count(select(db.tasks.entity, {"project": [id]}))
    models = db.models.find(select(db.models.entity, {"project": [id], "order_by": ["-last_update"], "page_size": 50}))
    prefix = f"{found.get('name', '')}/"
    return {
        "project": found,
        "metrics": _metric_columns(tasks),
        "comparison": compare_link(tasks),
        "tasks": task_rows(db, tasks),
        "models": [model_row(db, model) for model in models],
        "children": [child for child in _projects(db) if child["name"].startswith(prefix)],
        "page": page,
        "pages": -(-count // PAGE_SIZE),
        "count": count,
    }


def task_rows(db: Session, tasks: list[Document]) -> list[Json]:
    """Return tasks as table rows with link, project and last metrics."""
    names = {id: _project_name(db, id) for id in {text(task.get("project"), 64) for task in tasks}}
    return [
        {
            "task": task,
            "link": task_link(task),
            "project": names[text(task.get("project"), 64)],
            "metrics": last_metrics(task),
        }
        for task in tasks
    ]


def task_link(task: Document) -> str:
    """Return the path of a task's page: the path that the SDK prints, or the path of a report."""
    project = quote(text(task.get("project"), 64) or "*", safe="*")
    if task.get("type") == REPORT:
        return f"/reports/{project}/{quote(text(task.get('id'), 64), safe='')}"
    return f"/projects/{project}/tasks/{quote(text(task.get('id'), 64), safe='')}/output/log"


def model_link(model: Document) -> str:
    """Return the path of a model's page."""
    project = quote(text(model.get("project"), 64) or "*", safe="*")
    return f"/projects/{project}/models/{quote(text(model.get('id'), 64), safe='')}/general"


def model_row(db: Session, model: Document) -> Json:
    """Return a model as a table row."""
    return {
        "model": model,
        "link": model_link(model),
        "project": _project_name(db, text(model.get("project"), 64)),
        "updated": shown_moment(model.get("last_update")),
    }


def parent_of(db: Session, task: Document) -> Json | None:
    """Return the name and link of a task's parent, or None if there is none."""
    parent = db.tasks.get(text(task.get("parent"), 64)) if task.get("parent") else None
    return {"name": text(parent.get("name"), 300), "link": task_link(parent)} if parent else None


def children_of(db: Session, id: str) -> Json:
    """Return the child tasks of a task, with their metrics side by side."""
    asked = {"parent": id, "order_by": ["created"], "page_size": PAGE_SIZE}
    children = db.tasks.find(select(db.tasks.entity, asked))
    return {
        "children": task_rows(db, children),
        "metrics": _metric_columns(children),
        "comparison": compare_link(children),
    }


def compare_link(tasks: list[Document]) -> str:
    """Return the path of the comparison page of tasks. Empty for fewer than two tasks."""
    ids = ",".join(quote(text(task.get("id"), 64), safe="") for task in tasks[:24])
    return f"/projects/*/compare-tasks;ids={ids}" if len(tasks) > 1 else ""


def task_models(db: Session, task: Document) -> list[Json]:
    """Return the input and output models of a task as table rows."""
    rows = []
    for role in ("input", "output"):
        for entry in objects(mapping(task.get("models")).get(role)):
            model = db.models.get(text(entry.get("model"), 64))
            link = model_link(model) if model else None
            name = text(model.get("name") if model else entry.get("name"), 300)
            rows.append({"role": role, "name": name, "link": link, "id": text(entry.get("model"), 64)})
    return rows


def last_metrics(task: Document) -> dict[str, Any]:
    """Return the last value of each scalar, by "metric/variant" or by the variant alone.

    The variant alone is the name of single values and of scalars whose metric and variant are equal.
    """
    found = {}
    for variants in objects(task.get("last_metrics")):
        for entry in objects(variants):
            metric, variant = text(entry.get("metric"), 100), text(entry.get("variant"), 100)
            found[variant if metric in ("Summary", variant) else f"{metric}/{variant}"] = entry.get("value")
    return found


def _metric_columns(tasks: list[Document]) -> list[str]:
    """Return the metrics that most of these tasks have, sorted by name.

    Single values are preferred. Left out are the SDK's metrics of the machine, and `NAME_std` if there is NAME.
    """
    counts = Counter(name for task in tasks for name in last_metrics(task) if not name.startswith(":monitor:"))
    known = [name for name in counts if name.removesuffix("_std") == name or name.removesuffix("_std") not in counts]
    ranked = sorted(known, key=lambda name: ("/" in name, -counts[name], name))
    return sorted(ranked[:_METRIC_COLUMNS])


def _latest(documents: Documents, size: int, **asked: Any) -> list[Document]:
    request = {**asked, "order_by": ["-last_update"], "page_size": size}
    return documents.find(select(documents.entity, request))


def _projects(db: Session) -> list[Json]:
    counts = dict(db.tasks.counts(["project"], select(db.tasks.entity, {})))
    found = list(db.projects.all(select(db.projects.entity, {"order_by": ["name"]})))
    return [
        {"name": text(entry.get("name"), 300), "link": f"/projects/{entry['id']}", "tasks": counts.get(entry["id"], 0)}
        for entry in found
    ]


def _project_name(db: Session, id: str) -> str:
    found = db.projects.get(id) if id else None
    return text(found.get("name"), 300) if found else ""


def _worker(worker: Document) -> Json:
    task = mapping(worker.get("task"))
    return {
        "id": text(worker.get("key") or worker.get("id"), 200),
        "seen": shown_moment(worker.get("last_activity_time")),
        "task": text(task.get("name") or task.get("id"), 200),
        "queues": ", ".join(text(queue.get("name") or queue.get("id"), 100) for queue in objects(worker.get("queues")))
        or ", ".join(text(queue, 100) for queue in items(worker.get("queues")) if isinstance(queue, str)),
    }
