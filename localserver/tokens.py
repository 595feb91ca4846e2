"""Bearer tokens: JWT, HS256 only, with the payload that the SDK reads to learn which server it talks to."""

import time
import uuid
from typing import Any

import jwt

from localserver import errors

# ClearML Server 2.3 as its clients know it: `api_version` picks the SDK's request classes (it caps at 2.23 itself),
# `server_version` the features that it tries.
API_VERSION = "2.34"
SERVER_VERSION = "2.3.0"
COMPANY = "d1bd92a3b039400cbafc60a7a5b1e52b"
COMPANY_NAME = "clearml"
ROLE = "user"
LIFETIME_SECONDS = 30 * 24 * 3600


class Tokens:
    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, user: str, lifetime_seconds: int = LIFETIME_SECONDS, key: str = "") -> str:
        """Return a token for a user; `key` is the key pair that it is made for, if not the installation's."""
        now = int(time.time())
        payload = {
            "identity": {
                "role": ROLE,
                "company": COMPANY,
                "company_name": COMPANY_NAME,
                "user": user,
                "user_name": user,
            },
            "env": "<unknown>",
            "iat": now,
            "exp": now + max(1, min(lifetime_seconds, LIFETIME_SECONDS)),
            "session_id": uuid.uuid4().hex,
            "key": key,
            "auth_type": "Bearer",
            "api_version": API_VERSION,
            "server_version": SERVER_VERSION,
            "server_build": "",
            "feature_set": "basic",
        }
        return jwt.encode(payload, self._secret, algorithm="HS256")

    def verify(self, token: str) -> dict[str, Any]:
        """The payload; raises errors.InvalidToken when it is not ours, altered, expired or signed in another way."""
        try:
            payload: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=["HS256"], options={"require": ["exp", "iat", "identity"]}
            )
        except jwt.InvalidTokenError as error:
            raise errors.InvalidToken("invalid jwt token", reason=error) from error
        identity = payload["identity"]
        if not isinstance(identity, dict) or not isinstance(identity.get("user"), str):
            raise errors.InvalidToken("token missing identity")
        return payload

    def seal(self, state: dict[str, Any]) -> str:
        """A text that holds a state of the server's own, for a client to give back. It is no token of a user."""
        return jwt.encode(state, self._secret, algorithm="HS256")

    def unseal(self, text: str) -> dict[str, Any] | None:
        """The state in a sealed text, None when this server did not seal it."""
        try:
            state: dict[str, Any] = jwt.decode(text, self._secret, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return None
        return state
