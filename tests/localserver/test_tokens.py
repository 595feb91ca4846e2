import base64
import json
import time

import jwt
import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.tokens import Tokens

SECRET = "s" * 32


def test_a_token_tells_the_sdk_which_server_it_talks_to() -> None:
    payload = Tokens(SECRET).verify(Tokens(SECRET).issue("local"))
    assert payload["identity"]["user"] == "local"
    assert (payload["api_version"], payload["server_version"], payload["feature_set"]) == ("2.34", "2.3.0", "basic")


def test_a_lifetime_is_kept_within_bounds() -> None:
    payload = Tokens(SECRET).verify(Tokens(SECRET).issue("local", lifetime_seconds=10**12))
    assert payload["exp"] - time.time() <= 31 * 24 * 3600


def _unsigned() -> str:
    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    identity = {"identity": {"user": "local"}, "iat": 0, "exp": 2**40}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(identity)}."


def _signed(secret: str = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    now = int(time.time())
    payload = {"identity": {"user": "local"}, "iat": now, "exp": now + 60, **changes}
    return jwt.encode(payload, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "",
        "a.b.c",
        _unsigned(),
        _signed(secret="t" * 32),
        _signed(secret="s" * 64, algorithm="HS512"),
        _signed(exp=1),
        _signed(identity="local"),
        _signed(identity={}),
        _signed()[:-4] + "AAAA",
    ],
    ids=["word", "empty", "dots", "unsigned", "foreign", "hs512", "expired", "no-user", "empty-user", "altered"],
)
def test_a_token_that_is_not_good_is_refused(token: str) -> None:
    with pytest.raises(errors.InvalidToken):
        Tokens(SECRET).verify(token)


def test_a_token_without_an_end_is_refused() -> None:
    token = jwt.encode({"identity": {"user": "local"}, "iat": 0}, SECRET, algorithm="HS256")
    with pytest.raises(errors.InvalidToken):
        Tokens(SECRET).verify(token)
