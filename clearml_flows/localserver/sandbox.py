"""A backend in a temporary folder for the ClearML SDK of this process and its children.

This module does not import the SDK: a test may not need it, or may import it later.
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

from clearml_flows.localserver import launcher
from clearml_flows.localserver.credentials import load_or_create
from clearml_flows.localserver.state import Failure

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
        """Environment variables for clients that cannot read `config_file`, such as containers."""
        return {
            "CLEARML_API_HOST": self.api_url,
            "CLEARML_WEB_HOST": self.web_url,
            "CLEARML_FILES_HOST": self.files_url,
            "CLEARML_API_ACCESS_KEY": self.access_key,
            "CLEARML_API_SECRET_KEY": self.secret_key,
        }


@contextmanager
def running_backend(folder: Path) -> Iterator[ClearMLBackend]:
    """Run a backend in `folder`, configure the SDK for it, and remove the folder at the end.

    Raises:
        Failure: The backend did not start, or the SDK's state prevents its use.
    """
    _check_sdk()
    try:
        # With `parent`, the server also ends if this process is killed.
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
    """Set the environment variables of this backend and restore the old ones at the end."""
    before = _taken_variables()
    # Without this, requests to 127.0.0.1 would go through a configured proxy.
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
    """Remove and return ClearML and no-proxy variables. The SDK sets some of them itself."""
    names = [name for name in os.environ if name.startswith(_PREFIXES) or name in _NO_PROXY]
    return {name: os.environ.pop(name) for name in names}


def _check_sdk() -> None:
    """Check that the imported SDK can use the backend; raises Failure."""
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
    """Close the current Task and send all pending reports.

    Otherwise the SDK would retry without end at exit, when the backend is gone.
    """
    sdk = sys.modules.get("clearml")
    if sdk is None:
        return
    task = sdk.Task.current_task()
    if task is not None:
        task.close()
    reporter_type: Any = sys.modules["clearml.backend_interface.metrics.reporter"].Reporter
    # The SDK has no list of a process's Tasks. isinstance() would evaluate the SDK's lazy values.
    for reporter in [thing for thing in gc.get_objects() if type(thing) is reporter_type]:
        reporter.flush()
        reporter.wait_for_events(timeout=_REPORT_SECONDS)


def _forget_session() -> None:
    """Make an imported SDK reload its configuration and log in again at its next request."""
    if "clearml" not in sys.modules:
        return
    config: Any = sys.modules["clearml.config"]
    config.ConfigWrapper._config = None
    config.ConfigSDKWrapper.clear_config_impl()
    base: Any = sys.modules["clearml.backend_interface.base"]
    base.InterfaceBase._default_session = None
    storage: Any = sys.modules["clearml.storage.helper"]
    # Each class has its own cache of drivers, which hold the backend's token.
    for helper in (storage._StorageHelper, storage.StorageHelper):
        helper._helpers.clear()
    storage._HttpDriver._file_server_hosts = None
