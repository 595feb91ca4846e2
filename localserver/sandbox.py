"""A backend in a temporary folder, which the ClearML SDK of this process and of its children uses.

The SDK is not imported here: a test may not need it, or import it later.
"""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localserver import launcher
from localserver.credentials import load_or_create
from localserver.state import Failure

_PREFIXES = ("CLEARML_", "TRAINS_")
_NO_PROXY = ("NO_PROXY", "no_proxy")
_REPORT_SECONDS = 10.0


@dataclass(frozen=True)
class ClearMLBackend:
    """A running backend. `config_file` is its clearml.conf."""

    api_url: str
    files_url: str
    web_url: str
    config_file: Path
    data_dir: Path
    access_key: str
    secret_key: str

    @property
    def env(self) -> dict[str, str]:
        """Variables for a ClearML client that cannot read `config_file`, such as a container."""
        return {
            "CLEARML_API_HOST": self.api_url,
            "CLEARML_WEB_HOST": self.web_url,
            "CLEARML_FILES_HOST": self.files_url,
            "CLEARML_API_ACCESS_KEY": self.access_key,
            "CLEARML_API_SECRET_KEY": self.secret_key,
        }


@contextmanager
def running_backend(folder: Path) -> Iterator[ClearMLBackend]:
    """Run a backend in `folder` and point the SDK at the backend; remove the folder afterwards. Raises Failure."""
    _check_sdk()
    try:
        # The server ends with this process, also when this process is killed.
        status = launcher.up(folder / "data", parent=os.getpid())
        try:
            with _environment(status.config_file, folder / "cache"):
                yield _described(status)
        finally:
            launcher.down(folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _described(status: launcher.Status) -> ClearMLBackend:
    data_dir = Path(status.data_dir)
    keys = load_or_create(data_dir)
    return ClearMLBackend(
        api_url=str(status.api_url),
        files_url=str(status.files_url),
        web_url=str(status.web_url),
        config_file=Path(status.config_file),
        data_dir=data_dir,
        access_key=keys.access_key,
        secret_key=keys.secret_key,
    )


@contextmanager
def _environment(config_file: str, cache: Path) -> Iterator[None]:
    """Set the variables by which clients use this backend, and put the old ones back at the end."""
    before = _taken_variables()
    # A proxy would be asked for 127.0.0.1, and has nothing there.
    for name in _NO_PROXY:
        os.environ[name] = ",".join(filter(None, [before.get(name), "127.0.0.1", "localhost"]))
    os.environ.update(CLEARML_CONFIG_FILE=config_file, CLEARML_CACHE_DIR=str(cache))
    _forget_session()
    try:
        yield
    finally:
        _send_reports()
        _taken_variables()
        os.environ.update(before)
        _forget_session()


def _taken_variables() -> dict[str, str]:
    """Remove and return ClearML's variables and those of proxies; the SDK sets some of them itself."""
    names = [name for name in os.environ if name.startswith(_PREFIXES) or name in _NO_PROXY]
    return {name: os.environ.pop(name) for name in names}


def _check_sdk() -> None:
    """Refuse an SDK that would not use the backend. Raises Failure."""
    sdk = sys.modules.get("clearml")
    if sdk is None:
        return
    if sdk.Task.is_offline():
        raise Failure("the ClearML SDK is in offline mode; call Task.set_offline(False), or unset CLEARML_OFFLINE_MODE")
    if sys.modules["clearml.config"].running_remotely():
        raise Failure("the ClearML SDK was imported with CLEARML_TASK_ID set; unset that variable for pytest")
    task = sdk.Task.current_task()
    if task is not None:
        raise Failure(f"the ClearML Task {task.name!r} is open in this process; close it before the backend starts")


def _send_reports() -> None:
    """Close the open Task and send what other Tasks have not sent yet: the SDK would retry for ever at its exit."""
    sdk = sys.modules.get("clearml")
    if sdk is None:
        return
    task = sdk.Task.current_task()
    if task is not None:
        task.close()
    reporter_type: Any = sys.modules["clearml.backend_interface.metrics.reporter"].Reporter
    # The SDK has no list of the Tasks of a process. isinstance() would evaluate the SDK's lazy values.
    for reporter in [thing for thing in gc.get_objects() if type(thing) is reporter_type]:
        reporter.flush()
        reporter.wait_for_events(timeout=_REPORT_SECONDS)


def _forget_session() -> None:
    """Make an SDK that is imported read its configuration, and log in, anew at its next request."""
    if "clearml" not in sys.modules:
        return
    config: Any = sys.modules["clearml.config"]
    config.ConfigWrapper._config = None
    config.ConfigSDKWrapper.clear_config_impl()
    base: Any = sys.modules["clearml.backend_interface.base"]
    base.InterfaceBase._default_session = None
    storage: Any = sys.modules["clearml.storage.helper"]
    # Each of these has a cache of its own; the drivers in it hold the token of the backend.
    for helper in (storage._StorageHelper, storage.StorageHelper):
        helper._helpers.clear()
    storage._HttpDriver._file_server_hosts = None
