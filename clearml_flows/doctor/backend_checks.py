"""Checks of the backend: configuration, answer, credentials, clock, file server."""

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime

import requests

from clearml_flows.backend.client import Refused, WrongCredentials
from clearml_flows.backend.configuration import CONF_VARIABLE, conf_path, in_force
from clearml_flows.backend.connection import Backend, data_dir, is_embedded, use_embedded, use_server
from clearml_flows.doctor.check_result import CheckInput, CheckResult, failed, ok, skipped, warning
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.localserver.credentials import CONFIG
from clearml_flows.localserver.state import is_locked
from clearml_flows.server.access import access
from clearml_flows.settings import Settings

CLOCK_WARNING = 10.0
CLOCK_FAILED = 300.0
_BYTES = b"written by flows doctor, to be read and removed at once\n"


def check_configuration(settings: Settings) -> CheckResult:
    named = os.environ.get(CONF_VARIABLE)
    if named and not conf_path().is_file() and conf_path() != data_dir(settings) / CONFIG:
        return failed(
            "configuration", f"{CONF_VARIABLE} names {named}, which is no file; unset it, or make it", "flows setup"
        )
    if is_embedded(settings):
        return ok("configuration", f"no server is configured: the embedded backend of {data_dir(settings)} is used")
    found = in_force(settings)
    sources = ", ".join(dict.fromkeys(found.sources.values()))
    said = f"the server {found.api_host}, by {sources}"
    lacking = [name for name in ("web_host", "files_host") if not getattr(found, name)]
    if lacking:
        names = " and ".join(name.replace("_", " ") for name in lacking)
        return warning("configuration", f"{said}, which says nothing of {names}", "flows setup")
    return ok("configuration", said)


def reach(settings: Settings) -> tuple[list[CheckResult], CheckInput | None]:
    """Check that the backend answers and takes the credentials. Does not start it.

    Returns the findings, and the backend for further checks if it is usable.
    """
    if is_embedded(settings):
        return _reach_embedded(settings)
    found = in_force(settings)
    try:
        backend = use_server(settings)
    except WrongCredentials:
        told = f"{found.api_host} does not know the configured key"
        return [ok("backend", f"{found.api_host} answers"), failed("credentials", told, "flows setup")], None
    except Unreachable as failure:
        if not (found.access_key and found.secret_key):
            return [skipped("backend", "no credentials"), failed("credentials", str(failure), "flows setup")], None
        return [failed("backend", str(failure), _start_of(found.api_host, settings)), _unknown()], None
    return _reached(backend, settings, found.files_host)


def _start_of(api_host: str, settings: Settings) -> str:
    """Return the command to start or configure a server that does not answer."""
    with suppress(FlowsError):
        here = access(settings)
        if here and here.api_url.rstrip("/") == api_host:
            return "flows server up --docker"
    return "flows setup --show"


def _reach_embedded(settings: Settings) -> tuple[list[CheckResult], CheckInput | None]:
    status = launcher.status(data_dir(settings))
    if not status.running:
        if is_locked(data_dir(settings)):
            return [
                failed("backend", "the embedded backend runs, but does not answer", "flows server down"),
                _unknown(),
            ], None
        told = "the embedded backend is not running; a run starts it"
        return [warning("backend", told, "flows server up"), _unknown()], None
    backend = use_embedded(
        {"config_file": status.config_file, "api_url": status.api_url, "web_url": status.web_url}, settings
    )
    return _reached(backend, settings, status.files_url or "")


def _reached(backend: Backend, settings: Settings, files_host: str) -> tuple[list[CheckResult], CheckInput]:
    version = "of an unknown release"
    with suppress(Refused):  # a server may lack this request or forbid it
        version = backend.api.call("server.info").get("version") or version
    name = "the embedded backend" if backend.kind == "embedded" else "ClearML Server"
    findings = [
        ok("backend", f"{name} {version} answers at {backend.api.url}"),
        ok("credentials", f"it takes the key {backend.api.access_key[:4]}****"),
    ]
    return findings, CheckInput(settings, backend, files_host)


def _unknown() -> CheckResult:
    return skipped("credentials", "the backend does not answer")


def check_clock(found: CheckInput) -> CheckResult:
    ahead = (found.backend.api.now() - datetime.now(UTC)).total_seconds()
    if abs(ahead) < CLOCK_WARNING:
        return ok("clock", "this machine's clock and the backend's agree")
    told = f"the backend's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    judged = failed if abs(ahead) >= CLOCK_FAILED else warning
    return judged("clock", f"{told}; set the one that is wrong", "timedatectl set-ntp true")


def check_files(found: CheckInput) -> CheckResult:
    """Write a file to the file server, read it and remove it."""
    if not found.files_host:
        return failed("files", "no file server is named", "flows setup")
    if not found.files_host.startswith(("http://", "https://")):
        return skipped(
            "files", f"{found.files_host} is no file server of ClearML's; runs use it with its own credentials"
        )
    path = f"flows-doctor/{secrets.token_hex(8)}.txt"
    headers = {"Authorization": found.backend.api.authorization()}
    seconds = found.settings.clearml.connect_timeout
    url = f"{found.files_host}/{path}"
    with requests.Session() as session:
        session.headers.update(headers)
        try:
            stored = session.post(f"{found.files_host}/", files={path: (path, _BYTES)}, timeout=seconds)
            read = session.get(url, timeout=seconds)
            removed = session.delete(url, timeout=seconds)
        except requests.RequestException as failure:
            told = f"{found.files_host} does not answer ({type(failure).__name__})"
            return failed("files", told, "flows server status")
    return _judged(found.files_host, stored, read, removed)


def _judged(host: str, stored: requests.Response, read: requests.Response, removed: requests.Response) -> CheckResult:
    if not stored.ok:
        return failed("files", f"{host} does not store a file (HTTP {stored.status_code})")
    if not read.ok or read.content != _BYTES:
        return failed("files", f"{host} stored a file and does not give it back (HTTP {read.status_code})")
    if not removed.ok:
        return warning("files", f"{host} stores files and does not remove them (HTTP {removed.status_code})")
    return ok("files", f"{host} stored a file, gave it back and removed it")
