"""Whatever is sent, the answer is an envelope that the SDK can read, and what was refused changed nothing."""

import concurrent.futures
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearml_flows.localserver import fields, schema, services
from clearml_flows.localserver.registry import ENDPOINTS
from tests.support.api import Api, Refused, check_envelope

services.load()
Json = dict[str, Any]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for all: each test here sends what must be refused, or looks only at what it made."""
    api = Api(tmp_path_factory.mktemp("api") / "api.db")
    yield api
    api.close()


def refusal(api: Api, endpoint: str, body: bytes = b"{}", **kwargs: Any) -> tuple[tuple[int, int], str]:
    """The code and the message of a request that must be refused, and that must change nothing."""
    before = api.dump()
    with pytest.raises(Refused) as refused:
        api.send(endpoint, body, **kwargs)
    assert api.dump() == before
    return refused.value.code, refused.value.message


BAD = [
    ("tasks.frobnicate", {}, (404, 0), "Unable to find endpoint for name tasks.frobnicate and version 2.23"),
    ("tasks.get_by_id", {}, (400, 12), "Validation error (error for field 'task'. field is required!)"),
    ("tasks.create", {"name": "abcd"}, (400, 12), "Validation error (error for field 'type'. field is required!)"),
    (
        "tasks.create",
        {"name": 5, "type": "training"},
        (400, 12),
        "Validation error (error for field 'name'. value is wrong, expected type \"str\")",
    ),
    (
        "tasks.create",
        {"name": "abcd", "type": "training", "tags": 5},
        (400, 16),
        "Invalid value for fields (expecting list): field=tags",
    ),
    (
        "tasks.create",
        {"name": "abcd", "type": "training", "project": "nope"},
        (400, 16),
        "Invalid value for fields (expecting Project id): id=nope, field=project",
    ),
    (
        "tasks.create",
        {"name": "ab", "type": "training"},
        (400, 800),
        "Data validation error: name=String value is too short",
    ),
    ("tasks.get_by_id", {"task": "0" * 32}, (400, 101), f"Invalid task id: ids=({'0' * 32})"),
    (
        "models.get_by_id",
        {"model": "nope"},
        (400, 201),
        "Invalid model id (no such public or company model): id=nope, company=d1bd92a3b039400cbafc60a7a5b1e52b",
    ),
    (
        "queues.get_by_id",
        {"queue": "services"},
        (400, 701),
        "Invalid queue id: id=services, company=d1bd92a3b039400cbafc60a7a5b1e52b",
    ),
    ("queues.create", {"name": "default"}, (400, 801), "Value combination already exists"),
    (
        "events.add",
        {"type": "log", "task": "nope", "msg": "x"},
        (400, 131),
        "Events not added: Invalid task id nope=1",
    ),
    (
        "tasks.get_all",
        {"only_fields": ["i"]},
        (400, 14),
        'Lookup error (probably an invalid field name or unsupported nested field): err=Cannot resolve field "i"',
    ),
    ("auth.create_user", {}, (403, 20), "Forbidden (not allowed for role): role=user, allowed=(system, root)"),
]


@pytest.mark.parametrize(("endpoint", "data", "code", "message"), BAD)
def test_a_bad_request_is_refused_as_the_real_server_does(
    api: Api, endpoint: str, data: Json, code: tuple[int, int], message: str
) -> None:
    found_code, found = refusal(api, endpoint, json.dumps(data).encode())
    assert found_code == code
    assert found.startswith(message)


@pytest.mark.parametrize("endpoint", [name for name in schema.endpoints() if name.endswith("_many")])
def test_an_empty_id_among_many_fails_as_an_unknown_one(api: Api, endpoint: str) -> None:
    if endpoint == "tasks.dequeue_many":
        pytest.skip("a Task that is not there is in no queue, and the server is content with that")
    (failed,) = api(endpoint, ids=[""], **({"queue": api.queue()} if "enqueue" in endpoint else {}))["failed"]
    assert (failed["id"], failed["error"]["codes"]) == ("", [400, 101 if endpoint.startswith("tasks") else 201])


def test_an_endpoint_is_not_there_before_its_first_version(api: Api) -> None:
    for version, status in (("2.9", 404), ("2.10", 400)):
        response = api.client.post(f"/v{version}/tasks.add_or_update_artifacts", headers=api.headers)
        assert response.status_code == status


def _records() -> list[Json]:
    folder = Path(os.environ.get("FLOWS_TEST_WIRE") or Path(__file__).parents[3] / "shared" / "wire")
    path = folder / "exchanges.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_no_recorded_request_of_an_official_client_is_refused_by_the_tables() -> None:
    for record in _records():
        request = record["request"]
        if record["status"] == 200 and record["client"] and isinstance(request, dict) and not record.get("truncated"):
            fields.check(schema.table(record["endpoint"]), request)


def _recorded() -> list[Json]:
    records = _records()
    refused = [record for record in records if record["status"] in (400, 404) and record["request"] is not None]
    # A path without an action has a test of its own.
    return [record for record in refused if record["endpoint"] != "tasks"]


def _prepared(api: Api, record: Json) -> Json:
    """The recorded request, where the Task or project that it names is there and stands as it stood."""
    request = dict(record["request"])
    message = record["response"]["meta"]["result_msg"]
    status = re.search(r"(?:current_status|status|current)=(\w+)", message)
    if "task" in request and (status or record["endpoint"] == "tasks.enqueue"):
        request["task"] = api.task()
        if status and status[1] == "in_progress":
            api("tasks.started", task=request["task"])
    if record["endpoint"] == "tasks.create" and "expecting Project" not in message and "project" in request:
        request["project"] = api("projects.create", name=f"p{api.task()}")["id"]
    if record["endpoint"] == "projects.create":
        api("projects.create", name=request["name"])
    return request


@pytest.mark.parametrize("number", range(len(_recorded())) if _recorded() else [None])
def test_recorded_refusals_are_given_again(api: Api, number: int | None) -> None:
    if number is None:
        pytest.skip("the wire records are not beside the project, nor named by FLOWS_TEST_WIRE")
    record = _recorded()[number]
    request = record["request"] if isinstance(record["request"], str) else json.dumps(_prepared(api, record))
    code, message = refusal(api, record["endpoint"], request.encode(), method=record["method"])
    meta = record["response"]["meta"]
    assert code == (meta["result_code"], meta["result_subcode"])

    def without_ids(text: str) -> str:
        # The id of the Task is another one; the version is the one that this test asks for.
        text = re.sub(r"task=[0-9a-f]{32}", "task=ID", text)
        return re.sub(
            r"version [\d.]+$", "version V", re.sub(r"err=Tried.*", "err", re.sub(r"err=UNIQUE.*", "err", text))
        )

    assert without_ids(message) == without_ids(meta["result_msg"])


WILD = {
    "not-json": b"{bad",
    "a-list": b"[]",
    "a-number": b"5",
    "null": b"null",
    "nan": b'{"task": NaN}',
    "infinity": b'{"task": -Infinity}',
    "too-large": b'{"task": 1e999}',
    "long-integer": b'{"page": ' + b"9" * 5000 + b"}",
    "deep-list": b'{"task": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep-object": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "duplicate-keys": b'{"task": "a", "task": "b"}',
    "lone-surrogate": b'{"task": "\\ud800", "name": "\\udfff"}',
    "not-utf8": b'{"task": "\xff\xfe"}',
    "utf16": '{"task": "ä"}'.encode("utf-16"),
    "nul": b"\x00",
}


@pytest.mark.parametrize("body", WILD.values(), ids=WILD)
def test_a_body_that_is_no_request_is_refused_everywhere(api: Api, body: bytes) -> None:
    before = api.dump()
    for name, endpoint in ENDPOINTS.items():
        if endpoint.batch and body in (b"[]",):
            continue
        with pytest.raises(Refused) as refused:
            api.send(name, body)
        assert refused.value.code[0] in (400, 403), name
    assert api.dump() == before


_WORDS = st.sampled_from(
    ["__$all", "__$not", "__$or", "-x", "a", ">=2020-01-01", "^a$", "(a+)+$", "$where", "id", "../x"]
)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _WORDS | st.text()
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS | st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# They end the token that the other requests come with.
_ENDING = {"auth.logout", "login.logout"}


_FITTING: Json = {"str": "a", "int": 1, "float": 1.5, "bool": True, "list": ["a"], "dict": {}, "filter": ["a"]}


@st.composite
def _requests(draw: st.DrawFn) -> tuple[str, Json]:
    """An endpoint, and a request with fields that it knows: some fit, some do not."""
    name = draw(st.sampled_from(sorted(set(ENDPOINTS) - _ENDING)))
    table = schema.table(name)
    data: Json = draw(st.dictionaries(st.text(max_size=8), _VALUES, max_size=1))
    for field in table.fields.values():
        if field.required or draw(st.integers(0, 3)) == 0:
            fitting = st.just(field.enum[0] if field.enum else _FITTING.get(field.type, {}))
            data[field.name.replace("*", "a.b.value")] = draw(fitting | _VALUES)
    return name, data


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(_requests(), min_size=8, max_size=8))
def test_any_object_is_answered_without_a_failure(api: Api, requests: list[tuple[str, Json]]) -> None:
    for name, data in requests:
        refused = api.refusal(name, **data)
        assert refused is None or refused.code[0] in (301, 400, 403), (name, data, refused)


@pytest.mark.parametrize(
    "path", ["/v2.23/tasks", "/v2.23/", "/v2.23/tasks.get_all/x", "/tasks..get", "/v2.x/tasks.get_all", "/V2.23/a.b"]
)
def test_a_path_that_names_no_endpoint_gets_an_envelope(api: Api, path: str) -> None:
    response = api.client.post(path, headers=api.headers)
    meta = check_envelope(response.json(), 400, "")
    assert meta["result_msg"] == f"Invalid request path {path}"


def test_the_version_may_be_any_or_none(api: Api) -> None:
    for prefix, version in (("/", "2.34"), ("/v2.5/", "2.5"), ("/v999.0/", "999.0"), ("/v1/", "1")):
        response = api.client.get(f"{prefix}debug.ping")
        meta = check_envelope(response.json(), 200, "debug.ping")
        assert meta["endpoint"]["requested_version"] == version


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_every_method_with_a_body_is_a_call(api: Api, method: str) -> None:
    assert api.send("tasks.create", b'{"name": "abc", "type": "training"}', method=method)["id"]


def test_without_a_body_the_fields_may_stand_in_the_url(api: Api) -> None:
    task = api.task()
    response = api.client.get(f"/tasks.get_by_id?task={task}", headers=api.headers)
    assert response.json()["data"]["task"]["id"] == task
    response = api.client.get("/tasks.get_all?only_fields=id&only_fields=nope", headers=api.headers)
    assert check_envelope(response.json(), 400, "tasks.get_all")["result_subcode"] == 14


def test_a_token_in_the_url_opens_nothing(api: Api) -> None:
    token = api.headers["Authorization"].removeprefix("Bearer ")
    response = api.client.get(f"/tasks.get_all?token={token}&access_token={token}&Authorization=Bearer%20{token}")
    check_envelope(response.json(), 401, "tasks.get_all")


def test_unknown_fields_are_tolerated(api: Api) -> None:
    assert api("tasks.create", name="abc", type="training", zzz=1)["id"]


def test_an_endpoint_that_is_not_there_is_logged_once(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "clearml_flows.localserver.app"):
        for _ in range(3):
            assert refusal(api, "reports.get_all")[0] == (404, 0)
    assert [record.getMessage() for record in caplog.records] == ["reports.get_all is not implemented"]


def test_a_fault_of_ours_is_a_500_envelope_that_tells_no_secret(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Json:
        raise RuntimeError("secret-key")

    monkeypatch.setattr("clearml_flows.localserver.registry.Endpoint.answer", broken)
    code, message = refusal(api, "tasks.get_all")
    assert code == (500, 0)
    assert "secret-key" not in message
    assert "tasks.get_all failed" in caplog.text


def test_many_writers_lose_nothing(api: Api) -> None:
    """Forty threads write to one Task: every artifact, parameter and event is there in the end."""
    task = api.task()

    def write(number: int) -> None:
        name = f"n{number}"
        item = {"section": "Args", "name": name, "value": str(number)}
        api("tasks.edit_hyper_params", task=task, hyperparams=[item])
        artifact = {"key": name, "type": "custom", "uri": f"http://files/{name}"}
        api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact])
        event = {"task": task, "type": "training_stats_scalar", "metric": "m", "variant": "v", "iter": number}
        api.batch("events.add_batch", {**event, "value": float(number)})

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        list(pool.map(write, range(100)))
    document = api.read(task)
    assert len(document["hyperparams"]["Args"]) == 100
    assert len(document["execution"]["artifacts"]) == 100
    assert document["last_iteration"] == 99
    curve = api("events.scalar_metrics_iter_histogram", task=task)["m"]["v"]
    assert curve["x"] == list(range(100))


def test_readers_do_not_wait_for_a_writer(api: Api) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool, api.store.write():
        assert "tasks" in pool.submit(api, "tasks.get_all").result(timeout=10)


def test_two_who_create_the_same_project_at_once_get_one(api: Api) -> None:
    def create(_: int) -> str:
        refused = api.refusal("projects.create", name="raced/for")
        return "" if refused is None else str(refused.code)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = sorted(pool.map(create, range(32)))
    assert answers == ["", *["(400, 801)"] * 31]
