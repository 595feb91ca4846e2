"""Find the configured ClearML Server: its hosts, its credentials, and the source of each."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearml_flows.errors import FlowsError
from clearml_flows.project import settings_file
from clearml_flows.settings import Settings, variable

CONF_VARIABLE = "CLEARML_CONFIG_FILE"
HOSTS = {"api_host": "api.api_server", "web_host": "api.web_server", "files_host": "api.files_server"}
KEYS = {"access_key": "api.credentials.access_key", "secret_key": "api.credentials.secret_key"}
VARIABLES = {
    "api_host": "CLEARML_API_HOST",
    "web_host": "CLEARML_WEB_HOST",
    "files_host": "CLEARML_FILES_HOST",
    "access_key": "CLEARML_API_ACCESS_KEY",
    "secret_key": "CLEARML_API_SECRET_KEY",
}


@dataclass(frozen=True, repr=False)
class Configured:
    """Hosts and credentials in force. Values that are not configured are empty.

    Attributes:
        sources: the variable or file of each value that is not empty.
    """

    api_host: str
    web_host: str
    files_host: str
    access_key: str
    secret_key: str
    sources: dict[str, str]


def in_force(settings: Settings) -> Configured:
    """Return the configuration in force.

    Settings override the environment, which overrides clearml.conf. Raises FlowsError if clearml.conf cannot be read.
    """
    path = conf_file()
    conf = read_conf(path) if path else {}
    found = {name: _host(settings, conf, path, name) for name in HOSTS}
    found |= {name: _outside(conf, path, name, place) for name, place in KEYS.items()}
    values = {name: value for name, (value, _) in found.items()}
    return Configured(**values, sources={name: source for name, (value, source) in found.items() if value})


def conf_path() -> Path:
    """Return the path of this user's clearml.conf, which may not exist.

    Raises FlowsError if there is no home directory.
    """
    named = os.environ.get(CONF_VARIABLE)
    try:
        return Path(named).expanduser() if named else Path.home() / "clearml.conf"
    except RuntimeError:
        raise FlowsError(f"there is no home directory; set HOME, or name a clearml.conf with {CONF_VARIABLE}") from None


def conf_file() -> Path | None:
    """Return this user's clearml.conf, or None if there is no such file.

    Raises FlowsError if the path cannot be checked.
    """
    try:
        path = conf_path()
    except FlowsError:  # no home directory, so no file
        return None
    try:
        return path if path.is_file() else None
    except OSError as wrong:
        raise FlowsError(f"{path} cannot be checked: {wrong.strerror or wrong}") from None


def read_conf(path: Path) -> Any:
    """Return the file as a tree: `tree.get("api.api_server", "")`.

    Raises FlowsError with the file's name if it is not HOCON.
    """
    try:
        return parse_conf(path.read_bytes().decode("utf-8"), path)
    except OSError as wrong:
        raise FlowsError(f"{path} cannot be read: {wrong.strerror or wrong}") from None
    except UnicodeDecodeError:
        raise FlowsError(f"{path} is not a clearml.conf: it is not UTF-8 text") from None


def parse_conf(text: str, path: Path) -> Any:
    """Return the tree of a clearml.conf's text, from ClearML's own parser.

    Raises FlowsError with `path` and the position of the error. It never shows the text, which may hold secrets.
    """
    # Imported here: the import takes a second, and not every command needs it.
    from clearml.utilities.pyhocon import ConfigFactory, ConfigTree
    from clearml.utilities.pyhocon.exceptions import ConfigException
    from pyparsing import ParseBaseException

    try:
        tree = ConfigFactory.parse_string(text, str(path.parent))
    except ParseBaseException as wrong:
        raise FlowsError(f"{path} is not a clearml.conf: see line {wrong.lineno}, column {wrong.column}") from None
    except (ConfigException, AttributeError, LookupError, TypeError, ValueError, RecursionError) as wrong:
        # The parser does not turn its own failures on strange texts into one exception class.
        raise FlowsError(f"{path} is not a clearml.conf: its parser fails with {type(wrong).__name__}") from None
    if not isinstance(tree, ConfigTree):
        raise FlowsError(f"{path} is not a clearml.conf: it holds a list")
    return tree


def text_at(conf: Any, path: Path | None, place: str) -> str:
    """Return the tree's text at a path like `api.api_server`. Empty if there is none.

    Raises FlowsError if the value is an object or a list.
    """
    if not conf:
        return ""
    from clearml.utilities.pyhocon.exceptions import ConfigException

    try:
        found = conf.get(place, None)
    except ConfigException:
        found = []
    if isinstance(found, dict | list):
        raise FlowsError(f"{path}: expected a text at {place}, got an object or a list; edit it, or run `flows setup`")
    return str(found or "")


def _host(settings: Settings, conf: Any, path: Path | None, name: str) -> tuple[str, str]:
    key = f"clearml.{name}"
    if chosen := getattr(settings.clearml, name):
        return chosen.rstrip("/"), variable(key) if variable(key) in os.environ else str(settings_file())
    value, source = _outside(conf, path, name, HOSTS[name])
    return value.rstrip("/"), source


def _outside(conf: Any, path: Path | None, name: str, place: str) -> tuple[str, str]:
    if value := os.environ.get(VARIABLES[name]):
        return value, VARIABLES[name]
    return text_at(conf, path, place), str(path)
