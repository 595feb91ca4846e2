"""Store a Kaggle token or a kaggle.json where Kaggle's client reads it."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearml_flows.errors import BadInput, FlowsError, Unreachable
from clearml_flows.private_files import read_text, replace_private
from clearml_flows.settings import Settings, load
from clearml_flows.tabular.data.kaggle_source import kaggle_problem, run_kaggle

TOKEN, USER, KEY = "KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"
VERIFY_SECONDS = 20.0
# Kaggle's client authenticates on import and records the method. It silently ignores an invalid token.
_ACCOUNT = """
import contextlib, io, json, sys
from kagglesdk import kaggle_env
endpoint = json.load(sys.stdin)["endpoint"]
if endpoint:
    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.PROD] = endpoint
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    import kaggle
print(json.dumps({"method": kaggle.api.config_values.get("auth_method")}))
"""


@dataclass(frozen=True, repr=False)
class Account:
    """A Kaggle token, or a user name with a key."""

    token: str = ""
    username: str = ""
    key: str = ""

    def variables(self) -> dict[str, str]:
        return {TOKEN: self.token} if self.token else {USER: self.username, KEY: self.key}


def setup_kaggle(account: Account, verify: bool, endpoint: str = "") -> dict[str, Any]:
    """Store the account.

    Args:
        verify: log in to Kaggle first.
        endpoint: another address than Kaggle's.

    Returns:
        `{file, changed, backup, kind, verified, overruled_by}`. `kind` is token or key. `overruled_by` lists variables
        and files that Kaggle's client prefers to this file.

    Raises:
        Unreachable: Kaggle refused the account or did not answer.
        FlowsError: the file cannot be written.
    """
    path = _path(account)
    text = read_text(path)
    new = f"{account.token}\n" if account.token else _kaggle_json(text, path, account)
    if verify:
        check_account(account, load(), endpoint)
    backup = replace_private(path, text, new)
    return {
        "file": str(path),
        "changed": new != text,
        "backup": str(backup) if backup else None,
        "kind": "token" if account.token else "key",
        "verified": verify,
        "overruled_by": _overruling(account),
    }


def read_account(text: str) -> Account:
    """Parse a token, or JSON with username and key. Raises BadInput, without the text."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            found = json.loads(stripped)
        except ValueError:
            raise BadInput("that is neither a token nor a kaggle.json: it is no JSON") from None
        values = [found.get(name) for name in ("username", "key")]
        if not all(isinstance(value, str) and re.fullmatch(r"[!-~]{1,200}", value) for value in values):
            raise BadInput("that is no kaggle.json: it has no username and key")
        return Account(username=values[0], key=values[1])
    if re.fullmatch(r"[0-9a-f]{32}", stripped):
        raise BadInput("that is the key of a kaggle.json without its user; give all that the file holds")
    if not re.fullmatch(r"[!-~]{8,2000}", stripped):
        raise BadInput("that is neither a token of Kaggle's nor what a kaggle.json holds")
    return Account(token=stripped)


def check_account(account: Account, settings: Settings, endpoint: str = "") -> None:
    """Check the account with the main flow's data set.

    Raises Unreachable if Kaggle refuses the account or does not answer.
    """
    flow = settings.flow("churn")
    with tempfile.TemporaryDirectory(prefix="flows-") as folder, _alone(account, folder):
        if account.token and authenticates_by(endpoint) != "ACCESS_TOKEN":
            raise Unreachable("Kaggle does not know this token, or does not answer; nothing was changed")
        order = {"dataset": flow.kaggle_dataset, "file_name": flow.kaggle_file, "path": str(Path(folder, "download"))}
        answer = run_kaggle({**order, "max_bytes": settings.data.max_bytes, "endpoint": endpoint}, VERIFY_SECONDS)
    if answer["outcome"] != "done":
        problem = kaggle_problem(answer, flow.kaggle_dataset, flow.kaggle_file)
        raise Unreachable(f"{problem}; nothing was changed")


def _path(account: Account) -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        raise FlowsError(f"there is no home directory; set HOME, or {TOKEN}") from None
    if account.token:
        return home / ".kaggle" / "access_token"
    if named := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(named).expanduser() / "kaggle.json"
    # Kaggle's client reads ~/.kaggle if that folder exists, else the folder below XDG_CONFIG_HOME.
    other = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "kaggle" / "kaggle.json"
    return other if other.is_file() and not (home / ".kaggle").exists() else home / ".kaggle" / "kaggle.json"


def _kaggle_json(text: str, path: Path, account: Account) -> str:
    """Return the file's settings with this user and key."""
    try:
        known = json.loads(text) if text.strip() else {}
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise FlowsError(f"{path} is not a kaggle.json; move it away first")
    wanted = {**known, "username": account.username, "key": account.key}
    return text if wanted == known else json.dumps(wanted, indent=2) + "\n"


def _overruling(account: Account) -> list[str]:
    found = []
    if os.environ.get(TOKEN) not in (None, "", account.token):
        found.append(TOKEN)
    if not account.token:
        folder = Path.home() / ".kaggle"
        found += [str(path) for name in ("access_token", "access_token.txt") if (path := folder / name).is_file()]
        values: Mapping[str, str] = {USER: account.username, KEY: account.key}
        found += [name for name, value in values.items() if os.environ.get(name) not in (None, "", value)]
    return found


def authenticates_by(endpoint: str = "") -> str:
    """Return the method by which Kaggle's client authenticates: ACCESS_TOKEN, LEGACY_API_KEY, ….

    Empty if it finds no valid account.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _ACCOUNT],
            input=json.dumps({"endpoint": endpoint}),
            capture_output=True,
            text=True,
            timeout=VERIFY_SECONDS,
            check=False,
        )
        return str(json.loads(child.stdout)["method"] or "")
    except (subprocess.TimeoutExpired, ValueError):
        return ""


@contextmanager
def _alone(account: Account, home: str) -> Iterator[None]:
    """Hide all other accounts from Kaggle's client during the block."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(("KAGGLE_", "VERBOSE"))]:
        del os.environ[name]
    os.environ.update({"HOME": home, "USERPROFILE": home, "XDG_CONFIG_HOME": home, **account.variables()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
