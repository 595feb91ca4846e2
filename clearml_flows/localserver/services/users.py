"""The local user: profile and web app preferences."""

import json
from copy import deepcopy
from typing import Any

from clearml_flows.localserver import errors
from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.services import listing
from clearml_flows.localserver.services.common import now
from clearml_flows.localserver.services.scope import in_projects
from clearml_flows.localserver.store.documents import Document
from clearml_flows.localserver.store.query import select
from clearml_flows.localserver.tokens import COMPANY, COMPANY_NAME, ROLE, SERVER_VERSION
from clearml_flows.localserver.wire import Json

_SETTABLE = ("name", "family_name", "given_name")
# The web app shows this to a user without Tasks.
_GETTING_STARTED = {
    "agentName": "clearml",
    "configure": "clearml-init",
    "install": "pip install clearml",
    "packageName": "clearml",
}
_MAX_DOWNLOAD_ITEMS = 50_000


def ensure_user(call: Call) -> None:
    """Create the local user if it does not exist."""
    if call.db.users.get(call.user) is None:
        call.db.users.insert(
            {
                "id": call.user,
                "company": COMPANY,
                "name": call.user,
                "created": now(),
                "created_in_version": SERVER_VERSION,
            }
        )


@endpoint("users.get_by_id")
def get_by_id(call: Call) -> Json:
    """Return the user with `preferences` as JSON text, the format of ClearML Server."""
    user = call.db.users.get(call.data["user"])
    if user is None:
        raise errors.InvalidUserId(id=call.data["user"], company=COMPANY)
    if "preferences" in user:
        user["preferences"] = json.dumps(user["preferences"], ensure_ascii=False, separators=(",", ":"))
    return {"user": user}


@endpoint("users.get_current_user")
def get_current_user(call: Call) -> Json:
    user = {name: value for name, value in _current(call).items() if name != "preferences"}
    return {
        "user": {**user, "company": {"id": COMPANY, "name": COMPANY_NAME}, "role": ROLE},
        "getting_started": _GETTING_STARTED,
        "settings": {"max_download_items": _MAX_DOWNLOAD_ITEMS},
    }


@endpoint("users.get_all")
def get_all(call: Call) -> Json:
    return listing.answer("users", call.db.users, call.data, select(call.db.users.entity, call.data))


@endpoint("users.get_all_ex")
def get_all_ex(call: Call) -> Json:
    """Like `get_all`, with `company` as an object.

    `active_in_projects` selects users with Tasks or models in these projects.
    """
    if call.data.get("active_in_projects") is not None and call.user not in _active(call):
        return {"users": []}
    return listing.answer_joined(call, "users", call.db.users, call.data, select(call.db.users.entity, call.data))


def _active(call: Call) -> set[Any]:
    scope = call.asking({"projects": call.data["active_in_projects"], "include_subprojects": True})
    return {
        user for documents in (call.db.tasks, call.db.models) for user in documents.distinct("user", in_projects(scope))
    }


def _current(call: Call) -> Document:
    user = call.db.users.get(call.user)
    if user is None:
        raise errors.InvalidUser("failed loading user")
    return user


@endpoint("users.update", writes=True)
def update(call: Call) -> Json:
    """Change a user's names. An unknown user is not an error."""
    changed = {name: call.data[name] for name in _SETTABLE if call.data.get(name) is not None}
    user = call.db.users.get(call.data["user"])
    if user is None or not changed:
        return {"updated": 0, "fields": changed}
    call.db.users.save({**user, **changed})
    return {"updated": 1, "fields": changed}


@endpoint("users.get_preferences")
def get_preferences(call: Call) -> Json:
    return {"preferences": _current(call).get("preferences") or {}}


@endpoint("users.set_preferences", writes=True)
def set_preferences(call: Call) -> Json:
    """Set each value at its dotted path and keep all other preferences."""
    user = _current(call)
    preferences = deepcopy(user.get("preferences") or {})
    for path, value in call.data["preferences"].items():
        _check_keys({path: value}, is_path=True)
        _set(preferences, path, value)
    if preferences == (user.get("preferences") or {}):
        return {"updated": 0, "fields": {}}
    call.db.users.save({**user, "preferences": preferences})
    shown = call.data.get("return_updated") is not False
    return {"updated": 1, "fields": {"preferences": preferences} if shown else {}}


def _check_keys(value: Any, is_path: bool = False) -> None:
    """Reject keys that a dotted path cannot address; raises errors.InvalidFields."""
    if isinstance(value, list):
        for item in value:
            _check_keys(item)
    if isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("$") or ("." in key and not is_path):
                raise errors.InvalidFields(f"Key {key} is invalid. Keys cannot start with '$' or contain '.'.")
            _check_keys(item)


def _set(preferences: Json, path: str, value: Any) -> None:
    """Set the value at a path and create missing objects; raises errors.InvalidPreferences."""
    at: Any = preferences
    *names, last = path.split(".")
    for name in names:
        at = at.setdefault(name, {}) if isinstance(at, dict) and name else _item(at, name)
    if isinstance(at, dict) and last:
        at[last] = value
    elif _item(at, last) is not _NOTHING:
        at[int(last)] = value
    else:
        raise errors.InvalidPreferences(key=path, value=value)


_NOTHING = object()


def _item(at: Any, name: str) -> Any:
    is_there = isinstance(at, list) and name.isascii() and name.isdigit() and len(name) < 9 and int(name) < len(at)
    return at[int(name)] if is_there else _NOTHING
