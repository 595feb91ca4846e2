import pytest

from tests.support.api import Api, Json, Refused


def artifact(key: str, **fields: object) -> Json:
    return {"key": key, "type": "custom", "uri": f"http://files/{key}", **fields}


def keys(api: Api, task: str) -> list[str]:
    return [item["key"] for item in api.read(task)["execution"]["artifacts"]]


def test_an_artifact_with_the_same_key_takes_the_place_of_the_first(api: Api) -> None:
    task = api.task()
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("a", hash="1"), artifact("b")])
    assert api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("a", hash="2")]) == {"updated": 1}
    assert keys(api, task) == ["a", "b"]
    assert api.read(task)["execution"]["artifacts"][0]["hash"] == "2"


def test_input_and_output_of_the_same_key_are_two(api: Api) -> None:
    task = api.task()
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("a", mode="input"), artifact("a")])
    assert keys(api, task) == ["a", "a"]
    api("tasks.delete_artifacts", task=task, artifacts=[{"key": "a", "mode": "input"}])
    assert [item["mode"] for item in api.read(task)["execution"]["artifacts"]] == ["output"]


def test_artifacts_are_sorted_by_key_whatever_order_they_came_in(api: Api) -> None:
    task = api.task(execution={"artifacts": [artifact("c"), artifact("a")]})
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("b")])
    assert keys(api, task) == ["a", "b", "c"]
    (found,) = api("tasks.get_all_ex", id=[task], only_fields=["execution.artifacts"])["tasks"]
    assert [(item["key"], item["mode"]) for item in found["execution"]["artifacts"]] == [
        ("a", "output"),
        ("b", "output"),
        ("c", "output"),
    ]


def test_artifacts_of_a_running_task_change_and_those_of_an_ended_one_do_not(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("a"), artifact("b")])
    api("tasks.delete_artifacts", task=task, artifacts=[{"key": "b"}])
    api("tasks.completed", task=task)
    for endpoint in ("tasks.add_or_update_artifacts", "tasks.delete_artifacts"):
        with pytest.raises(Refused) as refused:
            api(endpoint, task=task, artifacts=[artifact("a")], force=True)
        assert refused.value.code == (400, 110)
    assert keys(api, task) == ["a"]


@pytest.mark.parametrize("broken", [{"type": "custom"}, {"key": "a"}, {"key": 5, "type": "custom"}])
def test_an_artifact_needs_a_key_and_a_type(api: Api, broken: Json) -> None:
    task = api.task()
    with pytest.raises(Refused) as refused:
        api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact("good"), broken])
    assert refused.value.code == (400, 12)
    assert keys(api, task) == []


def test_models_are_listed_by_name_and_kind(api: Api) -> None:
    task, first, second = api.task(), api.model("first"), api.model("second")
    for model in (first, second):
        api("tasks.add_or_update_model", task=task, name="m", model=model, type="output", iteration=7)
    api("tasks.add_or_update_model", task=task, name="m", model=first, type="input")
    models = api.read(task)["models"]
    assert [item["model"] for item in models["output"]] == [second]
    assert [item["model"] for item in models["input"]] == [first]
    assert api.read(task)["last_iteration"] == 7
    api("tasks.delete_models", task=task, models=[{"name": "m", "type": "input"}])
    models = api.read(task)["models"]
    assert (len(models["input"]), len(models["output"])) == (0, 1)


def test_a_model_takes_the_place_of_the_one_with_its_name(api: Api) -> None:
    task = api.task()
    for name, model in (("a", "1"), ("b", "2"), ("a", "3")):
        assert api("tasks.add_or_update_model", task=task, name=name, model=model, type="output") == {"updated": 1}
    assert [(item["name"], item["model"]) for item in api.read(task)["models"]["output"]] == [("a", "3"), ("b", "2")]


def test_models_are_listed_on_tasks_that_have_not_ended(api: Api) -> None:
    task = api.task()
    listed = {"name": "m", "model": "x", "type": "output"}
    for action in ("started", "completed"):
        api(f"tasks.{action}", task=task)
    for endpoint, fields in (("add_or_update_model", listed), ("delete_models", {"models": [listed]})):
        refusals = [api.refusal(f"tasks.{endpoint}", task=one, **fields) for one in (task, "nope")]
        assert [refusal.code for refusal in refusals if refusal] == [(400, 110), (400, 101)]
