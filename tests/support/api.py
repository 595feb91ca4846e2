"""The API in this process: every answer is held against the SDK's own schema, every refusal against the envelope."""

import contextlib
import importlib
import json
import re
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from starlette.testclient import TestClient

from clearml_flows.localserver.accounts import Accounts
from clearml_flows.localserver.app import api_app
from clearml_flows.localserver.store.database import Store, open_store
from clearml_flows.localserver.tokens import Tokens

ACCESS_KEY, SECRET_KEY = "access-key", "secret-key"
TOKENS = Tokens("t" * 32)
SERVICES = ("auth", "events", "models", "organization", "pipelines", "projects", "queues", "tasks", "workers")
# What only clients of an older API may call.
OLD = dict.fromkeys(("models.get_by_task_id", "models.update_for_task"), "2.13")
Json = dict[str, Any]
# The server answers these otherwise than the SDK's response classes say: a number, names by metric, a file, a list.
UNLIKE_THE_SDK = {
    "tasks.get_configuration_names",
    "events.delete_for_task",
    "events.delete_for_model",
    "events.get_vector_metrics_and_variants",
    "events.download_task_log",
    *OLD,
}


@cache
def sdk_classes(kind: str) -> dict[str, Any]:
    """The SDK's Request or Response classes by the name of their endpoint."""
    modules = [importlib.import_module(f"clearml.backend_api.services.v2_23.{service}") for service in SERVICES]
    classes = [value for module in modules for name, value in vars(module).items() if name.endswith(kind)]
    return {f"{item._service}.{item._action}": item for item in classes if getattr(item, "_action", None)}


@cache
def _validator(endpoint: str, kind: str) -> jsonschema.Draft7Validator | None:
    found = sdk_classes(kind).get(endpoint)
    if found is None or found._schema is None:
        return None
    # Two of the SDK's schemas refer to definitions that they do not hold: these allow everything.
    missing: Json = {name: {} for name in re.findall(r'"#/definitions/(\w+)"', json.dumps(found._schema))}
    definitions = {**missing, **found._schema.get("definitions", {})}
    return jsonschema.Draft7Validator({**found._schema, "definitions": definitions})


def find_request_problems(endpoint: str, body: Json) -> list[str]:
    """How a request differs from the SDK's class for it: wrong types, and fields that it does not know."""
    validator, known = _validator(endpoint, "Request"), sdk_classes("Request").get(endpoint)
    if validator is None or known is None:
        return [f"{endpoint} is no endpoint of the SDK"]
    # A filter by a field inside documents is named by its path.
    unknown = [name for name in body if "." not in name and name not in known._schema["properties"]]
    return [
        *(f"{endpoint}: {name}" for name in unknown),
        *(f"{endpoint}: {e.message}" for e in validator.iter_errors(body)),
    ]


def check_answer(endpoint: str, data: Json) -> None:
    """The answer's data is what the SDK's response class says (for endpoints that the SDK has one for)."""
    validator = _validator(endpoint, "Response")
    if validator is not None and endpoint not in UNLIKE_THE_SDK:
        validator.validate(data)


def check_envelope(envelope: Json, status: int, endpoint: str) -> Json:
    """The envelope is whole, whatever it says; its `meta`."""
    assert set(envelope) == {"meta", "data"}
    meta: Json = envelope["meta"]
    names = "id trx endpoint result_code result_subcode result_msg error_stack error_data"
    assert sorted(meta) == sorted(names.split())
    assert sorted(meta["endpoint"]) == ["actual_version", "name", "requested_version"]
    assert meta["endpoint"]["name"] == endpoint
    assert meta["result_code"] == status <= 500
    assert isinstance(meta["result_msg"], str)
    return meta


class Refused(Exception):
    def __init__(self, meta: Json) -> None:
        super().__init__(f"{meta['result_code']}/{meta['result_subcode']} {meta['result_msg']}")
        self.code = (meta["result_code"], meta["result_subcode"])
        self.message: str = meta["result_msg"]


class Api:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store: Store = open_store(path)
        self.app = api_app(self.store, Accounts(self.store, TOKENS, ACCESS_KEY, SECRET_KEY))
        self.client = TestClient(self.app, raise_server_exceptions=False)
        # One event loop for all requests: one for each would take most of the time.
        self.client.__enter__()
        self.headers = {"Authorization": f"Bearer {TOKENS.issue('local')}", "Content-Type": "application/json"}

    def close(self) -> None:
        self.client.__exit__()
        self.store.close()

    def __call__(self, endpoint: str, /, **data: Any) -> Json:
        """The data of a good answer; raises Refused for any other."""
        return self.send(endpoint, json.dumps(data).encode())

    def batch(self, endpoint: str, *items: Json) -> Json:
        """As __call__, with a body of JSON lines."""
        return self.send(endpoint, "\n".join(json.dumps(item) for item in items).encode())

    def send(
        self,
        endpoint: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        method: str = "GET",
        version: str = "",
    ) -> Json:
        sent = self.headers if headers is None else headers
        path = f"/v{version or OLD.get(endpoint, '2.23')}/{endpoint}"
        response = self.client.request(method, path, content=body, headers=sent)
        if response.headers["content-type"].startswith("text/"):
            return {"text": response.text, "filename": response.headers["content-disposition"]}
        envelope = response.json()
        meta = check_envelope(envelope, response.status_code, endpoint)
        if response.status_code != 200:
            assert envelope["data"] == {}
            raise Refused(meta)
        check_answer(endpoint, envelope["data"])
        answer: Json = envelope["data"]
        return answer

    def refusal(self, endpoint: str, /, **data: Any) -> Refused | None:
        """How a request was refused, None if it was not."""
        try:
            self(endpoint, **data)
        except Refused as refused:
            return refused
        return None

    def task(self, name: str = "a task", **fields: Any) -> str:
        """A new Task's id."""
        return str(self("tasks.create", **{"name": name, "type": "training", **fields})["id"])

    def read(self, task: str) -> Json:
        document: Json = self("tasks.get_by_id", task=task)["task"]
        return document

    def status(self, task: str) -> str:
        return str(self.read(task)["status"])

    def queue(self, name: str = "a queue") -> str:
        return str(self("queues.create", name=name)["id"])

    def project(self, name: str = "a project") -> str:
        return str(self("projects.create", name=name)["id"])

    def model(self, name: str = "a model", **fields: Any) -> str:
        return str(self("models.create", **{"name": name, "uri": "http://x/m", **fields})["id"])

    def dump(self) -> list[str]:
        """Everything in the database, to see whether something changed it."""
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return list(connection.iterdump())
