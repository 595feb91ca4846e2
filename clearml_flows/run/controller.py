"""Run the pipeline controller of a flow, on this machine or on an agent."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clearml import PipelineDecorator, Task

from clearml_flows.backend import sdk
from clearml_flows.backend.queues import check_queues
from clearml_flows.flow import here
from clearml_flows.project import settings_file
from clearml_flows.run import bundle, step_code
from clearml_flows.run.ending import PROCESS, process_mark
from clearml_flows.run.limits import Limits
from clearml_flows.run.options import DRAFT, FORCE, FRESH, NO_QUEUE, QUEUE, RESUME, RUN_FILE, TAGS
from clearml_flows.run.parameters import configured_values, pipeline_of, sections_of
from clearml_flows.run.resume import completed_steps, parameters_of
from clearml_flows.run.snapshot import base_name
from clearml_flows.run.watchdog import keep_watch
from clearml_flows.settings import Settings, load

POLL_SECONDS = 0.1
LOOK_MINUTES = 0.01  # between the pipeline's checks for failed steps; ClearML takes minutes here


def run_flow(name: str, flow: Callable[..., None]) -> None:
    """Run a declared flow with the settings in force; see `run`."""
    settings = load()
    values = configured_values(flow, name, settings)
    run(name, pipeline_of(flow), settings, values, sections_of(flow))


def run(
    name: str,
    flow: Callable[..., None],
    settings: Settings,
    parameters: dict[str, Any],
    sections: dict[str, list[str]] | None = None,
) -> None:
    """Run the flow as a ClearML pipeline of this name and return when the run has ended.

    `sections` are the names of the parameters by their sections on the run's Task, `Args` if there are none.

    Each step is a process on this machine, or a Task in the queue that the launcher named. On an agent, the parameters
    come from the run's Task, where users may have edited them. If the launcher asks for a draft, only the run's Task is
    created, for an agent to run.

    Raises the exception of the failed step.
    """
    sdk.poll_every(POLL_SECONDS)
    sdk.ask_nobody_for_news()
    sdk.report_without_fork()
    sdk.parse_one_at_a_time()
    steps = sdk.prepare_steps(bundle.exact, step_code.header)
    limits = Limits({**_asked(), **settings.run.model_dump()})
    sdk.when_created(lambda task: _equip(task, name, settings, limits, steps))
    sections = sections or {"Args": list(parameters)}
    if os.environ.get(RESUME):
        parameters = {**parameters, **parameters_of(os.environ[RESUME], flow, sections)}
    if RUN_FILE in os.environ:
        threading.Thread(target=_announce, daemon=True).start()
    queue = os.environ.get(QUEUE) or settings.queues.steps
    options = _options(name, settings, limits)
    if os.environ.get(DRAFT):
        PipelineDecorator.set_default_execution_queue(queue)
        sdk.draft(PipelineDecorator(**options), flow, parameters, sections)
        return
    if Task.running_locally() and not os.environ.get(QUEUE):
        PipelineDecorator.run_locally()
    placed = {"default_queue": queue, "pipeline_execution_queue": None, "args_map": sections}
    pipeline = PipelineDecorator.pipeline(**options, **placed)
    pipeline(flow)(**parameters)


def _options(name: str, settings: Settings, limits: Limits) -> dict[str, Any]:
    return {
        "name": name,
        "project": settings.project.name,
        "version": "1.0.0",
        # With packages, ClearML waits for its analysis of the repository. Without, it may lose the script section.
        "packages": bundle.loaded_packages(),
        "abort_on_failure": True,
        "retry_on_failure": limits.try_again,
        "pool_frequency": LOOK_MINUTES,
        # An agent has no checkout of this project. Imports that fail on an agent shall fail here too.
        "skip_global_imports": True,
        "enable_local_imports": False,
    }


def _equip(task: Task, flow: str, settings: Settings, limits: Limits, steps: list[Callable[..., Any]]) -> None:
    """Put the code on the run's Task, read edited rules from the Task, and start the limits."""
    if os.environ.get(TAGS):
        task.add_tags(os.environ[TAGS].split(","))
    if Task.running_locally():
        bundle.carry(task, flow, settings_file(), [step_code.modules_of(step) for step in steps])
    else:
        here(_find_workers, task, settings)
    limits.rules.update(task.connect(dict(limits.rules), name="run"))
    _rule_cache(limits.rules)
    if not os.environ.get(DRAFT):
        limits.watch()
        keep_watch(sdk.session_api(), task.id, settings.agents.lost_after)


def _asked() -> dict[str, Any]:
    """Return the launcher's cache options. Users can edit them on the run's Task."""
    return {
        "no_cache": bool(os.environ.get(FRESH)),
        "force": os.environ.get(FORCE, ""),
        "resume": os.environ.get(RESUME, ""),
    }


def _rule_cache(rules: dict[str, Any]) -> None:
    forced = rules["force"].split(",")
    done = completed_steps(rules["resume"]) if rules["resume"] else {}
    done = {name: task for name, task in done.items() if base_name(name) not in forced}
    sdk.rule_cache(lambda name: rules["no_cache"] or base_name(name) in forced, done)


def _find_workers(task: Task, settings: Settings) -> None:
    """On an agent: set the queue of the steps, and check that another live worker watches it."""
    queue = task.get_parameter("pipeline/default_queue")
    if queue in (None, "", NO_QUEUE):
        queue = settings.queues.steps
        task.set_parameter("pipeline/default_queue", queue)
    api = sdk.session_api()
    check_queues(api, [str(queue)], besides=api.call("tasks.get_by_id", task=task.id)["task"].get("last_worker", ""))


def _announce() -> None:
    """Write the id of the run's Task to the launcher's file as soon as the Task exists.

    The launcher can stop and mark the run from then on.
    """
    while (task := Task.current_task()) is None:
        time.sleep(0.05)
    if not os.environ.get(DRAFT):
        task.set_user_properties(**{PROCESS: process_mark()})
    path = Path(os.environ[RUN_FILE])
    draft = path.with_suffix(".tmp")
    draft.write_text(task.id, "utf-8")
    draft.replace(path)
