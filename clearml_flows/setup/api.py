"""Configure the ClearML Server in clearml.conf, after a login check."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from clearml_flows.backend.client import Api, WrongCredentials
from clearml_flows.backend.configuration import CONF_VARIABLE, Configured, conf_path, in_force
from clearml_flows.backend.connection import bypass_proxies, data_dir
from clearml_flows.errors import BadInput, Unreachable
from clearml_flows.localserver.credentials import CONFIG
from clearml_flows.private_files import read_text, replace_private
from clearml_flows.settings import Settings, load
from clearml_flows.setup.conf_block import edited

NAMES = ("api_host", "web_host", "files_host", "access_key", "secret_key")
_PORTS = {"api_host": 8008, "web_host": 8080, "files_host": 8081}
_PREFIXES = {"api_host": "api.", "web_host": "app.", "files_host": "files."}
_KEY = re.compile(r"[!-~]{1,256}")


@dataclass(frozen=True, repr=False)
class Server:
    """A ClearML Server and a user's key. Hosts are URLs without a trailing slash."""

    api_host: str
    web_host: str
    files_host: str
    access_key: str
    secret_key: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Server":
        """Return the server of a user's input, by NAMES. Missing hosts are derived from the others.

        Raises BadInput with the option's name for missing or invalid input.
        """
        return cls(**hosts_of(given), **{name: key(given.get(name, ""), name) for name in ("access_key", "secret_key")})

    def values(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in NAMES}


def setup(server: Server) -> dict[str, Any]:
    """Log in, then write the server into clearml.conf. All other content stays.

    Returns:
        `{file, changed, backup, api_host, web_host, files_host, access_key, answers: {web_host, files_host},
        overruled_by}`. The access key is masked. `answers` has None for a host that answers, else the reason.
        `overruled_by` lists variables and files with other values that take precedence.

    Raises:
        Unreachable: no ClearML API answers at the address, or it refuses the credentials.
        FlowsError: the file is no clearml.conf, or it cannot be written.
    """
    bypass_proxies()
    settings = load()
    path = _target(settings)
    text = read_text(path)
    new = edited(text, server.values(), path)
    check_login(server, settings.clearml.connect_timeout)
    backup = replace_private(path, text, new)
    return {
        "file": str(path),
        "changed": new != text,
        "backup": str(backup) if backup else None,
        **_masked(server.values()),
        "answers": {name: _silence(getattr(server, name), settings) for name in ("web_host", "files_host")},
        "overruled_by": _overruling(server, in_force(settings)),
    }


def show() -> dict[str, Any]:
    """Return the configuration in force, with masked keys.

    Returns:
        `{backend, api_host, …, access_key, secret_key, sources}`.

    Raises:
        FlowsError: clearml.conf cannot be read.
    """
    found = in_force(load())
    values = {name: getattr(found, name) for name in NAMES}
    masked = {**_masked(values), "secret_key": "****" if found.secret_key else ""}
    return {"backend": "server" if found.api_host else "embedded", **masked, "sources": found.sources}


def check_login(server: Server, timeout: float) -> None:
    """Log in to the server. Raises Unreachable, with a hint for the user."""
    api = Api(server.api_host, server.access_key, server.secret_key, timeout)
    try:
        api.login()
    except WrongCredentials:
        raise WrongCredentials(
            f"{server.api_host} does not know this access key with this secret key; "
            "nothing was changed: make new ones on its page (Settings, Workspace)"
        ) from None
    except Unreachable as failure:
        instead = derived({"web_host": server.api_host}, "api_host")
        hint = f"; that is where its page is, the API may be at {instead}" if instead else ""
        raise Unreachable(f"{failure}; nothing was changed{hint}") from None
    finally:
        api.close()


def hosts_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the three hosts. Missing ones are derived from the others. Raises BadInput."""
    hosts = {name: host(given[name], option(name)) for name in _PORTS if given.get(name)}
    for name in _PORTS:
        if name not in hosts:
            hosts[name] = derived(hosts, name) or _missing(name)
    return hosts


def host(given: str, where: str) -> str:
    """Return the URL without a trailing slash. Raises BadInput for an invalid URL."""
    url = given.strip()
    if not re.match(r"https?://", url, re.IGNORECASE):
        scheme = "https" if not _is_local(url) else "http"
        raise BadInput(f"{where} is {url[:200]!r}, which is no URL: did you mean {scheme}://{url[:200]}?")
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
        fits = parts.port != 0 and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        fits = False
    if not fits or re.search(r'[^!-~]|["\\]', url):
        raise BadInput(f"{where} is no URL of a server; expected a URL such as http://localhost:8008")
    if "@" in parts.netloc:
        raise BadInput(f"{where} has a user or a password in it; give the keys as keys")
    return url


def key(given: str, name: str) -> str:
    """Return the stripped key. Raises BadInput, without the value, if it is missing or invalid."""
    if not given.strip():
        return _missing(name)
    if not _KEY.fullmatch(given.strip()):
        raise BadInput(f"the {name.replace('_', ' ')} has characters that no key of ClearML's has, or too many")
    return given.strip()


def derived(hosts: Mapping[str, str], name: str) -> str:
    """Derive a host from the others by ClearML's ports or subdomains. Empty if that is unclear."""
    for other, url in hosts.items():
        if other not in _PORTS:
            continue
        parts = urlsplit(url)
        if parts.port == _PORTS[other]:
            return url.replace(f":{_PORTS[other]}", f":{_PORTS[name]}")
        if (parts.hostname or "").startswith(_PREFIXES[other]):
            return url.replace(f"://{_PREFIXES[other]}", f"://{_PREFIXES[name]}", 1)
    return ""


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def label() -> str:
    """Return the label of a new key on the server's page."""
    return f"clearml-flows on {socket.gethostname()}"


def _target(settings: Settings) -> Path:
    path = conf_path()
    own = data_dir(settings) / CONFIG
    if os.path.realpath(path) == os.path.realpath(own):
        raise BadInput(
            f"{CONF_VARIABLE} names {path}, which the embedded backend writes anew at each start; "
            "unset it, or name another file"
        )
    return path


def _missing(name: str) -> str:
    if name == "secret_key":
        raise BadInput(
            "there is no secret key; give it with --secret-stdin or CLEARML_API_SECRET_KEY, or run this at a terminal"
        )
    raise BadInput(f"{option(name)} is missing; give it, or run this at a terminal to be asked")


def _is_local(url: str) -> bool:
    return bool(re.match(r"(localhost|127\.|\[::1\]|[^./]+(:|$)|.*:(8008|8080|8081)$)", url))


def _masked(values: Mapping[str, str]) -> dict[str, str]:
    told = {name: values[name] for name in NAMES if name != "secret_key"}
    shown = told["access_key"]
    return {**told, "access_key": f"{shown[:4]}****" if shown else ""}


def _silence(url: str, settings: Settings) -> str | None:
    """Return the reason why a host does not answer, or None for any answer."""
    try:
        requests.get(url, timeout=settings.clearml.connect_timeout, allow_redirects=False, stream=True).close()
    except requests.Timeout:
        return "no answer in time"
    except requests.RequestException as failure:
        return "connection refused or lost" if isinstance(failure, requests.ConnectionError) else type(failure).__name__
    return None


def _overruling(server: Server, found: Configured) -> list[str]:
    differing = [name for name in NAMES if getattr(found, name) != getattr(server, name)]
    return sorted({found.sources[name] for name in differing if name in found.sources})
