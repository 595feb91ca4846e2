"""The pytest plugin, as a project that has nothing to do with this one uses it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from clearml_flows.localserver.sandbox import running_backend
from clearml_flows.localserver.state import Failure, read_state

FOREIGN = Path(__file__).parent / "foreign"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of a foreign project in a folder of its own."""
    return Path(shutil.copytree(FOREIGN, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))


def run_pytest(project: Path, *arguments: str) -> str:
    """Run pytest in a project as its owner would; the plugin is found by its entry point."""
    home = project.parent / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=project,
        env={**os.environ, "HOME": str(home), "USERPROFILE": str(home), "CLEARML_API_HOST": "http://127.0.0.1:9"},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_a_foreign_project(project: Path) -> None:
    run_pytest(project, f"--basetemp={project.parent / 'temporary'}", "shop_checks.py")
    backends = [json.loads(line) for line in (project / "backends.jsonl").read_text().splitlines()]
    assert len({backend["data_dir"] for backend in backends}) == 3
    assert not any(psutil.pid_exists(backend["pid"]) for backend in backends)
    assert not any(Path(backend["data_dir"]).parent.exists() for backend in backends)
    assert sorted(path.name for path in project.iterdir() if path.suffix != ".py") == ["backends.jsonl"]


def test_a_backend_for_each_worker(project: Path) -> None:
    run_pytest(project, "-n2", "worker_checks.py")
    assert (project / "worker-0").read_text() != (project / "worker-1").read_text()


def test_loading_the_plugin_loads_nothing_else() -> None:
    loaded = "import clearml_flows.localserver.pytest_plugin; print(*set(sys.modules) - before)"
    script = f"import pytest, sys; before = set(sys.modules); {loaded}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {
        "clearml_flows",
        "clearml_flows.localserver",
        "clearml_flows.localserver.pytest_plugin",
    }


def test_environment_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "clearml", raising=False)
    monkeypatch.setenv("CLEARML_API_HOST", "http://mine")
    monkeypatch.setenv("NO_PROXY", "example.org")
    before = dict(os.environ)
    with running_backend(tmp_path / "sandbox") as backend:
        assert "CLEARML_API_HOST" not in os.environ
        assert os.environ["CLEARML_CONFIG_FILE"] == str(backend.config_file)
        assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost"
        assert backend.env["CLEARML_API_HOST"] == backend.api_url
        os.environ["CLEARML_PROC_MASTER_ID"] = "left by the SDK"
        state = read_state(backend.data_dir)
        assert state is not None
    assert dict(os.environ) == before
    assert [psutil.pid_exists(state.pid), (tmp_path / "sandbox").exists()] == [False, False]


@pytest.mark.parametrize(
    ("offline", "remote", "task", "message"),
    [
        (True, False, None, "offline mode"),
        (False, True, None, "CLEARML_TASK_ID"),
        (False, False, SimpleNamespace(name="mine"), "the ClearML Task 'mine' is open in this process"),
    ],
)
def test_refuses_an_sdk_that_is_busy_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: bool, remote: bool, task: Any, message: str
) -> None:
    sdk = SimpleNamespace(Task=SimpleNamespace(is_offline=lambda: offline, current_task=lambda: task))
    monkeypatch.setitem(sys.modules, "clearml", sdk)
    monkeypatch.setitem(sys.modules, "clearml.config", SimpleNamespace(running_remotely=lambda: remote))
    with pytest.raises(Failure, match=message):
        running_backend(tmp_path / "sandbox").__enter__()
    assert not (tmp_path / "sandbox").exists()
