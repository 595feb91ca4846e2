"""Connect to the run's ClearML backend: the configured server, else the embedded backend."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from clearml_flows.backend.client import Api
from clearml_flows.backend.configuration import HOSTS, conf_file, in_force, read_conf, text_at
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.project import settings_file
from clearml_flows.settings import ClearML, Settings


@dataclass(frozen=True)
class Backend:
    """A backend that answers and accepts our credentials.

    Attributes:
        environment: variables that make any ClearML client use this backend.
    """

    kind: Literal["embedded", "server"]
    web_url: str
    api: Api
    environment: dict[str, str]


def connect(settings: Settings) -> Backend:
    """Return the backend of this run after a login. Starts the embedded backend if it is down.

    Raises:
        Unreachable: the configured server does not answer or refuses the credentials.
        FlowsError: the embedded backend cannot start.
    """
    if is_embedded(settings):
        return use_embedded(start_embedded(settings), settings)
    return use_server(settings)


def is_embedded(settings: Settings) -> bool:
    """Return whether no server is configured by settings, CLEARML_API_HOST or a clearml.conf."""
    conf = conf_file()
    if settings.clearml.api_host or os.environ.get("CLEARML_API_HOST"):
        return False
    if conf is None or conf == data_dir(settings) / "clearml.conf":
        return True
    return not text_at(read_conf(conf), conf, HOSTS["api_host"])


def data_dir(settings: Settings) -> Path:
    """Return the folder of the embedded backend's and the launcher's files.

    `server.data_dir` is relative to the settings file.
    """
    return settings_file().parent / Path(settings.server.data_dir).expanduser()


def start_embedded(settings: Settings) -> dict[str, Any]:
    """Start the embedded backend unless it is up, and return its status.

    Raises FlowsError with the backend's own message if it cannot start.
    """
    ports = ["--api-port", str(settings.server.api_port), "--files-port", str(settings.server.files_port)]
    command = [
        sys.executable,
        "-m",
        "clearml_flows.localserver",
        "up",
        "--json",
        "--data-dir",
        str(data_dir(settings)),
        *ports,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FlowsError(done.stderr.strip() or f"the embedded backend ended with exit code {done.returncode}")
    return dict(json.loads(done.stdout))


def use_embedded(status: dict[str, Any], settings: Settings) -> Backend:
    """Return the running embedded backend for a status of `start_embedded`. Raises Unreachable."""
    bypass_proxies()
    conf = read_conf(Path(status["config_file"]))
    api = Api(status["api_url"], *_keys(conf), timeout=settings.clearml.connect_timeout)
    api.login()
    return Backend("embedded", status["web_url"], api, {"CLEARML_CONFIG_FILE": status["config_file"]})


def bypass_proxies() -> None:
    """Make this process and its children reach 127.0.0.1 without a proxy.

    A configured proxy would otherwise get these requests and cannot answer them.
    """
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"]))


def use_server(settings: Settings) -> Backend:
    """Return the configured server after a login.

    Raises Unreachable if the server does not answer or refuses the credentials.
    """
    bypass_proxies()
    found = in_force(settings)
    if not (found.access_key and found.secret_key):
        raise Unreachable(
            f"{found.api_host} is configured without credentials; `flows setup` stores some, or set "
            "CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY"
        )
    api = Api(found.api_host, found.access_key, found.secret_key, timeout=settings.clearml.connect_timeout)
    api.login()
    return Backend("server", found.web_host, api, _host_variables(settings.clearml))


def _host_variables(hosts: ClearML) -> dict[str, str]:
    named = {"API": hosts.api_host, "WEB": hosts.web_host, "FILES": hosts.files_host}
    return {f"CLEARML_{name}_HOST": host for name, host in named.items() if host}


def _keys(conf: Any) -> tuple[str, str]:
    return conf["api.credentials.access_key"], conf["api.credentials.secret_key"]
