"""Agents on this machine: start, list and stop `clearml-agent daemon` processes.

Agents run steps in the Python environment of this process. They install no packages.
"""

import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import psutil

from clearml_flows.agents import agent_process
from clearml_flows.agents.agent_state import (
    Agent,
    agents_folder,
    forget_agent,
    one_at_a_time,
    read_agents,
    write_agent,
)
from clearml_flows.backend.client import Api, Refused
from clearml_flows.backend.connection import Backend, connect, data_dir, is_embedded
from clearml_flows.errors import BadInput, FlowsError, MissingExtra, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.settings import Settings, load
from clearml_flows.spelling import did_you_mean

STARTS_WITHIN = 60.0
STOPS_WITHIN = 20.0
LOGS_KEPT_SECONDS = 7 * 86400.0
_POLL_SECONDS = 0.1
_started: dict[int, "subprocess.Popen[bytes]"] = {}


def start(
    queues: Sequence[str], services: bool = False, count: int = 1, create_queues: bool = False
) -> list[dict[str, Any]]:
    """Start agents until `count` of them run on exactly these queues.

    Returns when the backend lists all of them as workers.

    Returns:
        The rows of `status` for these agents, with `new`: whether the agent was started now.

    Raises:
        BadInput: a queue does not exist, and `create_queues` is False.
        FlowsError: an agent ended at once. The message has the last line of its log.
        MissingExtra: clearml-agent is not installed.
        Unreachable: no backend answers.
    """
    settings, backend = _connected(queues, create_queues)
    folder = agents_folder(data_dir(settings))
    with one_at_a_time(folder, STARTS_WITHIN):
        _remove_old_logs(folder)
        wanted = (tuple(queues), services, backend.api.url)
        same = [
            agent
            for agent in read_agents(folder)
            if (agent.queues, agent.services, agent.url) == wanted and agent.process()
        ]
        new = [_launch(folder, backend, settings, queues, services) for _ in range(count - len(same))]
        for agent in new:
            _wait_for_worker(folder, backend.api, agent)
        told = _tell([*same, *new], backend.api)
    return [{**one, "new": one["worker"] in {agent.worker for agent in new}} for one in told]


def become_agent(queues: Sequence[str], services: bool = False, create_queues: bool = False) -> NoReturn:
    """Replace this process by an agent. For systemd and containers.

    Raises BadInput and Unreachable as `start` does.
    """
    settings, backend = _connected(queues, create_queues)
    variables = _environment(backend, settings, _worker_id(queues[0]))
    sys.stdout.flush()
    os.execve(sys.executable, _command("-", queues, services), variables)  # noqa: S606  # no shell is wanted


def _command(log: str, queues: Sequence[str], services: bool) -> list[str]:
    mode = ["--services-mode"] if services else []
    # -P: modules beside the script must not shadow others of the same name.
    script = [sys.executable, "-P", agent_process.__file__, log]
    return [*script, "daemon", "--foreground", *mode, "--queue", *queues]


def _environment(backend: Backend, settings: Settings, worker: str) -> dict[str, str]:
    """Return the environment of an agent: access to the backend, and this Python for steps."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("FLOWS_")}
    return {
        **ours,
        **backend.environment,
        "CLEARML_WORKER_ID": worker,
        "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL": sys.executable,
        "CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL": "1",
        "CLEARML_AGENT_QUEUE_POLL_FREQ_SEC": str(settings.agents.poll),
        "CLEARML_AGENT_STATUS_REPORT_FREQ_SEC": str(settings.agents.report),
        # The agent would ask a server of ClearML for updates each day.
        "CLEARML_AGENT__AGENT__DISABLE_AGENT_UPDATE_CHECK": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _worker_id(queue: str) -> str:
    """Return a new worker id: host name, colon, queue, and four random digits."""
    return f"{socket.gethostname()}:{re.sub(r'[^A-Za-z0-9-]+', '-', queue)}-{secrets.token_hex(2)}"


def status() -> list[dict[str, Any]]:
    """Return all agents that were started here and not stopped.

    Returns:
        For each agent its worker, queues, services, pid, log and `state`. The state is `idle`, `running` (with `task`
        as `{id, name}`), `silent` (the process runs, but the backend gets no reports) or `dead`.

    Raises:
        Unreachable: no backend answers.
    """
    settings = load()
    agents = read_agents(agents_folder(data_dir(settings)))
    return _tell(agents, connect(settings).api) if agents else []


def stop(workers: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Stop agents and the Tasks that they run. Without `workers`, stop all agents.

    These Tasks are marked `stopped`. An agent that does not end within STOPS_WITHIN seconds is killed.

    Returns:
        `{worker, was, task}` for each agent: its state before, and its Task or None.

    Raises:
        BadInput: there is no agent of this name.
    """
    settings = load()
    folder = agents_folder(data_dir(settings))
    with one_at_a_time(folder, STARTS_WITHIN):
        agents = _named(read_agents(folder), workers)
        api = _reachable(settings)
        told = _tell(agents, api)
        known = _workers(api) if api else {}
        _end(agents)
        for agent in agents:
            if api is not None:
                _sign_off(api, agent, known)
            forget_agent(folder, agent)
    return [{"worker": one["worker"], "was": one["state"], "task": one["task"]} for one in told]


def _connected(queues: Sequence[str], create_queues: bool) -> tuple[Settings, Backend]:
    if find_spec("clearml_agent") is None:
        raise MissingExtra("clearml-agent", "agent")
    settings = load()
    backend = connect(settings)
    _check_queues(backend.api, queues, create_queues)
    return settings, backend


def _check_queues(api: Api, queues: Sequence[str], create: bool) -> None:
    known = [queue["name"] for queue in api.call("queues.get_all", only_fields=["name"])["queues"]]
    for name in queues:
        if name in known:
            continue
        if not create:
            raise BadInput(f"there is no queue {name!r}{did_you_mean(name, known)}; --create-queue makes it")
        api.call("queues.create", name=name)


def _remove_old_logs(folder: Path) -> None:
    """Remove logs of agents that were stopped more than LOGS_KEPT_SECONDS ago."""
    kept = {Path(agent.log).name for agent in read_agents(folder)}
    for log in folder.glob("*.log*"):
        if log.name.removesuffix(".1") not in kept and log.stat().st_mtime < time.time() - LOGS_KEPT_SECONDS:
            log.unlink()


def _launch(folder: Path, backend: Backend, settings: Settings, queues: Sequence[str], services: bool) -> Agent:
    worker = _worker_id(queues[0])
    log = folder / f"{worker.rpartition(':')[2]}.log"
    process = subprocess.Popen(
        _command(str(log), queues, services),
        env=_environment(backend, settings, worker),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # The agent keeps running after this command and the terminal have ended.
        start_new_session=True,
    )
    _started[process.pid] = process
    created = psutil.Process(process.pid).create_time()
    agent = Agent(worker, tuple(queues), services, backend.api.url, process.pid, created, str(log))
    write_agent(folder, agent)
    return agent


def _wait_for_worker(folder: Path, api: Api, agent: Agent) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while agent.worker not in _workers(api):
        if agent.process() is None or time.monotonic() > deadline:
            _end([agent])
            forget_agent(folder, agent)
            raise FlowsError(f"the agent for {', '.join(agent.queues)} did not start: {_last_line(agent.log)}")
        time.sleep(_POLL_SECONDS)


def _workers(api: Api, last_seen: float = 0) -> dict[str, dict[str, Any]]:
    recent = {"last_seen": int(last_seen)} if last_seen else {}
    return {worker["id"]: worker for worker in api.call("workers.get_all", **recent)["workers"]}


def _tell(agents: Sequence[Agent], api: Api | None) -> list[dict[str, Any]]:
    known = _workers(api, load().agents.lost_after) if api else {}
    return [
        {**{name: value for name, value in asdict(agent).items() if name != "created"}, **_state(agent, known)}
        for agent in agents
    ]


def _state(agent: Agent, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    task = next((worker["task"] for name, worker in known.items() if agent.owns(name) and worker.get("task")), None)
    running = {"id": task["id"], "name": task.get("name", "")} if task else None
    if agent.process() is None:
        return {"state": "dead", "task": running}
    if agent.worker not in known:
        return {"state": "silent", "task": None}
    return {"state": "running" if running else "idle", "task": running}


def _named(agents: list[Agent], workers: Sequence[str]) -> list[Agent]:
    by_name = {agent.worker: agent for agent in agents} | {agent.worker.rpartition(":")[2]: agent for agent in agents}
    for name in workers:
        if name not in by_name:
            raise BadInput(f"no agent {name!r} was started here{did_you_mean(name, by_name)}")
    return list(dict.fromkeys(by_name[name] for name in workers)) if workers else agents


def _reachable(settings: Settings) -> Api | None:
    """Return the backend if it answers, else None. Does not start the embedded backend."""
    if is_embedded(settings) and not launcher.status(data_dir(settings)).running:
        return None
    with suppress(Unreachable):
        return connect(settings).api
    return None


def _end(agents: Sequence[Agent]) -> None:
    """End the processes of agents and all their children: terminate, wait, then kill."""
    for process in (process for agent in agents if (process := agent.process())):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    deadline = time.monotonic() + STOPS_WITHIN
    while processes_of(agents) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for process in processes_of(agents):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for agent in agents:
        if child := _started.pop(agent.pid, None):
            child.wait()


def processes_of(agents: Sequence[Agent]) -> list[psutil.Process]:
    """Return the running processes that have a worker id of these agents in their environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            worker = process.environ().get("CLEARML_WORKER_ID", "")
            if any(agent.owns(worker) for agent in agents) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _sign_off(api: Api, agent: Agent, known: dict[str, dict[str, Any]]) -> None:
    """Mark the agent's Tasks as stopped and unregister its workers.

    `known` has the workers that the backend listed before the agent ended.
    """
    mine = [worker for name, worker in known.items() if agent.owns(name)]
    reason = f"the agent {agent.worker} was stopped"
    for task in {worker["task"]["id"] for worker in mine if worker.get("task")}:
        status = api.call("tasks.get_all", id=[task], only_fields=["status"], search_hidden=True)["tasks"]
        if status and status[0]["status"] == "in_progress":
            api.call("tasks.stopped", task=task, status_reason=reason, status_message=reason, force=True)
    for worker in mine:
        with suppress(Refused):
            api.call("workers.unregister", worker=worker["id"])


def _last_line(log: str) -> str:
    path = Path(log)
    lines = path.read_text("utf-8", "replace").strip().splitlines() if path.is_file() else []
    return f"{lines[-1]} (all of it: {log})" if lines else "it printed nothing"
