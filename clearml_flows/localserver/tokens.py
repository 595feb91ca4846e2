"""Bearer tokens: JWT with HS256 only. The SDK reads the server's version from the payload."""

import time
import uuid
from typing import Any

import jwt

from clearml_flows.localserver import errors

# The versions of ClearML Server 2.3. The SDK selects its request classes by `api_version` (2.23 at most), and its
# features by `server_version`.
API_VERSION = "2.34"
SERVER_VERSION = "2.3.0"
COMPANY = "d1bd92a3b039400cbafc60a7a5b1e52b"
COMPANY_NAME = "clearml"
ROLE = "user"
LIFETIME_SECONDS = 30 * 24 * 3600


class Tokens:
    """Issues and verifies tokens with one secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, user: str, lifetime_seconds: int = LIFETIME_SECONDS, key: str = "") -> str:
        """Return a token for a user. `key` is its key pair; "" is the installation's own pair.

        `lifetime_seconds` is limited to 1 second to 30 days.
        """
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
        """Return the payload of a token.

        Raises:
            errors.InvalidToken: The token is altered, expired, or not signed by this server with HS256.
        """
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
        """Return a signed text with server state, for a client to send back. It is not a token."""
        return jwt.encode(state, self._secret, algorithm="HS256")

    def unseal(self, text: str) -> dict[str, Any] | None:
        """Return the state in a sealed text, or None if this server did not sign it."""
        try:
            state: dict[str, Any] = jwt.decode(text, self._secret, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return None
        return state
