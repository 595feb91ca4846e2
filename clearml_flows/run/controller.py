"""What a flow's own process does: the pipeline controller, on this machine or on an agent."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from clearml import PipelineDecorator, Task

from clearml_flows.backend import sdk
from clearml_flows.backend.queues import check_queues
from clearml_flows.errors import FlowsError
from clearml_flows.run import bundle
from clearml_flows.run.ending import PROCESS, process_mark
from clearml_flows.run.limits import Limits
from clearml_flows.run.options import DRAFT, FORCE, FRESH, NO_QUEUE, QUEUE, RESUME, RUN_FILE, TAGS
from clearml_flows.run.resume import completed_steps, parameters_of
from clearml_flows.run.step_names import base_name
from clearml_flows.run.watchdog import keep_watch
from clearml_flows.settings import Settings, settings_file
from clearml_flows.tabular.failure import tell_failure

T = TypeVar("T")

POLL_SECONDS = 0.1
LOOK_MINUTES = 0.01  # how often the pipeline looks for steps that failed; ClearML takes minutes here


def run(name: str, flow: Callable[..., None], settings: Settings, parameters: dict[str, Any]) -> None:
    """Run the flow as a ClearML pipeline of this name, and return when it has ended. Each step is a process here, or is
    put into the queue that the launcher named. On an agent the parameters are the Task's, as they may have been edited.

    For the launcher's draft only the Task is made, which an agent can run.

    Raises what the failing step raised.
    """
    sdk.poll_every(POLL_SECONDS)
    sdk.ask_nobody_for_news()
    sdk.report_without_fork()
    sdk.parse_one_at_a_time()
    sdk.pin_steps(bundle.exact)
    limits = Limits({**_asked(), **settings.run.model_dump()})
    sdk.when_created(lambda task: _equip(task, name, settings, limits))
    if os.environ.get(RESUME):
        parameters = {**parameters, **parameters_of(os.environ[RESUME], flow)}
    if RUN_FILE in os.environ:
        threading.Thread(target=_announce, daemon=True).start()
    queue = os.environ.get(QUEUE) or settings.queues.steps
    options = _options(name, settings, limits)
    if os.environ.get(DRAFT):
        PipelineDecorator.set_default_execution_queue(queue)
        sdk.draft(PipelineDecorator(**options), flow, parameters)
        return
    if Task.running_locally() and not os.environ.get(QUEUE):
        PipelineDecorator.run_locally()
    pipeline = PipelineDecorator.pipeline(**options, default_queue=queue, pipeline_execution_queue=None)
    pipeline(flow)(**parameters)


def _options(name: str, settings: Settings, limits: Limits) -> dict[str, Any]:
    return {
        "name": name,
        "project": settings.project.name,
        "version": "1.0.0",
        # Given any, ClearML waits until it has looked at the repository; without, its script section may get lost.
        "packages": bundle.loaded_packages(),
        "abort_on_failure": True,
        "retry_on_failure": limits.try_again,
        "pool_frequency": LOOK_MINUTES,
        # A step imports nothing from here: an agent has not our checkout, and what fails there is to fail here too.
        "skip_global_imports": True,
        "enable_local_imports": False,
    }


def _equip(task: Task, flow: str, settings: Settings, limits: Limits) -> None:
    """Give the run's Task what it needs to be run anywhere; take from it what was edited there; keep the limits."""
    if os.environ.get(TAGS):
        task.add_tags(os.environ[TAGS].split(","))
    if Task.running_locally():
        bundle.carry(task, flow, settings_file())
    else:
        here(_find_workers, task, settings)
    limits.rules.update(task.connect(dict(limits.rules), name="run"))
    _rule_cache(limits.rules)
    if not os.environ.get(DRAFT):
        limits.watch()
        keep_watch(sdk.session_api(), task.id, settings.agents.lost_after)


def _asked() -> dict[str, Any]:
    """What the launcher's options say of the cache; kept on the run's Task beside the limits, and editable there."""
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
    """On an agent: see to it that the steps have a queue, watched by someone who is not busy with this controller."""
    queue = task.get_parameter("pipeline/default_queue")
    if queue in (None, "", NO_QUEUE):
        queue = settings.queues.steps
        task.set_parameter("pipeline/default_queue", queue)
    api = sdk.session_api()
    check_queues(api, [str(queue)], besides=api.call("tasks.get_by_id", task=task.id)["task"].get("last_worker", ""))


def _announce() -> None:
    """Tell the launcher which Task this run is, as soon as there is one: from then on it can be stopped and marked."""
    while (task := Task.current_task()) is None:
        time.sleep(0.05)
    if not os.environ.get(DRAFT):
        task.set_user_properties(**{PROCESS: process_mark()})
    path = Path(os.environ[RUN_FILE])
    draft = path.with_suffix(".tmp")
    draft.write_text(task.id, "utf-8")
    draft.replace(path)


def result(output: Any) -> str:
    """What a step returned, waited for.

    As text, not as a reference to the step's Task, the value itself becomes the next step's parameter: it can be read
    and edited on the ClearML page, and equal work hits the cache.

    Raises RuntimeError if the step left no such result (ClearML hands over None then).
    """
    text = str(output)
    if text in ("", "None"):
        raise RuntimeError("a step ended without its result; its console says why")
    return text


def here(work: Callable[..., T], *arguments: Any) -> T:
    """What the controller computes itself, between steps; if that fails, the run's Task tells why."""
    try:
        return work(*arguments)
    except (ValueError, RuntimeError, FlowsError) as error:
        tell_failure(Task.current_task(), str(error))
        raise
