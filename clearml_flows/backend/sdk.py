"""Workarounds that use internals of the ClearML SDK.

pyproject.toml pins the checked releases, 2.1.x.

- `PipelineDecorator._wait_for_node` polls a step every 5 s locally and every 20 s on queues. It uses `BaseJob.wait`
  and `sleep` of the controller module. There is no setting for either interval.
- `BaseJob.status` may be one second old, also when a step's process (`_job_process`) has just ended.
- `CheckPackageUpdates` asks a server of ClearML for new releases at each start. No setting disables it.
- A thread analyses a Task's imports while the pipeline parses the sources of its steps. CPython 3.11 fails if two
  threads parse at the same time (seen on 3.11.7). ClearML then continues with a source without its imports. The step
  gets another hash and misses the cache.
- `Task.init` forks a reporter (`Task._report_subprocess_enabled`) while a thread starts git to detect the repository.
  A fork at this moment inherits the pipe on which `subprocess` waits for git's start. Both processes then wait forever.
- `PipelineController._launch_node` reads `Node.cache_executed_step` when a step starts. Only a literal of the decorator
  can set it. In the same thread, `BaseJob._get_cached_task` searches an equal step. It compares the hash in the runtime
  property `BaseJob._job_hash_property` of each step's Task.
- `PipelineDecorator._added_decorator` holds the imported steps until a pipeline is made of them.
- `PipelineDecorator._create_task_from_function` makes a step's Task from its source, with
  `CreateFromFunction.create_task_from_function`, whose header is the same for all steps. `_create_pipeline_projects`
  hides the project of a flow's Tasks and its parent.
- `PipelineDecorator.pipeline` does not give access to its Task before steps run or wait for an agent. With a queue for
  the controller, it would enqueue the Task before the Task has its arguments. `create_draft` writes the arguments.
- A pipeline that runs its steps as processes records the queue `mock` on its Task.
- `Task._get_default_session` returns the SDK's session, which has the host and credentials in force.
- A step's process (`LocalClearmlJob._job_process`) does not end when its Task is marked failed.
- `Task._dev_worker` checks every half minute whether its Task is in progress, and ends the process if it is not. This
  also happens if the process itself has just changed the status (`experiments/tracker.py`).
- `Task._set_runtime_properties` sets properties of a Task that users cannot edit (`run/limits.py`).

Steps cannot import this module. They rely on `Task._set_runtime_properties`
(`tabular/failure.py`, `tabular/training/sweep.py`). They also report single values as scalars at iteration -2**31
(`tabular/reporting.py`).
"""

import ast
import inspect
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import psutil
from clearml import Task
from clearml.automation import controller, job
from clearml.automation.controller import PipelineController, PipelineDecorator
from clearml.backend_interface.task.populate import CreateFromFunction
from clearml.utilities.check_updates import CheckPackageUpdates

from clearml_flows.backend.client import Api


def poll_every(seconds: float) -> None:
    """Make the controller check running steps at least this often.

    With the SDK's intervals, a run of seven steps on one machine waits about 30 s in total.
    """
    wait = job.BaseJob.wait

    def wait_briefly(self: Any, timeout: float | None = None, pool_period: float = 30.0, **options: Any) -> bool:
        return bool(wait(self, timeout=timeout, pool_period=min(pool_period, seconds), **options))

    job.BaseJob.wait = wait_briefly
    job.LocalClearmlJob.status = _status_at_its_end(job.LocalClearmlJob.status)
    controller.sleep = lambda period: time.sleep(min(period, seconds))


def _status_at_its_end(status: Callable[..., str]) -> Callable[..., str]:
    def fresh_status(self: Any, force: bool = False) -> str:
        ran = self._job_process is not None
        known = status(self, force)
        return status(self, True) if ran and self._job_process is None else known

    return fresh_status


def parse_one_at_a_time() -> None:
    """Let only one thread at a time run `ast.parse`."""
    lock, parse = threading.Lock(), ast.parse

    def parse_alone(*arguments: Any, **options: Any) -> Any:
        with lock:
            return parse(*arguments, **options)

    ast.parse = parse_alone


def report_without_fork() -> None:
    """Report from a thread of this process and ignore `report_use_subprocess` of the SDK."""
    Task._report_subprocess_enabled = False


def ask_nobody_for_news() -> None:
    """Disable the SDK's check for new releases. A run sends requests to its backend only."""
    CheckPackageUpdates.check_new_package_available = lambda *_args, **_options: None


def prepare_steps(pin: Callable[[str], str], header: Callable[[Callable[..., Any]], str]) -> list[Callable[..., Any]]:
    """Pin the requirements of the steps with `pin`, and begin their scripts with `header`.

    Returns:
        The functions of the steps.
    """
    for step in PipelineDecorator._added_decorator:
        step["packages"] = [pin(package) for package in step["packages"] or []]
    make = CreateFromFunction.create_task_from_function

    def make_with_header(a_function: Callable[..., Any], **options: Any) -> Any:
        beginning = f"{header(a_function)}{CreateFromFunction.default_task_template_header}"
        return make(a_function, **{**options, "task_template_header": beginning})

    CreateFromFunction.create_task_from_function = staticmethod(make_with_header)
    return [step["function"] for step in PipelineDecorator._added_decorator]


def make_step_task(
    step: str, arguments: Mapping[str, Any], project: str, commit: str, code: Callable[[Callable[..., Any]], str]
) -> Task:
    """Create a draft of a step's Task without a pipeline.

    Its source, requirements and parameters equal those of the step's Task in a pipeline.

    Args:
        step: name of the step. Its component must be imported.
        arguments: arguments of the step. Other parameters have their defaults.
        project: `PARENT/.pipelines/FLOW`. It is hidden, as in a run of the flow.
        commit: commit of the code. Empty: none.
        code: returns the archive of the modules that the step's function imports. The Task takes the archive with it
            when a user clones it for an agent.
    """
    spec = next(one for one in PipelineDecorator._added_decorator if one["name"] == step)
    maker = SimpleNamespace(
        _task_template_header=None,
        _artifact_serialization_function=None,
        _artifact_deserialization_function=None,
        _skip_global_imports=True,
    )
    taken = ("function", "function_return", "packages", "task_type", "helper_functions", "docker", "docker_args")
    more = ("docker_bash_setup_script", "auto_connect_frameworks", "auto_connect_arg_parser")
    definition = PipelineDecorator._create_task_from_function(
        maker,
        **{key: spec[key] for key in (*taken, *more)},
        **dict.fromkeys(("repo", "branch", "commit")),
        function_kwargs=spec["function_kwargs"],
        function_input_artifacts={},
        project_name=project,
        task_name=step,
    )
    # As in a pipeline: the script has the defaults, so that it is the same for all Tasks of the step.
    for name, value in arguments.items():
        definition["hyperparams"]["kwargs"][name]["value"] = str(value)
    definition["script"]["version_num"] = commit
    definition["configuration"] = {"code": {"name": "code", "type": "base64", "value": code(spec["function"])}}
    task = Task.create(project_name=project, task_name=step, task_type=definition["type"])
    task.update_task(definition)
    PipelineController._create_pipeline_projects(task, project.rpartition("/")[0], project)
    return task


def when_created(tell: Callable[[Any], None]) -> None:
    """Call `tell` with the pipeline's Task when it is created, before any step starts."""
    make = PipelineDecorator.__init__

    def make_and_tell(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        tell(self.task)

    PipelineDecorator.__init__ = make_and_tell


def draft(pipeline: Any, flow: Callable[..., None], parameters: dict[str, Any], sections: dict[str, list[str]]) -> None:
    """Write graph and arguments to the pipeline's Task and leave it as a draft.

    The draft can be enqueued, or cloned and edited first.
    """
    kinds = inspect.signature(flow).parameters
    for name, value in parameters.items():
        pipeline.add_parameter(name=name, default=value, param_type=kinds[name].annotation)
    pipeline._args_map = sections
    pipeline.create_draft()


def kill_process(job: Any) -> None:
    """Kill the processes of a step on this machine. Does nothing for a step on an agent."""
    process = getattr(job, "_job_process", None)
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                member.kill()


def look_away(task: Task) -> None:
    """Stop the SDK's check of the Task's status, so that this process can change the status.

    Otherwise the SDK takes the change for a stop by a user and ends the process. The caller closes the Task next.
    """
    if task._dev_worker is not None:
        task._dev_worker.unregister()


def session_api() -> Api:
    """Return an API client for the backend that the SDK of this process uses."""
    session = Task._get_default_session()
    return Api(session.host.rstrip("/"), session.access_key, session.secret_key)


def rule_cache(again: Callable[[str], bool], done: Mapping[str, str]) -> None:
    """Decide which steps are taken from the cache, in addition to their decorators.

    Each step's Task gets its cache hash even if the cache is ignored, so that later runs can use the Task.

    Args:
        again: returns whether the cache is ignored for the step with this name.
        done: Task ids by step name. Such a Task is used for its step if the hash is equal, even if `again` is true.
    """
    launch, find = PipelineController._launch_node, job.BaseJob._get_cached_task
    now = threading.local()

    def launch_by_rule(self: Any, node: Any) -> bool:
        now.done = done.get(node.name)
        now.cache = node.cache_executed_step and not again(node.name)
        # With the cache off, ClearML hashes the parameters as text without their types, and no two hashes are equal.
        node.cache_executed_step = True
        try:
            return bool(launch(self, node))
        finally:
            node.cache_executed_step = now.cache

    def find_by_rule(task_hash: str) -> Task | None:
        known = Task.get_task(task_id=now.done) if now.done else None
        if known and known._get_runtime_properties().get(job.BaseJob._job_hash_property) == task_hash:
            return known
        return find(task_hash) if now.cache else None

    PipelineController._launch_node = launch_by_rule
    job.BaseJob._get_cached_task = staticmethod(find_by_rule)
