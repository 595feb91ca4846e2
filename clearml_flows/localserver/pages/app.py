"""ASGI application of the pages: read-only HTML at the links that the SDK prints.

Pages need no login. They use no script, and their content security policy blocks all scripts.
"""

from collections.abc import Callable
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, Undefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from clearml_flows.localserver.files import serve_file
from clearml_flows.localserver.pages import charts, compare, graph, reports, shapes, views
from clearml_flows.localserver.pages.reports import Links
from clearml_flows.localserver.pages.shapes import mapping, objects, text
from clearml_flows.localserver.storage import Storage
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.session import Session

Json = dict[str, Any]

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_TASK_PATHS = [
    "/projects/{project}/tasks/{id}",
    "/projects/{project}/experiments/{id}",
    "/pipelines/{project}/tasks/{id}",
    "/pipelines/{project}/experiments/{id}",
    "/datasets/simple/{project}/tasks/{id}",
    "/datasets/simple/{project}/experiments/{id}",
]
_COMPARE_PATHS = [
    f"/{part}/{{project}}/compare-{called};ids={{ids}}"
    for part in ("projects", "pipelines")
    for called in ("tasks", "experiments")
]


def pages_app(store: Store, storage: Storage, files_url: str) -> Starlette:
    """Return the ASGI app of the pages over a store. `files_url` is the URL of the file server."""
    links = Links(files_url)
    read = partial(_read, store)

    async def index(_request: Request) -> Response:
        return _page("index.html", await read(views.index))

    async def project(request: Request) -> Response:
        page = request.query_params.get("page", "0")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 0
        return _page("project.html", await read(views.project, request.path_params["id"], number))

    async def task(request: Request) -> Response:
        return _page("task.html", await read(_task, request.path_params["id"], links))

    async def model(request: Request) -> Response:
        return _page("model.html", await read(_model, request.path_params["id"], links))

    async def report(request: Request) -> Response:
        return _page("report.html", await read(_report, request.path_params["id"], links))

    async def compared(request: Request) -> Response:
        return _page("compare.html", await read(compare.compare, request.path_params["ids"], links))

    async def file(request: Request) -> Response:
        return await serve_file(storage, request.scope["raw_path"].removeprefix(b"/files"))

    static = StaticFiles(directory=Path(str(resources.files("clearml_flows.localserver.pages"))) / "static")
    return Starlette(
        routes=[
            Route("/", index),
            *_with_tabs("/projects/{project}/models/{id}", model),
            *(route for path in _COMPARE_PATHS for route in _with_tabs(path, compared)),
            *(route for path in _TASK_PATHS for route in _with_tabs(path, task)),
            *_with_tabs("/reports/{project}/{id}", report),
            Route("/projects/{id}", project),
            Route("/files/{path:path}", file),
            Mount("/static", static),
        ],
        exception_handlers={HTTPException: _not_a_page},
    )


def _with_tabs(path: str, page: Callable[[Request], Any]) -> list[Route]:
    """Return routes for a page and for the tabs that ClearML adds behind an id (`…/output/log`)."""
    return [Route(path, page), Route(path + "/{tab:path}", page)]


async def _read(store: Store, view: Callable[..., Json | None], *arguments: Any) -> Json:
    def snapshot() -> Json | None:
        with store.read() as db:
            return view(db, *arguments)

    found = await run_in_threadpool(snapshot)
    if found is None:
        raise HTTPException(404, "There is nothing with this id here. It may have been deleted.")
    return found


def _task(db: Session, id: str, links: Links) -> Json | None:
    task = db.tasks.get(id)
    if task is None:
        return None
    steps = graph.read_steps(task)
    ran = {step.task: db.tasks.get(step.task) for step in steps if step.task}
    curves, singles = reports.scalars(db, id)
    return {
        "task": task,
        "project": db.projects.get(text(task.get("project"), 64)),
        "parent": views.parent_of(db, task),
        "graph": graph.lay_out(steps) if steps else None,
        "steps": [_step(step, ran.get(step.task)) for step in steps],
        **views.children_of(db, id),
        "charts": curves,
        "singles": singles,
        "figures": [figure for _, figure in reports.plots(db, id, links)],
        "images": reports.images(db, id, links),
        "console": reports.console(db, id),
        "artifacts": [reports.artifact(entry, links.file) for entry in _artifacts(task)],
        "models": views.task_models(db, task),
    }


def _step(step: graph.Step, task: Document | None) -> Json:
    return {
        "step": step,
        "status": "cached" if step.cached else text(task.get("status"), 30) if task else step.status,
        "link": views.task_link(task) if task else None,
        "started": task.get("started") if task else None,
        "completed": task.get("completed") if task else None,
    }


def _artifacts(task: Document) -> list[Json]:
    return list(objects(mapping(task.get("execution")).get("artifacts")))


def _model(db: Session, id: str, links: Links) -> Json | None:
    model = db.models.get(id)
    if model is None:
        return None
    made_by = db.tasks.get(text(model.get("task"), 64)) if model.get("task") else None
    curves, singles = reports.scalars(db, id)
    return {
        "model": model,
        "project": db.projects.get(text(model.get("project"), 64)),
        "made_by": {"name": text(made_by.get("name"), 300), "link": views.task_link(made_by)} if made_by else None,
        "file": links.file(model.get("uri")),
        "charts": curves,
        "singles": singles,
        "figures": [figure for _, figure in reports.plots(db, id, links)],
    }


def _report(db: Session, id: str, links: Links) -> Json | None:
    report = db.tasks.get(id)
    if report is None or report.get("type") != views.REPORT:
        return None
    return {
        "report": report,
        "project": db.projects.get(text(report.get("project"), 64)),
        "assets": [(text(uri, 1000), links.file(uri)) for uri in shapes.items(report.get("report_assets"))],
    }


def _not_a_page(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _page("message.html", {"message": error.detail, "code": error.status_code}, error.status_code)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("clearml_flows.localserver.pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    filters = {
        "moment": shapes.shown_moment,
        "number": shapes.shown_number,
        "text": text,
        "mapping": mapping,
        "objects": lambda value: list(objects(value)),
        "items_of": shapes.items,
    }
    environment.filters.update({name: _of_what_is_there(found) for name, found in filters.items()})
    environment.globals.update(
        duration=_of_what_is_there(shapes.shown_duration),
        canvas=(charts.WIDTH, charts.LEFT, charts.RIGHT, charts.TOP),
        box=(graph.BOX_WIDTH, graph.BOX_HEIGHT),
    )
    return environment


def _of_what_is_there(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with jinja's Undefined arguments replaced by None."""

    def called(*arguments: Any) -> Any:
        return function(*(None if isinstance(value, Undefined) else value for value in arguments))

    return called


_TEMPLATES = _environment()


def _page(template: str, values: Json, code: int = 200) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), code, _HEADERS)
