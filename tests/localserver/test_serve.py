import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from clearml_flows.localserver import launcher, serve
from clearml_flows.localserver.launcher import Status
from clearml_flows.localserver.state import FILES, STAGING
from tests.support.backend import Backend, running_backend

WORKERS = 4


def keys(status: Status) -> tuple[str, str]:
    found = dict(re.findall(r'(access_key|secret_key): "(\w+)"', Path(status.config_file).read_text()))
    return found["access_key"], found["secret_key"]


def upload(status: Status, name: str, content: bytes) -> bool:
    try:
        answer = requests.post(f"{status.files_url}/", files={name: (name, content)}, auth=keys(status), timeout=10)
    except requests.RequestException:
        return False
    return answer.status_code == 200


def write_until_killed(status: Status, worker: int, acknowledged: dict[str, str]) -> None:
    for number in range(10_000):
        name = f"w{worker}/{number}.bin"
        content = os.urandom(1000) * (1 + number % 50)
        if not upload(status, name, content):
            return
        acknowledged[name] = hashlib.sha256(content).hexdigest()


def write_and_kill(status: Status, write: Callable[[Status, int, dict[str, str]], None]) -> dict[str, str]:
    """Kill the server while several clients write; return what it had acknowledged by then."""
    acknowledged: dict[str, str] = {}
    workers = [threading.Thread(target=write, args=(status, worker, acknowledged)) for worker in range(WORKERS)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < 40 and time.monotonic() < deadline:
        workers[0].join(0.01)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGKILL)
    for worker in workers:
        worker.join()
    launcher._started.pop(status.pid).wait()
    assert len(acknowledged) >= 40
    return acknowledged


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_what_was_acknowledged_before_a_kill_is_there_whole(tmp_path: Path) -> None:
    status = launcher.up(tmp_path / "data")
    try:
        acknowledged = write_and_kill(status, write_until_killed)
        status = launcher.up(tmp_path / "data")
        files = tmp_path / "data" / FILES
        stored = {
            str(path.relative_to(files)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files.rglob("*.bin")
        }
        assert acknowledged.items() <= stored.items()
        # At most the one that each worker had under way, complete but not acknowledged.
        assert len(stored) <= len(acknowledged) + WORKERS
        assert list((tmp_path / "data" / STAGING).iterdir()) == []
        for name, digest in acknowledged.items():
            served = requests.get(f"{status.files_url}/{name}", auth=keys(status), timeout=10)
            assert hashlib.sha256(served.content).hexdigest() == digest
    finally:
        launcher.down(tmp_path / "data")


def create_until_killed(status: Status, worker: int, acknowledged: dict[str, str]) -> None:
    token = requests.get(f"{status.api_url}/auth.login", auth=keys(status), timeout=10).json()["data"]["token"]
    headers = {"authorization": f"Bearer {token}"}
    for number in range(10_000):
        task = {"name": f"task {worker} {number}", "type": "training"}
        try:
            answer = requests.post(f"{status.api_url}/tasks.create", json=task, headers=headers, timeout=10)
        except requests.RequestException:
            return
        if answer.status_code != 200:
            return
        acknowledged[answer.json()["data"]["id"]] = task["name"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_tasks_that_were_acknowledged_before_a_kill_are_there(tmp_path: Path) -> None:
    status = launcher.up(tmp_path / "data")
    try:
        acknowledged = write_and_kill(status, create_until_killed)
        status = launcher.up(tmp_path / "data")
        asked = {"name": "^task ", "page_size": 5000, "only_fields": ["id", "name"]}
        answer = requests.post(f"{status.api_url}/tasks.get_all", json=asked, auth=keys(status), timeout=30)
        stored = {task["id"]: task["name"] for task in answer.json()["data"]["tasks"]}
        assert acknowledged.items() <= stored.items()
        assert len(stored) <= len(acknowledged) + WORKERS
    finally:
        launcher.down(tmp_path / "data")


CLIENT = """
from clearml import Task
task = Task.init("restart", "goes on", auto_connect_frameworks=False, auto_resource_monitoring=False)
task.get_logger().report_scalar("loss", "train", 1.0, 0)
task.flush(wait_for_uploads=True)
print("HALF", flush=True)
input()
task.get_logger().report_scalar("loss", "train", 0.5, 1)
task.upload_artifact("after", {"restart": True}, auto_pickle=False, wait_on_upload=True)
task.close()
again = Task.get_task(task_id=task.id)
print("END", again.get_status(), again.get_reported_scalars()["loss"]["train"]["y"], again.artifacts["after"].get())
"""


def test_a_run_goes_on_over_a_restart(tmp_path: Path) -> None:
    with running_backend(tmp_path / "data") as backend:
        client = subprocess.Popen(
            [sys.executable, "-c", CLIENT],
            env=backend.env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with client:
            assert client.stdout
            assert any("HALF" in line for line in client.stdout)
            launcher.down(tmp_path / "data")
            launcher.up(tmp_path / "data")
            rest, _ = client.communicate("\n", timeout=60)
        assert client.returncode == 0, rest
        assert "END completed [1.0, 0.5] {'restart': True}" in rest


def test_api_and_files_do_not_answer_on_each_others_port(backend: Backend) -> None:
    assert requests.get(f"{backend.files_url}/debug.ping", timeout=10).status_code == 401
    swapped = Status(True, "", backend.status.config_file, files_url=backend.api_url)
    assert not upload(swapped, "on/the/wrong/port", b"x")
    assert not (Path(backend.status.data_dir) / FILES / "on").exists()


def test_the_two_ports_do_not_take_each_others_host(backend: Backend) -> None:
    host = backend.files_url.removeprefix("http://")
    assert requests.get(f"{backend.api_url}/debug.ping", headers={"host": host}, timeout=10).status_code == 403


def test_an_idle_connection_is_kept_as_long_as_nginx_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # The configuration of a server would also set up the logging of this process.
    monkeypatch.setattr(serve, "_LOGGING", None)

    async def app(_scope: object, _receive: object, _send: object) -> None: ...

    assert serve._config(app).timeout_keep_alive == 75
