"""Authentication for the API and the file server: key pairs and tokens. All belong to the one user."""

import base64
import binascii
import hashlib
import hmac
import secrets
import string
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from localserver import errors
from localserver.store.database import Store
from localserver.store.session import Session
from localserver.tokens import LIFETIME_SECONDS, Tokens

# There is one user: whoever holds a key pair of this installation.
USER = "local"
_OWN_LABEL = "this installation"
_KEY_LETTERS = string.ascii_uppercase + string.digits
# A client may send its key pair with every request: when it was last used is written this often at most.
_USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a request and the key pair that let it in; `session` and `expires` are its token's, if it has one.

    `worker` is the machine or agent that the request's header names.
    """

    user: str
    key: str
    session: str = ""
    expires: int = 0
    worker: str = "<unknown>"


NOBODY = Identity("", "")


class Accounts:
    """The key pairs of one installation: its own, which clearml.conf has, and those that were made later."""

    def __init__(self, store: Store, tokens: Tokens, access_key: str, secret_key: str) -> None:
        self.own_key = access_key
        self._own_secret = _hashed(secret_key)
        self._store = store
        self.tokens = tokens
        with store.write() as db:
            db.keys.own(access_key, _OWN_LABEL)

    def authenticate(self, authorization: str, used_from: str = "") -> Identity:
        """Return who sent this Authorization header; raises errors.Unauthorized."""
        kind, _, credentials = authorization.partition(" ")
        if not kind:
            raise errors.Unauthorized
        if kind.lower() == "bearer":
            return self._by_token(credentials.strip())
        if kind.lower() == "basic":
            return self._by_key_pair(credentials.strip(), used_from)
        raise errors.BadAuthorization

    def issue(self, identity: Identity, lifetime_seconds: int = LIFETIME_SECONDS) -> str:
        """Return a token, which ends with the key pair that it was made with."""
        return self.tokens.issue(identity.user, lifetime_seconds, identity.key)

    def create(self, db: Session, label: str | None) -> tuple[str, str]:
        """Make a key pair; its secret is known to nobody but who asked."""
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
    """Make a token worthless before it expires; a key pair has no session."""
    if identity.session:
        db.keys.end(identity.session, identity.expires, int(time.time()))


def _hashed(secret: str) -> str:
    # Secrets are 256 random bits: nothing is gained by a slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
