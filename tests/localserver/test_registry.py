import base64

import pytest

from localserver import errors, services
from localserver.registry import ENDPOINTS, Call, Server, authenticate, endpoint
from localserver.store.database import Store
from localserver.tokens import Tokens
from localserver.wire import Json


@pytest.fixture
def server() -> Server:
    return Server(Store.__new__(Store), Tokens("s" * 32), "key", "secret:with:colons")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_token_and_the_key_pair_let_in(server: Server) -> None:
    assert authenticate(server, f"Bearer {server.tokens.issue('local')}") == "local"
    assert authenticate(server, basic("key:secret:with:colons")) == "local"
    assert authenticate(server, basic("key:secret:with:colons").replace("Basic", "basic")) == "local"


@pytest.mark.parametrize(
    ("authorization", "subcode"),
    [
        ("", 20),
        ("Bearer", 20),
        ("Digest x", 20),
        ("Bearer x", 30),
        (basic("key:secret"), 22),
        (basic("key"), 22),
        (basic(":"), 22),
        (basic("ключ:секрет"), 22),
        ("Basic /////w==", 22),
        ("Basic x", 22),
    ],
)
def test_everything_else_does_not(server: Server, authorization: str, subcode: int) -> None:
    with pytest.raises(errors.Unauthorized) as refused:
        authenticate(server, authorization)
    assert (refused.value.code, refused.value.subcode) == (401, subcode)


def test_a_name_has_one_handler() -> None:
    services.load()

    def second(_: Call) -> Json:
        return {}

    before = dict(ENDPOINTS)
    with pytest.raises(ValueError, match=r"debug\.ping has two handlers"):
        endpoint("debug.ping")(second)
    assert before == ENDPOINTS
