import json
import socket
from collections.abc import Iterator

import pytest

from clearml_flows.backend.client import Api, Refused
from clearml_flows.errors import Unreachable
from tests.support.http import answering


def envelope(data: object, code: int = 200, message: str = "OK") -> str:
    return json.dumps({"meta": {"result_code": code, "result_msg": message, "endpoint": {"name": "x.y"}}, "data": data})


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_call_logs_in_once_and_gives_the_data() -> None:
    seen: list[str] = []

    def respond(path: str) -> tuple[int, str]:
        seen.append(path)
        return 200, envelope({"token": "t"} if path == "/auth.login" else {"tasks": []})

    with answering(respond) as url:
        api = Api(url, "key", "secret")
        assert api.call("tasks.get_all") == api.call("tasks.get_all") == {"tasks": []}
        api.close()
    assert seen == ["/auth.login", "/tasks.get_all", "/tasks.get_all"]


def test_an_expired_token_is_renewed_once() -> None:
    seen: list[str] = []

    def respond(path: str) -> tuple[int, str]:
        seen.append(path)
        if path == "/auth.login":
            return 200, envelope({"token": "t"})
        return (401, envelope({}, 401)) if seen.count(path) == 1 else (200, envelope({"ok": 1}))

    with answering(respond) as url:
        api = Api(url, "key", "secret")
        assert api.call("tasks.ping") == {"ok": 1}
        api.close()
    assert seen == ["/auth.login", "/tasks.ping", "/auth.login", "/tasks.ping"]


def test_an_error_is_the_backends_own_message() -> None:
    def respond(path: str) -> tuple[int, str]:
        return (200, envelope({"token": "t"})) if path == "/auth.login" else (400, envelope({}, 400, "Invalid task id"))

    with answering(respond) as url:
        api = Api(url, "key", "secret")
        with pytest.raises(Refused, match=r"refused x\.y: Invalid task id"):
            api.call("tasks.get_by_id", task="nope")
        api.close()


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, envelope({}, 401), "does not take the configured ClearML credentials"),
        (200, "<html>a router's page</html>", r"answers, but not as a ClearML API does \(HTTP 200\)"),
        (500, "", r"not as a ClearML API does \(HTTP 500\)"),
        (503, envelope({}, 503, "the database is away"), r"failed to answer \(HTTP 503\): the database is away"),
        (200, "[]", "not as a ClearML API does"),
        (200, '{"meta": {}}', "not as a ClearML API does"),
        (200, '{"meta": {}, "data": {}}', "not as a ClearML API does"),
        (200, '{"meta": null, "data": null}', "not as a ClearML API does"),
        (200, '{"meta": {}, "data": "text"}', "not as a ClearML API does"),
        (400, '{"meta": 5, "data": {}}', r"not as a ClearML API does \(HTTP 400\)"),
        (500, '{"meta": {}, "data": {}}', r"not as a ClearML API does \(HTTP 500\)"),
        (302, "", "not as a ClearML API does"),
    ],
)
def test_what_is_no_backend_is_unreachable(status: int, body: str, sentence: str) -> None:
    with answering(lambda _path: (status, body)) as url:
        api = Api(url, "key", "secret")
        with pytest.raises(Unreachable, match=sentence):
            api.login()
        api.close()


def test_silence_ends_within_the_time_given(silent: str) -> None:
    api = Api(silent, "key", "secret", timeout=0.2)
    with pytest.raises(Unreachable, match="no answer in time"):
        api.login()
    api.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "not a url", "http://", f"http://{'a' * 300}"])
def test_a_wrong_address_is_unreachable(url: str) -> None:
    api = Api(url, "key", "secret")
    with pytest.raises(Unreachable, match="no ClearML backend answers at"):
        api.login()
    api.close()
