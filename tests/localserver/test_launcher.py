import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from clearml_flows.localserver import launcher
from clearml_flows.localserver.state import DATABASE, PORTS, STATE, Failure, read_state, server_lock


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    yield folder
    if folder.is_dir() and os.access(folder, os.W_OK):
        launcher.down(folder)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clearml_flows.localserver", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_up_status_down(data_dir: Path) -> None:
    started = launcher.up(data_dir)
    assert started.running
    assert started == launcher.status(data_dir) == launcher.up(data_dir)
    assert launcher.down(data_dir)
    assert not launcher.status(data_dir).running
    assert started.pid is not None
    assert not psutil.pid_exists(started.pid) or psutil.Process(started.pid).status() == psutil.STATUS_ZOMBIE
    assert not launcher.down(data_dir)


def test_two_ups_at_once_start_one_server(data_dir: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(command, ["up"] * 2, ["--data-dir"] * 2, [data_dir] * 2, ["--json"] * 2))
    assert [result.returncode for result in results] == [0, 0]
    first, second = (json.loads(result.stdout) for result in results)
    assert first == second


def test_ports_are_kept_over_restarts(data_dir: Path) -> None:
    first = launcher.up(data_dir)
    launcher.down(data_dir)
    second = launcher.up(data_dir)
    assert (second.api_url, second.files_url) == (first.api_url, first.files_url)


def test_killed_server_counts_as_down_and_starts_again(data_dir: Path) -> None:
    first = launcher.up(data_dir)
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    launcher._started.pop(first.pid).wait()
    assert not launcher.status(data_dir).running
    second = launcher.up(data_dir)
    assert second.pid != first.pid
    assert second.api_url == first.api_url


def test_a_server_ends_with_its_parent(data_dir: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        launcher.up(data_dir, parent=parent.pid)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 10
    while read_state(data_dir) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [read_state(data_dir), launcher.status(data_dir).running] == [None, False]


def test_down_leaves_a_process_alone_that_came_to_have_the_number(data_dir: Path) -> None:
    data_dir.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        state = {"pid": bystander.pid, "created": 1.0, "instance": "x", "api_port": 1, "files_port": 2}
        (data_dir / STATE).write_text(json.dumps(state))
        assert not launcher.down(data_dir)
        with server_lock(data_dir), pytest.raises(Failure, match="end this process by hand"):
            launcher.down(data_dir)
        assert bystander.poll() is None
        bystander.communicate(b"\n")


def test_down_refuses_when_the_holder_is_unknown(data_dir: Path) -> None:
    launcher.up(data_dir)
    text = (data_dir / STATE).read_text()
    (data_dir / STATE).write_text("{}")
    with pytest.raises(Failure, match="locked by a process"):
        launcher.down(data_dir)
    (data_dir / STATE).write_text(text)


def test_status_is_not_fooled_by_another_server_on_the_port(data_dir: Path, tmp_path: Path) -> None:
    other = launcher.up(tmp_path / "other")
    try:
        launcher.up(data_dir)
        launcher.down(data_dir)
        state = read_state(tmp_path / "other")
        assert state is not None
        stale = {**state.__dict__, "instance": "an earlier one"}
        (data_dir / STATE).write_text(json.dumps(stale))
        assert launcher.status(tmp_path / "other") == other
        assert not launcher.status(data_dir).running
    finally:
        launcher.down(tmp_path / "other")


@pytest.mark.parametrize("option", ["api", "files"])
def test_given_port_in_use(data_dir: Path, taken_port: int, option: str) -> None:
    result = command("up", "--data-dir", data_dir, f"--{option}-port", str(taken_port))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (f"port {taken_port} is in use by another program; select another with --{option}-port\n")


def test_remembered_port_in_use(data_dir: Path, taken_port: int) -> None:
    data_dir.mkdir()
    (data_dir / PORTS).write_text(json.dumps({"api": taken_port, "files": taken_port}))
    moved = launcher.up(data_dir)
    assert str(taken_port) not in f"{moved.api_url} {moved.files_url}"
    assert f"Port {taken_port} of {data_dir} is in use by another program" in "".join(launcher.logs(data_dir))


def test_second_server_on_the_same_data(data_dir: Path) -> None:
    running = launcher.up(data_dir)
    result = command("serve", "--data-dir", data_dir)
    assert result.returncode == 1
    assert result.stderr == (
        f"{data_dir} is already served by process {running.pid}; use that server, or stop it first\n"
    )
    assert launcher.status(data_dir) == running


def test_corrupt_database(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / DATABASE).write_bytes(b"this is no database" * 1000)
    result = command("up", "--data-dir", data_dir)
    assert result.returncode == 1
    assert str(data_dir / DATABASE) in result.stderr
    assert result.stderr.count("\n") == 1
    assert (data_dir / DATABASE).read_bytes().startswith(b"this is no database")


def test_corrupt_credentials_are_named_and_kept(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "credentials.json").write_text('{"access_key": ')
    result = command("up", "--data-dir", data_dir)
    assert result.returncode == 1
    assert str(data_dir / "credentials.json") in result.stderr
    assert (data_dir / "credentials.json").read_text() == '{"access_key": '


def test_data_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = command("up", "--data-dir", tmp_path / "file" / "data")
    assert result.returncode == 1
    assert result.stderr == f"cannot use the data directory {tmp_path / 'file' / 'data'}: Not a directory\n"


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write to read-only directories")
def test_read_only_data_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    result = command("up", "--data-dir", tmp_path / "data")
    assert result.returncode == 1
    assert result.stderr == f"cannot use the data directory {tmp_path / 'data'}: Permission denied\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a process's files")
@pytest.mark.parametrize("size", [0, 1000])
def test_disk_that_takes_no_more(data_dir: Path, size: int) -> None:
    code = (
        "import resource, sys; from clearml_flows.localserver.__main__ import main;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));"
        f"sys.exit(main(['serve', '--data-dir', {str(data_dir)!r}]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert str(data_dir) in result.stderr
    assert result.stderr.count("\n") == 1


def test_data_survives_a_kill(data_dir: Path) -> None:
    first = launcher.up(data_dir)
    conf = Path(first.config_file).read_text()
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    launcher._started.pop(first.pid).wait()
    launcher.up(data_dir)
    assert Path(first.config_file).read_text() == conf
    launcher.down(data_dir)
    with sqlite3.connect(data_dir / DATABASE) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_reset_needs_yes_and_a_stopped_server_and_removes_only_its_own(data_dir: Path) -> None:
    launcher.up(data_dir)
    (data_dir / "mine.txt").write_text("mine")
    assert command("reset", "--data-dir", data_dir).returncode == 2
    refused = command("reset", "--data-dir", data_dir, "--yes")
    assert refused.returncode == 1
    assert "is running; stop it first" in refused.stderr
    launcher.down(data_dir)
    assert command("reset", "--data-dir", data_dir, "--yes").returncode == 0
    assert sorted(path.name for path in data_dir.iterdir() if path.suffix != ".lock") == ["mine.txt"]


def test_status_exit_code_and_json_when_down(tmp_path: Path) -> None:
    result = command("status", "--data-dir", tmp_path / "none", "--json")
    assert result.returncode == 5
    assert json.loads(result.stdout)["running"] is False
    assert not (tmp_path / "none").exists()


def test_usage_errors_exit_with_2(tmp_path: Path) -> None:
    assert command("frobnicate").returncode == 2
    assert command("up").returncode == 2
    assert command("up", "--data-dir", tmp_path, "--api-port", "70000").returncode == 2


def test_logs(data_dir: Path) -> None:
    launcher.up(data_dir)
    launcher.down(data_dir)
    result = command("logs", "--data-dir", data_dir, "-n", "1")
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 1
    assert command("logs", "--data-dir", data_dir / "none").returncode == 1


def test_launcher_imports_nothing_heavy() -> None:
    heavy = "any(m in sys.modules for m in ('starlette', 'uvicorn', 'jwt'))"
    code = f"import sys, clearml_flows.localserver.launcher; sys.exit({heavy})"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
