"""Which ClearML backend a run uses: the server that is configured, else the embedded one, started if need be."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flows.api import Api
from flows.errors import FlowsError, Unreachable
from flows.settings import ClearML, Settings, settings_file


@dataclass(frozen=True)
class Backend:
    """A backend that answers and takes our credentials; `environment` makes any ClearML client use it."""

    kind: Literal["embedded", "server"]
    web_url: str
    api: Api
    environment: dict[str, str]


def connect(settings: Settings) -> Backend:
    """The backend of this run, checked.

    Raises Unreachable if a configured server does not answer or refuses the credentials, FlowsError if the embedded
    backend cannot start.
    """
    if is_embedded(settings):
        return use_embedded(start_embedded(settings), settings)
    return _server(settings.clearml)


def is_embedded(settings: Settings) -> bool:
    """Whether no server is configured: neither by settings, nor by CLEARML_API_HOST, nor by a clearml.conf."""
    conf = _conf_file()
    if settings.clearml.api_host or os.environ.get("CLEARML_API_HOST"):
        return False
    return conf is None or conf == data_dir(settings) / "clearml.conf" or not _conf(conf).get("api.api_server", "")


def data_dir(settings: Settings) -> Path:
    """Where the embedded backend and the launcher keep their files; relative to the settings file."""
    return settings_file().parent / Path(settings.server.data_dir).expanduser()


def start_embedded(settings: Settings) -> dict[str, Any]:
    """Start the embedded backend unless it is up; its status. Raises FlowsError, in its words, if it cannot start."""
    ports = ["--api-port", str(settings.server.api_port), "--files-port", str(settings.server.files_port)]
    command = [sys.executable, "-m", "localserver", "up", "--json", "--data-dir", str(data_dir(settings)), *ports]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FlowsError(done.stderr.strip() or f"the embedded backend ended with exit code {done.returncode}")
    return dict(json.loads(done.stdout))


def use_embedded(status: dict[str, Any], settings: Settings) -> Backend:
    """The embedded backend that runs, from its status as `start_embedded` tells it. Raises Unreachable."""
    _bypass_proxies()
    conf = _conf(Path(status["config_file"]))
    api = Api(status["api_url"], *_keys(conf), timeout=settings.clearml.connect_timeout)
    api.login()
    return Backend("embedded", status["web_url"], api, {"CLEARML_CONFIG_FILE": status["config_file"]})


def _bypass_proxies() -> None:
    """A proxy of the company's would be asked for 127.0.0.1, and have nothing there."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def _server(hosts: ClearML) -> Backend:
    path = _conf_file()
    conf = _conf(path) if path else {}
    api_url = hosts.api_host or os.environ.get("CLEARML_API_HOST") or conf.get("api.api_server", "")
    web_url = hosts.web_host or os.environ.get("CLEARML_WEB_HOST") or conf.get("api.web_server", "")
    access_key = os.environ.get("CLEARML_API_ACCESS_KEY") or conf.get("api.credentials.access_key", "")
    secret_key = os.environ.get("CLEARML_API_SECRET_KEY") or conf.get("api.credentials.secret_key", "")
    if not (access_key and secret_key):
        raise Unreachable(
            f"{api_url} is configured without credentials; set CLEARML_API_ACCESS_KEY "
            "and CLEARML_API_SECRET_KEY or use clearml.conf"
        )
    api = Api(api_url.rstrip("/"), access_key, secret_key, timeout=hosts.connect_timeout)
    api.login()
    return Backend("server", web_url.rstrip("/"), api, _host_variables(hosts))


def _host_variables(hosts: ClearML) -> dict[str, str]:
    named = {"API": hosts.api_host, "WEB": hosts.web_host, "FILES": hosts.files_host}
    return {f"CLEARML_{name}_HOST": host for name, host in named.items() if host}


def _conf_file() -> Path | None:
    named = os.environ.get("CLEARML_CONFIG_FILE")
    path = Path(named).expanduser() if named else Path.home() / "clearml.conf"
    return path if path.is_file() else None


def _conf(path: Path) -> Any:
    # Imported here: it takes a second, and not every command needs it.
    from clearml.utilities.pyhocon import ConfigFactory
    from pyparsing import ParseBaseException

    try:
        return ConfigFactory.parse_file(str(path))
    except ParseBaseException as wrong:
        raise FlowsError(f"{path} is not a clearml.conf: {wrong}") from None


def _keys(conf: Any) -> tuple[str, str]:
    return conf["api.credentials.access_key"], conf["api.credentials.secret_key"]
