"""Users of the server in Docker: fixed users with hashed passwords in the .env."""

import json
import re

from clearml_flows.errors import BadInput
from clearml_flows.server import env_file
from clearml_flows.server.stack import Stack

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
SHORTEST = 12
# bcrypt ignores further bytes.
LONGEST_BYTES = 72


def names(stack: Stack) -> list[str]:
    """Return the names of all users. Raises FlowsError if no server is set up."""
    return [user["username"] for user in _users(stack.values())]


def put(stack: Stack, name: str, password: str) -> bool:
    """Add a user or change a password. Return False if the user existed.

    The change takes effect at the next start of the server. Raises BadInput for a bad name or password.
    """
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name of a user; letters, digits and . _ @ - are")
    if len(password) < SHORTEST or len(password.encode()) > LONGEST_BYTES:
        raise BadInput(f"a password has at least {SHORTEST} characters and at most {LONGEST_BYTES} bytes; take another")
    with stack.locked():
        values = stack.values()
        users = {user["username"]: user for user in _users(values)}
        is_new = name not in users
        users[name] = {**users.get(name, {"username": name, "name": name}), "password": env_file.hashed(password)}
        if name == env_file.USER:
            values["SERVER_PASSWORD"] = password
        _write(stack, values, [*users.values()])
    return is_new


def remove(stack: Stack, name: str) -> None:
    """Remove a user. The change takes effect at the next start of the server.

    Raises BadInput if there is no such user, or for the first user.
    """
    if name == env_file.USER:
        raise BadInput(f"{name} is the user that the server was made with, and stays; it can be given a new password")
    with stack.locked():
        values = stack.values()
        users = _users(values)
        left = [user for user in users if user["username"] != name]
        if len(left) == len(users):
            raise BadInput(f"there is no user {name}; there are {', '.join(user['username'] for user in users)}")
        _write(stack, values, left)


def _users(values: dict[str, str]) -> list[dict[str, str]]:
    return [dict(user) for user in json.loads(values["SERVER_USERS"])]


def _write(stack: Stack, values: dict[str, str], users: list[dict[str, str]]) -> None:
    env_file.write(stack.env_file, values | {"SERVER_USERS": json.dumps(users)})
