"""The output model of a Task, as clients before API 2.13 know it."""

import pytest

from tests.localserver.services.models.test_edit import read
from tests.support.api import Api, Json


def test_the_first_model_is_a_draft_that_takes_after_its_task(api: Api) -> None:
    project, used = api.project(), api.model()
    execution = {"framework": "Keras", "model_labels": {"cat": 1}}
    task = api.task(project=project, execution=execution)
    api("tasks.add_or_update_model", task=task, name="in", model=used, type="input")
    made = api("models.update_for_task", task=task, uri="http://x/1", iteration=9)
    assert made["created"]
    document = read(api, made["id"])
    assert (document["ready"], document["framework"], document["labels"]) == (False, "Keras", {"cat": 1})
    assert (document["project"], document["task"], document["parent"]) == (project, task, used)
    assert (document["name"], document["comment"]) == ("a task", f"Created by task `a task` ({task})")
    (output,) = api.read(task)["models"]["output"]
    assert (output["model"], output["name"], api.read(task)["last_iteration"]) == (made["id"], "Output Model", 9)
    assert api("models.get_frameworks", projects=[project]) == {"frameworks": ["Keras"]}


def test_the_next_ones_change_the_model_that_is_there(api: Api) -> None:
    task, other = api.task(), api.model()
    first = api("models.update_for_task", task=task, uri="http://x/1", name="made", tags=["a"])
    again = api("models.update_for_task", task=task, uri="http://x/2", iteration=3)
    assert (again["created"], again["id"], again["updated"]) == (False, first["id"], 1)
    document = read(api, first["id"])
    assert (document["uri"], document["name"], document["tags"]) == ("http://x/2", "a task", ["a"])
    taken = api("models.update_for_task", task=task, override_model_id=other)
    assert taken == {"id": other, "created": True}
    assert [output["model"] for output in api.read(task)["models"]["output"]] == [other]
    assert api("models.get_by_task_id", task=task)["model"]["id"] == other


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({}, 11),
        ({"uri": "http://x", "override_model_id": "m"}, 11),
        ({"override_model_id": "nope"}, 201),
        ({"uri": "http://x", "task": "nope"}, 101),
    ],
)
def test_what_names_no_model_is_refused(api: Api, request_: Json, code: int) -> None:
    refused = api.refusal("models.update_for_task", **{"task": api.task(), **request_})
    assert refused
    assert refused.code == (400, code)


def test_a_task_that_ended_makes_no_model(api: Api) -> None:
    task = api.task()
    for action in ("started", "completed"):
        api(f"tasks.{action}", task=task)
    refused = api.refusal("models.update_for_task", task=task, uri="http://x")
    assert refused
    assert refused.code == (400, 110)


def test_a_task_without_a_model_has_none_to_read(api: Api) -> None:
    refused = api.refusal("models.get_by_task_id", task=api.task())
    assert refused
    assert refused.code == (400, 122)


@pytest.mark.parametrize("endpoint", ["models.get_by_task_id", "models.update_for_task"])
def test_newer_clients_have_other_endpoints_for_it(api: Api, endpoint: str) -> None:
    response = api.client.post(f"/v2.14/{endpoint}", json={"task": api.task(), "uri": "x"}, headers=api.headers)
    meta = response.json()["meta"]
    assert (meta["result_code"], meta["result_subcode"]) == (301, 1)
