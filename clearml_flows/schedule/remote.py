"""The Task of the scheduler of schedules in the backend: create, enqueue, find and stop it."""

import os
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import Backend, connect
from clearml_flows.backend.projects import project_id
from clearml_flows.backend.queues import check_queues
from clearml_flows.errors import BadInput, Locked
from clearml_flows.project import check_project, settings_file
from clearml_flows.run import bundle, ending
from clearml_flows.schedule import environment
from clearml_flows.schedule.service import lives
from clearml_flows.schedule.stores import in_backend, open_store, project
from clearml_flows.settings import Settings, load

TAG = "flows-scheduler"
ENTRY = "clearml_flows/schedule/service.py"
PACKAGES = ("flows", "components", "clearml_flows")
# Imports of the scheduler and of the runs it creates. Steps have requirements of their own.
REQUIREMENTS = (
    "clearml",
    "click",
    "croniter",
    "filelock",
    "psutil",
    "pydantic",
    "pydantic-settings",
    "pyparsing",
    "requests",
    "rich",
)

Json = dict[str, Any]


def start(queue: str = "", create_queue: bool = False, wait: float = 0.0) -> Json:
    """Enqueue a scheduler with the current code and settings.

    Args:
        queue: name of the queue; empty: setting queues.services.
        create_queue: create missing queues.
        wait: seconds to wait for a live agent.

    Returns:
        `{task, queue, web_url, schedules}`; `schedules` are the names of the active ones.

    Raises:
        BadInput: there is no project.
        Locked: a scheduler runs or waits in a queue.
        Unreachable: the backend does not answer, a queue is missing, or no live agent watches the queue
            within `wait` seconds.
    """
    check_project()
    settings = load()
    backend = connect(settings)
    queue = queue or settings.queues.services
    wanted = list(dict.fromkeys([queue, settings.queues.services]))
    ids = check_queues(backend.api, wanted, create_queue, wait)
    if found := _schedulers(backend.api, settings):
        raise Locked(
            f"a scheduler is {found[0]['status']} already, Task {found[0]['id']}; "
            f"leave the work to it, or run `flows schedule stop --remote` (a dead agent is detected after "
            f"{settings.agents.lost_after:.0f} s)"
        )
    with closing(open_store(settings)) as store:
        if os.environ.get(environment.TYPE):
            environment.adopt(store, settings, os.environ, datetime.now(UTC))
        active = [schedule.name for schedule in store.schedules() if schedule.state == "active"]
    task = _make(backend.api, settings)
    backend.api.call("tasks.enqueue", task=task, queue=ids[queue])
    return {"task": task, "queue": queue, "web_url": _page(backend, settings, task), "schedules": active}


def stop() -> Json:
    """Stop the scheduler of the backend's schedules and return `{stopped}`, its Tasks' ids.

    Its runs go on.

    Raises:
        BadInput: the schedules are on this machine, whose scheduler is a process.
    """
    settings = load()
    if not in_backend(settings):
        raise BadInput(
            "stop this machine's scheduler with SIGTERM or Ctrl-C; --remote stops the scheduler in the backend"
        )
    api = connect(settings).api
    ids = [task["id"] for task in _schedulers(api, settings)]
    ending.mark(api, ids, "stopped", "stopped by `flows schedule stop`")
    return {"stopped": ids}


def _schedulers(api: Api, settings: Settings) -> list[Json]:
    """Return the Tasks of schedulers that run or wait, after marking those whose worker died."""
    place = project_id(api, project(settings))
    query = {"project": [place], "tags": [TAG], "status": ["queued", "in_progress"], "search_hidden": True}
    found = api.call("tasks.get_all", **query, only_fields=["id", "status"])["tasks"] if place else []
    return [task for task in found if task["status"] == "queued" or lives(api, task["id"], settings.agents.lost_after)]


def _make(api: Api, settings: Settings) -> str:
    code = {
        "name": bundle.CODE,
        "type": "base64",
        "value": bundle.pack(settings_file(), PACKAGES),
        "description": "zip of the code",
    }
    script = {
        "repository": "",
        "working_dir": ".",
        "entry_point": "scheduler.py",
        "diff": bundle.script("The scheduler of the flows", ENTRY),
        "requirements": {"pip": "\n".join(bundle.exact(name) for name in REQUIREMENTS)},
    }
    place = project_id(api, project(settings), create=True)
    what = {"name": "scheduler", "type": "service", "project": place, "tags": [TAG]}
    return str(api.call("tasks.create", **what, script=script, configuration={bundle.CODE: code})["id"])


def _page(backend: Backend, settings: Settings, task: str) -> str:
    place = project_id(backend.api, project(settings))
    return f"{backend.web_url}/projects/{place}/experiments/{task}/output/log"
