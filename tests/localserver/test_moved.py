"""Stored files are got by the SDK wherever the server of their data directory listens now."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.localserver import launcher
from clearml_flows.localserver.backup import backup
from clearml_flows.localserver.launcher import Status
from clearml_flows.localserver.restore import restore
from tests.support.backend import Backend

CHILD = Path(__file__).parent / "children" / "stored_files.py"


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[list[Path]]:
    folders = [tmp_path / name for name in ("first", "second")]
    yield folders
    for folder in folders:
        launcher.down(folder)


def run(status: Status, *arguments: str, keys_only: bool = False) -> dict[str, Any]:
    """What the child told: of a home of its own, so that no file comes from a cache."""
    home = Path(status.data_dir).parent / f"home-{len(list(Path(status.data_dir).parent.iterdir()))}"
    home.mkdir()
    environment = Backend(status, home).env()
    if keys_only:
        config = Path(environment.pop("CLEARML_CONFIG_FILE")).read_text()
        keys = dict(re.findall(r'(access_key|secret_key): "(\w+)"', config))
        environment |= {f"CLEARML_API_{name.upper()}": value for name, value in keys.items()}
        environment |= {"CLEARML_API_HOST": str(status.api_url), "CLEARML_FILES_HOST": str(status.files_url)}
    done = subprocess.run(
        [sys.executable, str(CHILD), *arguments], cwd=home, env=environment, capture_output=True, text=True, timeout=120
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("told:")]
    assert told, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(told[0].removeprefix("told:"))
    return found


def readable(status: Status) -> dict[str, Any]:
    """What is read from a server of whatever ports."""
    link = f"{status.files_url}/moved/writes."
    return {
        "artifact": {"a": 1},
        "model": 700,
        "image": 108,
        "dataset": "a,b\n1,2\n",
        "destination": status.files_url,
        "link": link,
    }


def check(status: Status, ids: dict[str, str], keys_only: bool = False) -> None:
    found = run(status, "read", ids["task"], ids["model"], ids["dataset"], keys_only=keys_only)
    link = f"{status.files_url}/moved/writes.{ids['task']}/artifacts/numbers/numbers.json"
    assert found == {**readable(status), "link": link}


def test_files_are_read_after_moves_restores_and_swaps(folders: list[Path], tmp_path: Path) -> None:
    first, second = folders
    started = launcher.up(first)
    ids = run(started, "write")

    launcher.down(first)
    moved = launcher.up(first, *free_ports(tmp_path))
    assert moved.files_url != started.files_url
    check(moved, ids)

    # The restored one remembers the ports of the first, which still runs.
    backup(first, tmp_path / "backup")
    restore(second, tmp_path / "backup")
    copy = launcher.up(second)
    assert copy.files_url not in (moved.files_url, started.files_url)
    launcher.down(first)
    check(copy, ids, keys_only=True)

    launcher.down(second)
    swapped = launcher.up(second, *ports_of(moved)), launcher.up(first, *ports_of(copy))
    assert [status.files_url for status in swapped] == [moved.files_url, copy.files_url]
    check(swapped[0], ids)


def free_ports(tmp_path: Path) -> tuple[int, int]:
    """Two ports that another directory would choose."""
    other = launcher.up(tmp_path / "other")
    launcher.down(tmp_path / "other")
    return ports_of(other)


def ports_of(status: Status) -> tuple[int, int]:
    api, files = (int(str(url).rpartition(":")[2]) for url in (status.api_url, status.files_url))
    return api, files
