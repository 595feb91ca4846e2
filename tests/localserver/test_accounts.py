import base64
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clearml_flows.localserver import errors
from clearml_flows.localserver.accounts import Accounts, Identity, end_session
from clearml_flows.localserver.store.database import Store, open_store
from clearml_flows.localserver.tokens import Tokens

TOKENS = Tokens("s" * 32)
SECRET = "secret:with:colons"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store.db")) as store:
        yield store


@pytest.fixture
def accounts(store: Store) -> Accounts:
    return Accounts(store, TOKENS, "key", SECRET)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def subcode(accounts: Accounts, authorization: str) -> int:
    with pytest.raises(errors.Unauthorized) as refused:
        accounts.authenticate(authorization)
    assert refused.value.code == 401
    return refused.value.subcode


def pair(store: Store, accounts: Accounts, label: str | None = None) -> tuple[str, str]:
    with store.write() as db:
        return accounts.create(db, label)


def test_a_token_and_the_key_pair_let_in(accounts: Accounts) -> None:
    assert accounts.authenticate(basic(f"key:{SECRET}")) == Identity("local", "key")
    assert accounts.authenticate(basic(f"key:{SECRET}").replace("Basic", "basic")).user == "local"
    identity = accounts.authenticate(f"Bearer {TOKENS.issue('local')}")
    assert (identity.user, identity.key, len(identity.session)) == ("local", "key", 32)


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", 20),
        ("Bearer", 30),
        ("Bearer x", 30),
        ("Digest x", 10),
        (basic("key:secret"), 22),
        (basic("key"), 22),
        (basic("key:"), 22),
        (basic(":"), 22),
        (basic("ключ:секрет"), 22),
        ("Basic /////w==", 22),
        ("Basic x", 22),
    ],
)
def test_everything_else_does_not(accounts: Accounts, authorization: str, expected: int) -> None:
    assert subcode(accounts, authorization) == expected


def test_a_further_pair_lets_in_until_it_is_deleted(store: Store, accounts: Accounts) -> None:
    key, secret = pair(store, accounts)
    identity = accounts.authenticate(basic(f"{key}:{secret}"))
    token = accounts.issue(identity)
    assert accounts.authenticate(f"Bearer {token}").key == key
    assert subcode(accounts, basic(f"{key}:{SECRET}")) == subcode(accounts, basic(f"key:{secret}")) == 22
    with store.write() as db:
        assert db.keys.delete(key)
    assert subcode(accounts, basic(f"{key}:{secret}")) == 22
    assert subcode(accounts, f"Bearer {token}") == 30
    assert accounts.authenticate(f"Bearer {TOKENS.issue('local')}").key == "key"


def test_no_secret_is_stored(store: Store, accounts: Accounts, tmp_path: Path) -> None:
    _, secret = pair(store, accounts)
    assert re.fullmatch("[0-9a-f]{64}", secret)
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        dump = "\n".join(connection.iterdump())
    assert secret not in dump
    assert SECRET not in dump


def test_the_last_use_is_noted_once_a_minute(store: Store, accounts: Accounts) -> None:
    accounts.authenticate(basic(f"key:{SECRET}"), "10.0.0.1")
    accounts.authenticate(basic(f"key:{SECRET}"), "10.0.0.2")
    with store.write() as db:
        (key,) = db.keys.all()
        assert key.last_used_from == "10.0.0.1"
        db.keys.used("key", "2020-01-01T00:00:00+00:00", "10.0.0.1")
    accounts.authenticate(basic(f"key:{SECRET}"), "10.0.0.2")
    with store.read() as db:
        (key,) = db.keys.all()
    assert key.last_used_from == "10.0.0.2"
    assert key.last_used is not None
    assert key.last_used > "2021"


def test_an_ended_session_lets_in_no_more(store: Store, accounts: Accounts) -> None:
    tokens = [TOKENS.issue("local") for _ in range(2)]
    with store.write() as db:
        end_session(db, accounts.authenticate(f"Bearer {tokens[0]}"))
        end_session(db, Identity("local", "key"))
    assert subcode(accounts, f"Bearer {tokens[0]}") == 30
    assert accounts.authenticate(f"Bearer {tokens[1]}").user == "local"


def test_new_credentials_of_an_installation_take_the_place_of_the_old(store: Store, accounts: Accounts) -> None:
    key, _ = pair(store, accounts, "laptop")
    Accounts(store, TOKENS, "new", SECRET)
    with store.read() as db:
        assert {key.key: key.label for key in db.keys.all()} == {key: "laptop", "new": "this installation"}
