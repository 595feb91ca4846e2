import hashlib
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
import requests

from localserver import launcher
from localserver.launcher import Status
from localserver.state import FILES, STAGING
from tests.support.backend import Backend


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


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_what_was_acknowledged_before_a_kill_is_there_whole(tmp_path: Path) -> None:
    status = launcher.up(tmp_path / "data")
    try:
        acknowledged: dict[str, str] = {}
        workers = [
            threading.Thread(target=write_until_killed, args=(status, worker, acknowledged)) for worker in range(4)
        ]
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
        status = launcher.up(tmp_path / "data")
        files = tmp_path / "data" / FILES
        stored = {
            str(path.relative_to(files)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files.rglob("*.bin")
        }
        assert len(acknowledged) >= 40
        assert acknowledged.items() <= stored.items()
        # At most the one that each worker had under way, complete but not acknowledged.
        assert len(stored) <= len(acknowledged) + len(workers)
        assert list((tmp_path / "data" / STAGING).iterdir()) == []
        for name, digest in acknowledged.items():
            served = requests.get(f"{status.files_url}/{name}", auth=keys(status), timeout=10)
            assert hashlib.sha256(served.content).hexdigest() == digest
    finally:
        launcher.down(tmp_path / "data")


def test_api_and_files_do_not_answer_on_each_others_port(backend: Backend) -> None:
    assert requests.get(f"{backend.files_url}/debug.ping", timeout=10).status_code == 401
    swapped = Status(True, "", backend.status.config_file, files_url=backend.api_url)
    assert not upload(swapped, "on/the/wrong/port", b"x")
    assert not (Path(backend.status.data_dir) / FILES / "on").exists()


def test_the_two_ports_do_not_take_each_others_host(backend: Backend) -> None:
    host = backend.files_url.removeprefix("http://")
    assert requests.get(f"{backend.api_url}/debug.ping", headers={"host": host}, timeout=10).status_code == 403
