"""Every endpoint once, with a good request: its answer is what the SDK's response class and the wire records say."""

import base64
import copy
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.localserver import services
from clearml_flows.localserver.registry import ENDPOINTS
from tests.support.api import ACCESS_KEY, SECRET_KEY, TOKENS, UNLIKE_THE_SDK, Api, Refused, sdk_classes

services.load()
Json = dict[str, Any]
SCALAR: Json = {"type": "training_stats_scalar", "metric": "loss", "variant": "train", "iter": 1, "value": 0.5}
IMAGE: Json = {"type": "training_debug_image", "metric": "img", "variant": "a", "url": "http://x/i.png"}
PLOT: Json = {"type": "plot", "metric": "curve", "variant": "roc", "iter": 1, "plot_str": "{}"}


class World:
    """A server with one of everything, and with what requests about these need."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.project = api.project("top/inner one")
        self.other_project = api.project("another")
        self.queue = api.queue()
        rate = {"section": "Args", "name": "lr", "value": "0.1"}
        self.task = api.task(project=self.project, tags=["t"], hyperparams={"Args": {"lr": rate}})
        self.child = api.task(parent=self.task, project=self.project)
        self.pipelines = api.project("pipelines")
        for name in ("first run", "second run"):
            self.run = api.task(name, type="controller", project=self.pipelines)
        self.public_project = api.project("public one")
        api("projects.make_public", ids=[self.public_project])
        self.shared = api.task("shared one")
        api("tasks.make_public", ids=[self.shared])
        self.running = self._started()
        self.queued = api.task("queued one")
        self.second = api.task("queued two")
        for task in (self.queued, self.second):
            api("tasks.enqueue", task=task, queue=self.queue)
        self.model = api.model(project=self.project, task=self.task, ready=False, framework="SkLearn")
        api("tasks.add_or_update_model", task=self.task, name="m", model=self.model, type="output")
        api("workers.register", worker="w:1", queues=[self.queue])
        events: list[Json] = [SCALAR, PLOT, {"type": "log", "msg": "hello"}]
        events += [{**IMAGE, "iter": iteration} for iteration in (1, 2, 3)]
        events += [{**SCALAR, "metric": "Summary", "variant": "acc", "iter": -(2**31)}]
        events += [{"type": "training_stats_vector", "metric": "v", "variant": "a", "values": [1, 2]}]
        api.batch("events.add_batch", *({"task": self.task, **event} for event in events))
        self.image_scroll = api("events.get_debug_image_sample", task=self.task, metric="img", variant="a")["scroll_id"]
        self.plot_scroll = api("events.get_plot_sample", task=self.task, metric="curve")["scroll_id"]
        stats = {"cpu_usage": [10.5, 20], "memory_used": 100}
        api("workers.status_report", worker="w:1", timestamp=int(time.time() * 1000), machine_stats=stats)
        self.public = api.model("a public model")
        api("models.make_public", ids=[self.public])
        self.stopped = self._started()
        api("tasks.stopped", task=self.stopped)
        self.report = api("reports.create", name="a report", project=self.project)["id"]
        self.access_key = api("auth.create_credentials")["credentials"]["access_key"]

    @property
    def prepared(self) -> str:
        """A prepared download, which the server forgets after a while."""
        endpoint = "organization.prepare_download_for_get_all"
        return str(self.api(endpoint, **REQUESTS[endpoint])["prepare_id"])

    def _started(self) -> str:
        task = self.api.task("running one")
        self.api("tasks.started", task=task)
        return task

    def request(self, endpoint: str) -> Json:
        """A good request to an endpoint."""
        request: Json = self._filled(REQUESTS[endpoint])
        return request

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return getattr(self, value[1:]) if isinstance(value, str) and value.startswith("$") else value


# A good request to each endpoint. "$name" stands for what the world has under that name.
REQUESTS: dict[str, Json] = json.loads(Path(__file__).with_name("requests.json").read_bytes())
# Answered to no user of this server.
FORBIDDEN = {"auth.create_user", "auth.edit_user", "auth.get_token_for_user", "auth.validate_token"}
FORBIDDEN |= {"server.config", "server.endpoints", "server.get_stats", "users.create", "users.delete"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Made once; every test has a copy of its database."""
    world = World(Api(tmp_path_factory.mktemp("world") / "made.db"))
    world.api.close()
    return world


@pytest.fixture
def world(made: World, tmp_path: Path) -> Iterator[World]:
    shutil.copy(made.api.path, tmp_path / "world.db")
    world = copy.copy(made)
    world.api = Api(tmp_path / "world.db")
    yield world
    world.api.close()


def test_every_endpoint_is_asked_here() -> None:
    assert set(REQUESTS) | FORBIDDEN == set(ENDPOINTS)


@pytest.mark.parametrize("endpoint", sorted(REQUESTS))
def test_a_good_request_is_answered_as_the_sdk_expects(world: World, endpoint: str) -> None:
    answer = world.api(endpoint, **world.request(endpoint))
    response = sdk_classes("Response").get(endpoint)
    if response is not None and endpoint not in UNLIKE_THE_SDK:
        assert response(**answer).to_dict() is not None


# What no field expects, or only in some places.
WILD: list[Any] = [-1, 2**70, True, "\x00", [[]], {"a": [1]}]


@pytest.mark.parametrize("endpoint", sorted(REQUESTS))
def test_a_good_request_with_one_wild_field_is_answered_or_refused(world: World, endpoint: str) -> None:
    good = world.request(endpoint)
    request = sdk_classes("Request").get(endpoint)
    known = (getattr(request, "_schema", None) or {}).get("properties") or {}
    for name in {**good, **known}:
        for value in WILD:
            refused = world.api.refusal(endpoint, **{**good, name: value})
            assert refused is None or refused.code[0] == 400, (name, value, refused)


SHAPES: list[Json] = [
    {},
    {"a": 5},
    {"a": None},
    {"a": {}},
    {"a": {"b": 5}},
    {"a": {"b": {}}},
    {"input": 5, "output": [], "artifacts": 5},
    {"input": [5], "output": [{}], "artifacts": [5]},
    {"input": [{"name": "m"}], "output": [{"model": 5}], "artifacts": [{}]},
    {"input": [{"name": "m", "model": "x"}], "artifacts": [{"key": "a"}], "requirements": 5},
    {"artifacts": [{"key": "a", "mode": 5, "uri": 5}], "queue": 5, "parameters": 5},
    {"artifacts": None, "input": None, "output": None, "requirements": None},
]


@pytest.mark.parametrize("field", ["hyperparams", "configuration", "models", "execution", "script"])
@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_a_task_was_made_with_can_be_read_and_changed_again(world: World, field: str, shape: Json) -> None:
    refused = world.api.refusal("tasks.edit", task=world.task, **{field: shape})
    assert refused is None or refused.code[0] == 400
    if refused is None:
        for endpoint in sorted(REQUESTS):
            if "$task" in str(REQUESTS[endpoint]) and not endpoint.startswith("events"):
                refused = world.api.refusal(endpoint, **world.request(endpoint))
                assert refused is None or refused.code[0] == 400, (endpoint, refused)


def test_reading_endpoints_write_nothing(world: World) -> None:
    before = world.api.dump()
    for name in sorted(REQUESTS):
        if not ENDPOINTS[name].writes:
            world.api(name, **world.request(name))
    assert world.api.dump() == before


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, (401, 20)),
        ({"Authorization": "Bearer x"}, (401, 30)),
        ({"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}, (401, 22)),
        ({"Authorization": "Basic ::"}, (401, 22)),
        ({"Authorization": "Digest x"}, (401, 10)),
        ({"Cookie": f"clearml_token_basic={TOKENS.issue('local')}"}, (401, 20)),
    ],
    ids=["none", "bearer", "basic", "malformed", "other", "cookie"],
)
def test_nobody_gets_in_without_credentials(api: Api, headers: dict[str, str], code: tuple[int, int]) -> None:
    before = api.dump()
    for endpoint in sorted(name for name in ENDPOINTS if not ENDPOINTS[name].open):
        with pytest.raises(Refused) as refused:
            api.send(endpoint, b"{}", headers)
        assert refused.value.code == code, endpoint
    assert api.dump() == before


def test_few_endpoints_are_open_to_everybody() -> None:
    names = {name for name, endpoint in ENDPOINTS.items() if endpoint.open}
    assert names == {"auth.fixed_users_mode", "debug.ping", "login.logout", "login.supported_modes"}


def test_the_key_pair_opens_every_door_as_a_token_does(api: Api) -> None:
    basic = base64.b64encode(f"{ACCESS_KEY}:{SECRET_KEY}".encode()).decode()
    assert "token" in api.send("auth.login", b"", {"Authorization": f"Basic {basic}"})


def _records() -> list[Json]:
    folder = Path(os.environ.get("FLOWS_TEST_WIRE") or Path(__file__).parents[4] / "shared" / "wire")
    path = folder / "exchanges.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


# What these answer depends on what was sent, not on the server.
ECHOES = {"tasks.edit", "tasks.completed", "tasks.publish", "models.edit", "projects.update", "queues.get_all"}
ECHOES |= FORBIDDEN | {"events.get_task_log", "events.scalar_metrics_iter_histogram"}
# The names of these objects' fields are the user's.
FREE = {"hyperparams", "metadata", "configuration", "runtime", "last_metrics"}
RECORDED = {
    record["endpoint"]: record["response"]["data"]
    for record in _records()
    if record["status"] == 200 and not record.get("truncated") and record["endpoint"] not in ECHOES
}


@pytest.mark.parametrize("endpoint", sorted(RECORDED) or [None])
def test_an_answer_has_every_field_that_the_recorded_one_has(world: World, endpoint: str | None) -> None:
    if endpoint is None:
        pytest.skip("the wire records are not beside the project, nor named by FLOWS_TEST_WIRE")
    answer = world.api(endpoint, **world.request(endpoint))
    assert list(_missing(RECORDED[endpoint], answer, endpoint)) == []


def _missing(recorded: Any, found: Any, path: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(found, dict):
        for name, value in recorded.items():
            if name not in found:
                yield f"{path}.{name}"
            elif name not in FREE:
                yield from _missing(value, found[name], f"{path}.{name}")
    elif isinstance(recorded, list) and isinstance(found, list) and recorded and found:
        yield from _missing(recorded[0], found[0], f"{path}[0]")
