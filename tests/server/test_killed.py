"""Backups and restores that are ended or killed in the middle: real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from clearml_flows.server import archive
from clearml_flows.server.stack import VOLUMES, stack
from clearml_flows.settings import load
from tests.server.conftest import Docker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
PATIENCE = 60


@pytest.fixture
def server(docker: Docker, tmp_path: Path) -> Docker:
    docker.has_a_server()
    for name in VOLUMES:
        (docker.volume(name) / "data").write_text("old")
    with archive.Writer(tmp_path / "kept", "2026-11-23", stack(load()).images()) as file:
        for name in VOLUMES:
            file.add(name, [bytes(10240)])
    return docker


@contextlib.contextmanager
def hanging(server: Docker, volume: str, *arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
    """A command that has come as far as the volume, whose copy does not go on."""
    # This machine's kernel is not looked at.
    server.plan(hangs_in=volume, os="Docker Desktop")
    command = [sys.executable, "-m", "clearml_flows", "server", *map(str, arguments), "--docker"]
    environment = {**os.environ, "FLOWS__DOCKER__WAIT": "60"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    deadline = time.monotonic() + PATIENCE
    try:
        while not (server.home / "hangs").is_file():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        server.plan()
        yield process
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_backup_that_is_ended_leaves_a_server_that_runs_and_no_file(
    server: Docker, tmp_path: Path, number: signal.Signals
) -> None:
    with hanging(server, server.volume("elastic").name, "backup", tmp_path / "new") as process:
        assert set(server.services().values()) == {"exited"}
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert set(server.services().values()) == {"running"}
    assert not [path for path in tmp_path.iterdir() if "new" in path.name]


def test_a_backup_that_is_killed_leaves_no_file_and_the_old_one(server: Docker, tmp_path: Path) -> None:
    with hanging(server, server.volume("elastic").name, "backup", tmp_path / "kept", "--force") as process:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for child in children:
            child.kill()
    archive.verify(tmp_path / "kept")
    server.ok("up")
    assert set(server.services().values()) == {"running"}


def test_a_restore_that_is_killed_changes_nothing_and_can_be_repeated(server: Docker, tmp_path: Path) -> None:
    before = server.env_file.read_text()
    with hanging(server, server.volume("redis", 2).name, "restore", tmp_path / "kept") as process:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for child in children:
            child.kill()
    assert server.env_file.read_text() == before
    assert set(server.services().values()) == {"running"}
    server.ok("restore", tmp_path / "kept")
    assert server.volumes() == sorted(server.volume(name, number).name for name in VOLUMES for number in (1, 3))


def test_a_disk_that_is_full_is_one_sentence_and_the_server_runs(server: Docker, tmp_path: Path) -> None:
    (server.volume("files") / "big").write_bytes(bytes(500_000))
    # A limit on a file's size stands for a disk's: writes fail in the middle just so.
    command = f'ulimit -f 200; exec "{sys.executable}" -m clearml_flows server backup "{tmp_path}/new" --docker'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {tmp_path}/new cannot be written: File too large" in done.stderr.splitlines()
    assert set(server.services().values()) == {"running"}
    assert not [path for path in tmp_path.iterdir() if "new" in path.name]
