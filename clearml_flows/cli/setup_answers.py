"""Input of `flows setup`: from options, environment, stdin, and questions at a terminal."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from clearml_flows.backend.configuration import VARIABLES, in_force
from clearml_flows.cli.dialogue import ask, ask_block, ask_secret, is_attended, read_stdin
from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.private_files import read_text
from clearml_flows.settings import load
from clearml_flows.setup.api import derived, host, hosts_of, key, option
from clearml_flows.setup.conf_block import pasted
from clearml_flows.setup.kaggle_account import KEY, TOKEN, USER, Account, read_account

PASTE = (
    "Paste the block api { … } that the server's page shows for new credentials (Settings, Workspace),\n"
    "or press Enter to be asked for each part"
)
QUESTIONS = {"api_host": "API", "web_host": "Pages", "files_host": "File server"}
USUAL = "http://localhost:8008"
KAGGLE = "Paste an API token of https://www.kaggle.com/settings, or what a kaggle.json holds"
Answers = dict[str, str]


def complete(options: Mapping[str, str], secret_from_stdin: bool) -> Answers:
    """Return the values that were given or entered, by `NAMES` of clearml_flows/setup/api.py.

    Raises:
        BadInput: stdin is empty, or the pasted text is no api block.
        KeyboardInterrupt, EOFError, click.Abort: the user cancelled.
    """
    found = {name: value for name, value in options.items() if value}
    if secret_from_stdin:
        return _with(found, read_stdin(), "stdin")
    if secret := os.environ.get(VARIABLES["secret_key"]):
        found["secret_key"] = secret
    if found.keys() >= {"api_host", "access_key", "secret_key"} or not is_attended():
        return found
    if not found.keys() & {"api_host", "access_key"} and (block := ask_block(PASTE)):
        found = _with(found, block, "what was pasted")
    return _asked(found)


def complete_user(options: Mapping[str, str], user: str, secret_from_stdin: bool) -> tuple[Answers, str]:
    """Return the hosts and the password of this user. Raises as `complete`."""
    if not re.fullmatch(r"[^\s:]{1,100}", user):
        raise BadInput("--user is no name of a user: it has a blank or a colon, or nothing")
    given = {name: value for name, value in options.items() if name in QUESTIONS and value}
    asking = is_attended() and not secret_from_stdin
    hosts = hosts_of(_asked_hosts(given, _known()) if asking and "api_host" not in given else given)
    if secret_from_stdin:
        return hosts, _sendable(read_stdin().strip("\r\n"))
    if not asking:
        raise BadInput("there is no password; give it with --secret-stdin, or run this at a terminal")
    return hosts, _sendable(ask_secret(f"Password of {user}"))


def complete_kaggle(from_stdin: bool) -> Account:
    """Return the Kaggle account from stdin, the environment or a question at the terminal.

    Raises BadInput if there is no account.
    """
    if from_stdin:
        return read_account(read_stdin())
    if token := os.environ.get(TOKEN):
        # Kaggle's client takes a token or the path of a file. A long token is no valid path.
        return read_account(read_text(Path(token)) if os.path.isfile(token) else token)  # noqa: PTH113 - it may not raise
    if os.environ.get(USER) and os.environ.get(KEY):
        return Account(username=os.environ[USER], key=os.environ[KEY])
    if not is_attended():
        raise BadInput(f"there is no account; give it with --secret-stdin or {TOKEN}, or run this at a terminal")
    if not (text := ask_block(KAGGLE, or_line=True)):
        raise BadInput("nothing was pasted; nothing was changed")
    return read_account(text)


def _sendable(password: str) -> str:
    try:
        password.encode("latin-1")
    except UnicodeEncodeError:
        raise BadInput(
            "the password has characters that a login cannot send; make a key on the server's page"
        ) from None
    return password


def _with(found: Answers, text: str, where: str) -> Answers:
    """Add a secret key, or the values of an api block, to the given values."""
    if "{" not in text:
        return {**found, "secret_key": text}
    try:
        said = pasted(text)
    except FlowsError:
        raise BadInput(f"{where} is neither a secret key nor a block api {{ … }} of ClearML's page") from None
    if not said.keys() & {"access_key", "secret_key"}:
        raise BadInput(f"{where} has no access_key and secret_key; copy the whole block api {{ … }} of ClearML's page")
    return said | found


def _asked(found: Answers) -> Answers:
    known = _known()
    found = _asked_hosts(found, known)
    if "access_key" not in found:
        found["access_key"] = key(ask("Access key", known.get("access_key", "")), "access_key")
    if "secret_key" not in found:
        same = found["access_key"] == known.get("access_key")
        typed = ask_secret(f"Secret key{', or Enter for the one that is stored' if same else ''}")
        found["secret_key"] = typed or (known["secret_key"] if same else "")
    return found


def _asked_hosts(found: Answers, known: Answers) -> Answers:
    for name, question in QUESTIONS.items():
        if name not in found:
            default = derived(found, name) or known.get(name, "") or (USUAL if name == "api_host" else "")
            found = {**found, name: host(ask(question, default), option(name))}
    return found


def _known() -> Answers:
    """Return the values of the configuration in force."""
    try:
        now = in_force(load())
    except FlowsError:
        return {}
    return {name: value for name in VARIABLES if (value := str(getattr(now, name)))}
