"""Real `clearml-agent` daemons for tests, started as users start them, in folders of the test's own.

    python = worker_python(tmp_path / "worker")            # Python with the third-party packages and nothing of ours
    with running_agent(backend, python, tmp_path, "one", "default") as agent: ...
    with running_agent(backend, python, tmp_path, "services", "services", services=True) as agent: ...

`running_agent` returns when the backend lists the worker (`agent.worker_id`), and ends all its processes afterwards.
`agent.log` is the file with all that it printed. `agent.kill()` is a power cut: SIGKILL to the daemon and all that it
runs. `agent.process` is the daemon, `agent.family()` what it runs just now. It asks for work twice a second and reports
every two. The session fixture `fleet` of tests/agents/conftest.py is a place, its backend and three such agents.
"""

import signal
import site
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from clearml_flows.backend.client import Api
from tests.support.backend import Backend

STARTS_WITHIN = 60.0
ENDS_WITHIN = 20.0


@dataclass(frozen=True)
class Agent:
    """A running daemon."""

    worker_id: str
    process: psutil.Process
    log: Path

    def family(self) -> list[psutil.Process]:
        """What the daemon runs now. It collects those that it has ended only when it starts others."""
        with suppress(psutil.NoSuchProcess):
            return [one for one in self.process.children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
        return []

    def kill(self) -> None:
        """Kill the daemon and all that it runs, so that none can say a last word."""
        _end([self.process, *self.family()], signal.SIGKILL)

    def stop(self) -> None:
        """End the daemon as a user does, then whatever is left of what it ran."""
        family = self.family()
        _end([self.process], signal.SIGINT)
        _end([self.process, *family], signal.SIGKILL)


def _end(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    psutil.wait_procs(processes, timeout=ENDS_WITHIN)


def worker_python(folder: Path) -> Path:
    """A Python that sees this environment's third-party packages, but neither our checkout nor its editable install."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    # A folder named by a .pth file is searched, but .pth files in it, such as an editable install's, are not read.
    (packages / "third_party.pth").write_text("\n".join(site.getsitepackages()), "utf-8")
    return python


@contextmanager
def running_agent(
    backend: Backend, python: Path, folder: Path, name: str, *queues: str, services: bool = False, **environment: str
) -> Iterator[Agent]:
    """Run an agent of this name on these queues, each created if it is not there, for as long as the context lasts."""
    own = folder / f"agent-{name}"
    for part in ("home", "tmp"):
        (own / part).mkdir(parents=True)
    variables = backend.env(
        HOME=str(own / "home"),
        TMPDIR=str(own / "tmp"),
        CLEARML_WORKER_NAME=name,
        CLEARML_AGENT_SKIP_PIP_VENV_INSTALL=str(python),
        CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL="1",
        CLEARML_AGENT_QUEUE_POLL_FREQ_SEC="0.5",
        CLEARML_AGENT_STATUS_REPORT_FREQ_SEC="2",
        **environment,
    )
    variables.pop("PYTHONPATH", None)
    command = [str(Path(sys.executable).with_name("clearml-agent")), "daemon", "--foreground", "--create-queue"]
    command += [*(["--services-mode"] if services else ["--cpu-only"]), "--queue", *queues]
    log = own / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=own,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    agent = Agent(f"{name}:cpu:0", psutil.Process(process.pid), log)
    try:
        api = backend_api(backend)
        wait_until(lambda: agent.worker_id in worker_ids(api), f"agent {name} registered", log=log)
        api.close()
        yield agent
    finally:
        agent.stop()
        process.wait()


def backend_api(backend: Backend) -> Api:
    """A client of the backend, with the credentials of its clearml.conf."""
    from clearml.utilities.pyhocon import ConfigFactory

    keys = ConfigFactory.parse_file(backend.status.config_file)["api.credentials"]
    return Api(backend.api_url, keys["access_key"], keys["secret_key"])


def worker_ids(api: Api) -> list[str]:
    """The workers that the backend has heard of lately."""
    return [worker["id"] for worker in api.call("workers.get_all")["workers"]]


def wait_until(
    true: Callable[[], bool], what: str, seconds: float = STARTS_WITHIN, log: Path | None = None, every: float = 0.1
) -> None:
    """Wait until the condition holds; fails, with the end of the log, when that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        end = log.read_text("utf-8", "replace")[-2000:] if log else ""
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{end}"
        time.sleep(every)
