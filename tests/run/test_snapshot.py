import json
from typing import Any

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.run import snapshot

CONTROLLER: dict[str, Any] = {
    "id": "run1",
    "status": "in_progress",
    "project": "p1",
    "configuration": {
        "Pipeline": {
            "value": json.dumps(
                {"download": {"job_id": "d"}, "validate": {"job_id": "v"}, "features": {"job_id": None}}
            )
        }
    },
}
TASKS: list[dict[str, Any]] = [
    {
        "id": "d",
        "parent": "run1",
        "status": "completed",
        "started": "2026-01-01T00:00:00+00:00",
        "completed": "2026-01-01T00:00:02.500000+00:00",
        "hyperparams": {"return": {"raw": {"value": '{"sha256":"abc"}'}}},
    },
    {"id": "v", "parent": "an earlier run", "status": "completed", "started": "2026-01-01T00:00:00+00:00"},
]


class Recorded(Api):
    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        if endpoint == "tasks.get_by_id":
            return {"task": CONTROLLER}
        return {"tasks": [task for task in [CONTROLLER, *TASKS] if task["id"] in body["id"]]}


@pytest.fixture
def api() -> Api:
    return Recorded("http://127.0.0.1:1", "key", "secret")


def test_a_run_is_its_steps_with_their_states_and_results(api: Api) -> None:
    run = snapshot.read(api, "run1")
    assert [(step.name, step.status, step.seconds) for step in run.steps] == [
        ("download", "completed", 2.5),
        ("validate", "cached", 0.0),
        ("features", "pending", 0.0),
    ]
    assert run.result("raw") == {"sha256": "abc"}
    assert run.result("split") == {}
    assert run.broken is None
