"""Authenticate API and file requests with key pairs and tokens. All belong to one user."""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clearml_flows.localserver import errors
from clearml_flows.localserver.store.database import Store
from clearml_flows.localserver.store.session import Session
from clearml_flows.localserver.tokens import LIFETIME_SECONDS, Tokens

# The single user, to whom all key pairs of this installation belong.
USER = "local"
_OWN_LABEL = "this installation"
_KEY_LETTERS = string.ascii_uppercase + string.digits
# Clients may send their key pair with every request, so `last_used` is written at most this often.
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a request and the key pair that authenticated it.

    Attributes:
        session: The token's session id; "" for a key pair.
        expires: The token's expiry as a Unix time; 0 for a key pair.
        worker: The machine or agent named by the request's header.
    """

    user: str
    key: str
    session: str = ""
    expires: int = 0
    worker: str = "<unknown>"


NOBODY = Identity("", "")


class Accounts:
    """The key pairs of an installation: its own pair in clearml.conf, and created pairs."""

    def __init__(self, store: Store, tokens: Tokens, access_key: str, secret_key: str) -> None:
        self.own_key = access_key
        self._own_secret = _hashed(secret_key)
        self._store = store
        self.tokens = tokens
        with store.write() as db:
            db.keys.own(access_key, _OWN_LABEL)

    def authenticate(self, authorization: str, used_from: str = "") -> Identity:
        """Return the identity of an Authorization header.

        Raises:
            errors.Unauthorized: The header is missing, or its credentials are invalid.
        """
        kind, _, credentials = authorization.partition(" ")
        if not kind:
            raise errors.Unauthorized
        if kind.lower() == "bearer":
            return self._by_token(credentials.strip())
        if kind.lower() == "basic":
            return self._by_key_pair(credentials.strip(), used_from)
        raise errors.BadAuthorization

    def issue(self, identity: Identity, lifetime_seconds: int = LIFETIME_SECONDS) -> str:
        """Return a token for an identity. Revoking its key pair invalidates the token."""
        return self.tokens.issue(identity.user, lifetime_seconds, identity.key)

    def create(self, db: Session, label: str | None) -> tuple[str, str]:
        """Create a key pair and return (key, secret). Only a hash of the secret is stored."""
        key, secret = "".join(secrets.choice(_KEY_LETTERS) for _ in range(30)), secrets.token_hex(32)
        db.keys.add(key, _hashed(secret), label)
        return key, secret

    def _by_token(self, token: str) -> Identity:
        payload = self.tokens.verify(token)
        key, session = str(payload.get("key") or self.own_key), str(payload.get("session_id") or "")
        with self._store.read() as db:
            if db.keys.has_ended(session) or (key != self.own_key and db.keys.get(key) is None):
                raise errors.InvalidToken("revoked token")
        return Identity(payload["identity"]["user"], key, session, int(payload["exp"]))

    def _by_key_pair(self, credentials: str, used_from: str) -> Identity:
        key, _, secret = _decoded(credentials).partition(":")
        with self._store.read() as db:
            known = db.keys.get(key)
        expected = self._own_secret if key == self.own_key else known.secret if known else ""
        if known is None or not hmac.compare_digest(_hashed(secret), expected):
            raise errors.InvalidCredentials("failed to locate provided credentials")
        now = datetime.now(UTC)
        if known.last_used is None or now - datetime.fromisoformat(known.last_used) > _USED_EVERY:
            with self._store.write() as db:
                db.keys.used(key, now.isoformat(timespec="milliseconds"), used_from)
        return Identity(USER, key)


def end_session(db: Session, identity: Identity) -> None:
    """Revoke the token of an identity. A key pair has no session, so nothing changes for it."""
    if identity.session:
        db.keys.end(identity.session, identity.expires, int(time.time()))


def _hashed(secret: str) -> str:
    # Secrets have 256 random bits, so a slow hash would add no security.
    return hashlib.sha256(secret.encode()).hexdigest()


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
