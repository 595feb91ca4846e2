import base64
from typing import Any

import pytest

from tests.support.api import ACCESS_KEY, SECRET_KEY, TOKENS, Api, Refused


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(key: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


def code(api: Api, headers: dict[str, str]) -> Any:
    """The code with which a request is refused, or None."""
    try:
        api.send("tasks.get_all", b"{}", headers)
    except Refused as refused:
        return refused.code
    return None


def test_a_token_of_the_login_opens_the_door(api: Api) -> None:
    assert code(api, bearer(api("auth.login")["token"])) is None


def test_a_lifetime_can_be_asked_for(api: Api) -> None:
    payload = TOKENS.verify(api("auth.login", expiration_sec=100)["token"])
    assert payload["exp"] - payload["iat"] == 100


@pytest.mark.parametrize("endpoint", ["auth.logout", "login.logout"])
def test_a_logout_ends_its_token_alone(api: Api, endpoint: str) -> None:
    first, second = (api("auth.login")["token"] for _ in range(2))
    assert api.send(endpoint, b"", bearer(first)) == {}
    assert (code(api, bearer(first)), code(api, bearer(second))) == ((401, 30), None)


def test_key_pairs_are_made_named_used_and_revoked(api: Api) -> None:
    made = api("auth.create_credentials", label="laptop")["credentials"]
    key, secret = made["access_key"], made["secret_key"]
    assert made == {"access_key": key, "secret_key": secret, "label": "laptop"}
    token = api.send("auth.login", b"", basic(key, secret) | {"x-clearml-worker": "w:1"})["token"]
    assert api("auth.edit_credentials", access_key=key, label="desk") == {"updated": 1}
    own, other = api("auth.get_credentials")["credentials"]
    assert own == {"access_key": ACCESS_KEY, "label": "this installation"}
    assert other.pop("last_used")[:2] == "20"
    assert other == {"access_key": key, "label": "desk", "last_used_from": "w:1"}
    assert api("auth.revoke_credentials", access_key=key) == {"revoked": 1}
    assert (code(api, basic(key, secret)), code(api, bearer(token))) == ((401, 22), (401, 30))
    assert code(api, basic(ACCESS_KEY, SECRET_KEY)) is None


def test_a_key_pair_needs_no_label(api: Api) -> None:
    made = api("auth.create_credentials")["credentials"]
    assert sorted(made) == ["access_key", "secret_key"]
    assert api("auth.get_credentials")["credentials"][1] == {"access_key": made["access_key"]}


def test_secrets_are_told_to_nobody_afterwards(api: Api) -> None:
    secret = api("auth.create_credentials")["credentials"]["secret_key"]
    answer = str(api("auth.get_credentials"))
    assert SECRET_KEY not in answer
    assert secret not in answer


@pytest.mark.parametrize(
    ("endpoint", "key", "expected"),
    [
        ("auth.edit_credentials", "nope", (400, 75)),
        ("auth.revoke_credentials", "nope", (400, 300)),
        ("auth.revoke_credentials", ACCESS_KEY, (400, 301)),
        ("auth.revoke_credentials", None, (400, 12)),
    ],
)
def test_keys_that_are_not_there_and_the_own_one(api: Api, endpoint: str, key: str | None, expected: Any) -> None:
    refused = api.refusal(endpoint, access_key=key)
    assert refused
    assert refused.code == expected


def test_there_are_no_passwords(api: Api) -> None:
    expected = {"enabled": False, "guest": {"enabled": False}, "server_errors": {}}
    assert api.send("auth.fixed_users_mode", b"", {}) == expected
    assert api.send("login.supported_modes", b"", {})["authenticated"] is False
    assert api("login.supported_modes")["authenticated"] is True


@pytest.mark.parametrize(
    ("endpoint", "allowed"),
    [
        ("auth.create_user", "system, root"),
        ("auth.edit_user", "system, root, admin"),
        ("auth.get_token_for_user", "system, root"),
        ("auth.validate_token", "system, root"),
        ("server.config", "root, system"),
        ("server.endpoints", "root, system"),
        ("server.get_stats", "root, system"),
        ("users.create", "system, root"),
        ("users.delete", "system, root"),
    ],
)
def test_what_is_for_other_roles_is_refused(api: Api, endpoint: str, allowed: str) -> None:
    refused = api.refusal(endpoint)
    assert refused
    assert refused.code == (403, 20)
    assert refused.message == f"Forbidden (not allowed for role): role=user, allowed=({allowed})"
