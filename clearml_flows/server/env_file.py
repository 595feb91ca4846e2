"""The .env of the compose file: secrets and values of settings.toml.

Secrets are made once. The values of settings.toml are written again at each start.
"""

import base64
import json
import os
import re
import secrets
import string
import uuid
from pathlib import Path

import bcrypt

from clearml_flows.errors import FlowsError
from clearml_flows.settings import Docker

USER = "flows"
_HEAD = """\
# Made by `flows server up --docker`. The secrets were made once and are nowhere else: keep a copy of this file. The
# lines of the second part are written anew at each start, from [docker] of settings.toml.
"""
_SECOND = "\n# From settings.toml, and about the data.\n"
# A quoted value may have any character except a quote.
_LINE = re.compile(r"([A-Z0-9_]+)=(?:'([^']*)'|([^'\"\s]*))")
_LETTERS = string.ascii_letters + string.digits
_PARTS = ("APISERVER", "FILESERVER", "WEBSERVER", "TESTS", "AGENT")
# ClearML's manual: 30 characters for a key, 50 to 60 for a secret.
SECRETS = {
    "SERVER_SESSION_SECRET": 60,
    "SERVER_TOKEN_SECRET": 60,
    **{f"SERVER_{part}_KEY": 30 for part in _PARTS},
    **{f"SERVER_{part}_SECRET": 60 for part in _PARTS},
    "SERVER_PASSWORD": 24,
}
# Users may choose a shorter password.
_SHORTEST = SECRETS | {"SERVER_PASSWORD": 1}
# Not in settings.toml, so kept from the file: secrets, the users' hashes and the generation of volumes in use.
KEPT = (*SECRETS, "SERVER_USERS", "SERVER_GENERATION")


def new() -> dict[str, str]:
    """Return new secrets, the user `flows` with a password, and generation 1 of the volumes."""
    made = {name: "".join(secrets.choice(_LETTERS) for _ in range(length)) for name, length in SECRETS.items()}
    user = {"username": USER, "password": hashed(made["SERVER_PASSWORD"]), "name": USER}
    return made | {"SERVER_USERS": json.dumps([user]), "SERVER_GENERATION": "1"}


def hashed(password: str) -> str:
    """Return a password hash for the server's fixed users: bcrypt in base64."""
    return base64.b64encode(bcrypt.hashpw(password.encode(), bcrypt.gensalt())).decode()


def read(path: Path) -> dict[str, str] | None:
    """Return the values of the file, or None if there is no file.

    Raises FlowsError if the file cannot be read or if values are missing. The message names them.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise FlowsError(f"{path} cannot be read ({error}); put back a copy of it") from None
    found = filter(None, (_LINE.fullmatch(line.strip()) for line in text.splitlines()))
    values: dict[str, str] = {line[1]: line[2] or line[3] or "" for line in found}
    missing = [name for name in KEPT if len(values.get(name, "")) < _SHORTEST.get(name, 1)]
    if missing:
        raise FlowsError(
            f"{path} is not whole, it lacks {', '.join(missing)}; put back a copy of it or, if this server holds "
            "nothing yet, remove the file and start again"
        )
    _check_lines(path, text)
    return values


def _check_lines(path: Path, text: str) -> None:
    """Raise FlowsError for a line that is no assignment: it would be lost at the next write."""
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line and not line.startswith("#") and not _LINE.fullmatch(line):
            raise FlowsError(f"line {number} of {path} is not NAME='value'; mend or remove it")


def write(path: Path, values: dict[str, str]) -> None:
    """Replace the file atomically, with mode 0600. Raises FlowsError if that fails."""
    if any(set("'\n") & set(value) for value in values.values()):
        raise FlowsError(f"{path} can hold no single quote and no line break in a value; take another one")
    lines = {name: f"{name}='{value}'\n" for name, value in values.items()}
    kept = "".join(lines[name] for name in KEPT)
    text = _HEAD + kept + _SECOND + "".join(line for name, line in lines.items() if name not in KEPT)
    draft = path.with_name(f".env.{uuid.uuid4().hex[:8]}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise FlowsError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


def from_settings(docker: Docker) -> dict[str, str]:
    """Return the lines of the file that come from settings.toml."""
    hosts = addresses(docker)
    public = bool(docker.web_host)
    # On this machine the page is opened with either name.
    origins = [hosts["web"]] if public else [hosts["web"], hosts["web"].replace("localhost", "127.0.0.1")]
    domain = _shared_domain([*hosts.values()]) if public else None
    return {
        "SERVER_PROJECT": docker.project,
        "SERVER_API_PORT": str(docker.api_port),
        "SERVER_WEB_PORT": str(docker.web_port),
        "SERVER_FILES_PORT": str(docker.files_port),
        "SERVER_API_HOST": hosts["api"],
        "SERVER_WEB_HOST": hosts["web"],
        "SERVER_FILES_HOST": hosts["files"],
        "SERVER_ORIGINS": json.dumps(origins),
        "SERVER_COOKIE_SECURE": json.dumps(hosts["web"].startswith("https:")),
        "SERVER_COOKIE_DOMAIN": json.dumps(domain),
        "SERVER_ELASTIC_MEMORY": docker.elastic_memory,
        "SERVER_MONGO_MEMORY": docker.mongo_memory,
        "SERVER_API_MEMORY": docker.api_memory,
        "SERVER_AGENT_MEMORY": docker.agent_memory,
    }


def addresses(docker: Docker) -> dict[str, str]:
    """Return the URLs of api, web and files. Raises FlowsError if only some hosts are set."""
    named = {"api": docker.api_host, "web": docker.web_host, "files": docker.files_host}
    if any(named.values()) and not all(named.values()):
        unnamed = ", ".join(f"docker.{name}_host" for name, host in named.items() if not host)
        raise FlowsError(f"settings.toml names some hosts of the server and not {unnamed}; name all three, or none")
    ports = {"api": docker.api_port, "web": docker.web_port, "files": docker.files_port}
    return {name: host or f"http://localhost:{ports[name]}" for name, host in named.items()}


def _shared_domain(hosts: list[str]) -> str | None:
    """Return the domain above app., api. and files. with a leading dot.

    Returns None if they share no domain, or only a top-level domain.
    """
    above = {host.split("//")[1].split(":")[0].partition(".")[2] for host in hosts}
    domain = above.pop()
    return f".{domain}" if not above and "." in domain else None
