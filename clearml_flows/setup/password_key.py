"""Make a key on the server for a user with a password (`--docker` and `--user NAME`)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from clearml_flows.backend.client import Api, WrongCredentials
from clearml_flows.backend.configuration import HOSTS, KEYS, conf_path, parse_conf, text_at
from clearml_flows.backend.connection import bypass_proxies
from clearml_flows.errors import FlowsError, Unreachable
from clearml_flows.private_files import read_text
from clearml_flows.server.access import access
from clearml_flows.settings import load
from clearml_flows.setup.api import Server, label, setup
from clearml_flows.setup.conf_block import edited


def setup_docker() -> dict[str, Any]:
    """Set up the server of `flows server up --docker`, with the first user of its .env.

    Returns:
        The result of `setup_by_password`.

    Raises:
        Unreachable: the server does not answer, or its password differs from the .env.
        FlowsError: no server is set up here, or clearml.conf cannot be edited. No new key remains then.
    """
    found = access(load())
    if found is None:
        raise FlowsError("no server was set up here; `flows server up --docker` does it")
    hosts = {"api_host": found.api_url, "web_host": found.web_url, "files_host": found.files_url}
    try:
        return setup_by_password(hosts, found.password, found.user)
    except WrongCredentials:
        raise WrongCredentials(
            f"{found.api_url} does not take the password that its .env here has: another server answers there, or its "
            "user was changed by hand; nothing was changed"
        ) from None


def setup_by_password(hosts: Mapping[str, str], password: str, user: str) -> dict[str, Any]:
    """Store a key of this user in clearml.conf. Makes a new key unless the stored one is valid.

    The server must have users with passwords (fixed users).

    Returns:
        The result of `setup.api.setup`, and `new_key`: whether a key was made.

    Raises:
        Unreachable: the server does not answer, or refuses the password.
        FlowsError: clearml.conf cannot be edited. No new key remains then.
    """
    bypass_proxies()
    seconds = load().clearml.connect_timeout
    urls = {name: url.rstrip("/") for name, url in hosts.items()}
    # Check that clearml.conf can be edited before the server makes a key.
    path = conf_path()
    edited(read_text(path), {**urls, "access_key": "x", "secret_key": "x"}, path)
    api = Api(urls["api_host"], user, password, seconds)
    try:
        # Check the password even if the stored key is valid, so that a wrong password is reported.
        _check_password(api)
        if stored := _stored(urls, seconds):
            return {**setup(stored), "new_key": False}
        key = _made(api)
        try:
            return {**setup(Server(**urls, **key)), "new_key": True}
        except BaseException:
            with suppress(FlowsError):
                api.call("auth.revoke_credentials", access_key=key["access_key"])
            raise
    finally:
        api.close()


def _stored(hosts: Mapping[str, str], seconds: float) -> Server | None:
    """Return the server with the key in clearml.conf.

    Returns None if the key is invalid or for another server.
    """
    path = conf_path()
    text = read_text(path)
    conf = parse_conf(text, path) if text.strip() else {}
    if text_at(conf, path, HOSTS["api_host"]).rstrip("/") != hosts["api_host"]:
        return None
    known = Server(**hosts, **{name: text_at(conf, path, place) for name, place in KEYS.items()})
    api = Api(known.api_host, known.access_key, known.secret_key, seconds)
    try:
        api.login()
    except WrongCredentials:
        return None
    finally:
        api.close()
    return known


def _check_password(api: Api) -> None:
    try:
        api.login()
    except WrongCredentials:
        raise WrongCredentials(f"{api.url} does not know this user with this password; nothing was changed") from None
    except Unreachable as failure:
        raise Unreachable(f"{failure}; nothing was changed") from None


def _made(api: Api) -> dict[str, str]:
    try:
        found = api.call("auth.create_credentials", label=label()).get("credentials") or {}
    except Unreachable as failure:
        raise Unreachable(f"{failure}; nothing was changed") from None
    key = {name: str(found.get(name) or "") for name in ("access_key", "secret_key")}
    if not all(key.values()):
        raise FlowsError(f"{api.url} made no key; make one on its page (Settings, Workspace) and run `flows setup`")
    return key
