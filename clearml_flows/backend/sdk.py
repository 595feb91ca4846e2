"""Every place where we rely on internals of the ClearML SDK; pyproject.toml pins the releases that were checked, 2.1.x.

- `PipelineDecorator._wait_for_node` polls a step every 5 s locally and 20 s on queues, through `BaseJob.wait` and a
  `sleep` of the controller module, with no setting for either.
- `BaseJob.status` may be a second old, also in the moment when a step's process (`_job_process`) has ended.
- `CheckPackageUpdates` asks a server of ClearML's for news at each start, and no setting stops it.
- A Task's imports are analysed in a thread while the pipeline parses the sources of its steps, and CPython 3.11 fails
  when two threads parse at once (seen on 3.11.7). ClearML then goes on with a source that lacks its imports: the step
  is another one and misses the cache.
- `Task.init` forks a reporter (`Task._report_subprocess_enabled`) while a thread starts git to detect the repository.
  A fork in that moment inherits the pipe on which `subprocess` waits for git's start, and both processes wait for ever.
- `PipelineController._launch_node` reads `Node.cache_executed_step` at the moment a step starts, but only a
  decorator's literal can set it. It looks for an equal step through `BaseJob._get_cached_task`, in the same thread, and
  finds it by the hash that each step's Task has as the runtime property `BaseJob._job_hash_property`.
- `PipelineDecorator._added_decorator` holds the steps as they were imported, until a pipeline is made of them.
- `PipelineDecorator._create_task_from_function` makes a step's Task of its source; `_create_pipeline_projects` hides
  the project that a flow's Tasks are in, and its parent.
- `PipelineDecorator.pipeline` gives no look at the Task that it makes before steps run or wait for an agent. With a
  queue for the controller it would enqueue that Task before the arguments are on it; `create_draft` writes them.
- A pipeline that runs its steps as processes notes the queue `mock` on its Task.
- `Task._get_default_session` is the session that the SDK made: host and credentials, wherever it found them.
- A step's process (`LocalClearmlJob._job_process`) does not end when its Task is marked failed.
- `Task._dev_worker` looks each half minute whether its Task is in progress still, and ends the process if it is not:
  also in the moment in which the process itself has marked it (`experiments/tracker.py`).
- `Task._set_runtime_properties` keeps a Task's properties that no user edits (`run/limits.py`).

Steps carry their own source and cannot import this module. What they rely on: `Task._set_runtime_properties`
(`tabular/failure.py`, `tabular/training/sweep.py`), and that a scalar at iteration -2**31 is a single value
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
from clearml.utilities.check_updates import CheckPackageUpdates

from clearml_flows.backend.client import Api


def poll_every(seconds: float) -> None:
    """Look at running steps at least this often. Seven steps on one machine otherwise wait for half a minute in all."""
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
    """Let threads wait for each other in `ast.parse`."""
    lock, parse = threading.Lock(), ast.parse

    def parse_alone(*arguments: Any, **options: Any) -> Any:
        with lock:
            return parse(*arguments, **options)

    ast.parse = parse_alone


def report_without_fork() -> None:
    """Report from a thread of this process, whatever `sdk.development.report_use_subprocess` is."""
    Task._report_subprocess_enabled = False


def ask_nobody_for_news() -> None:
    """A run talks to its backend and to nobody else."""
    CheckPackageUpdates.check_new_package_available = lambda *_args, **_options: None


def pin_steps(pin: Callable[[str], str]) -> None:
    """Let each step ask for exactly those releases that `pin` makes of its requirements."""
    for step in PipelineDecorator._added_decorator:
        step["packages"] = [pin(package) for package in step["packages"] or []]


def make_step_task(step: str, arguments: Mapping[str, Any], project: str, commit: str = "") -> Task:
    """A draft of a step's Task without a pipeline: source, requirements and parameters as they would be in one.

    Args:
        step: its name; its component is imported.
        arguments: of the step; what is left out has its default.
        project: `PARENT/.pipelines/FLOW`, hidden as a run of the flow would hide it.
        commit: of the code, as the controller of a run would tell it; empty: none.
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
    # As a pipeline does: the script has the defaults, and is the same for all Tasks of the step.
    for name, value in arguments.items():
        definition["hyperparams"]["kwargs"][name]["value"] = str(value)
    definition["script"]["version_num"] = commit
    task = Task.create(project_name=project, task_name=step, task_type=definition["type"])
    task.update_task(definition)
    PipelineController._create_pipeline_projects(task, project.rpartition("/")[0], project)
    return task


def when_created(tell: Callable[[Any], None]) -> None:
    """Call `tell` with the pipeline's Task when there is one, before any step starts."""
    make = PipelineDecorator.__init__

    def make_and_tell(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        tell(self.task)

    PipelineDecorator.__init__ = make_and_tell


def draft(pipeline: Any, flow: Callable[..., None], parameters: dict[str, Any]) -> None:
    """Leave the pipeline's Task as a draft with graph and arguments, to be enqueued, or cloned and edited first."""
    types = inspect.get_annotations(flow)
    for name, value in parameters.items():
        pipeline.add_parameter(name=name, default=value, param_type=types.get(name))
    pipeline.create_draft()


def kill_process(job: Any) -> None:
    """Kill the processes of a step that runs here; nothing is done for one on an agent."""
    process = getattr(job, "_job_process", None)
    if process is None:
        return
    with suppress(psutil.NoSuchProcess):
        for member in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                member.kill()


def look_away(task: Task) -> None:
    """Let this process mark the Task, without taking that for somebody else who stops it. It is closed next."""
    if task._dev_worker is not None:
        task._dev_worker.unregister()


def session_api() -> Api:
    """A plain client for the backend that the SDK of this process uses."""
    session = Task._get_default_session()
    return Api(session.host.rstrip("/"), session.access_key, session.secret_key)


def rule_cache(again: Callable[[str], bool], done: Mapping[str, str]) -> None:
    """Decide which steps are taken from the cache, beyond what their decorators say.

    Each step's Task gets the hash that the cache goes by, looked up or not, so that it can serve later runs.

    Args:
        again: whether the cache is ignored for the step of a name.
        done: by the names of steps, Tasks to take in their place if the hash is equal, whatever else is said.
    """
    launch, find = PipelineController._launch_node, job.BaseJob._get_cached_task
    now = threading.local()

    def launch_by_rule(self: Any, node: Any) -> bool:
        now.done = done.get(node.name)
        now.cache = node.cache_executed_step and not again(node.name)
        # With the cache off, ClearML hashes the parameters as text, not with their types, and none ever equals another.
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
