from tests.localserver.services.models.test_publishing import task_that
from tests.support.api import Api


def outputs(api: Api, task: str) -> list[str]:
    return [item["model"] for item in api.read(task)["models"]["output"]]


def output_of(api: Api, task: str) -> str:
    model = api.model(ready=False, task=task, uri="http://x/out")
    api("tasks.add_or_update_model", task=task, name="m", model=model, type="output")
    return model


def test_a_deleted_model_leaves_the_task_that_made_it(api: Api) -> None:
    task = task_that(api, "started")
    gone, kept = output_of(api, task), api.model("kept", task=task)
    api("tasks.add_or_update_model", task=task, name="kept", model=kept, type="output")
    assert api("models.delete", model=gone) == {"deleted": True, "url": "http://x/out"}
    assert outputs(api, task) == [kept]
    assert api("models.delete", model=kept)["deleted"]
    assert outputs(api, task) == []


def test_the_model_of_a_published_task_is_deleted_by_force_and_leaves_a_mark(api: Api) -> None:
    task = task_that(api, "started")
    model = output_of(api, task)
    api("tasks.stopped", task=task)
    api("tasks.publish", task=task, publish_model=False)
    refused = api.refusal("models.delete", model=model)
    assert refused
    assert refused.code == (400, 206)
    assert api("models.delete", model=model, force=True)["deleted"]
    assert outputs(api, task) == [f"__DELETED__{model}"]
    assert api.read(task)["output"]["error"].startswith("model deleted on 2")


def test_a_model_that_tasks_use_is_deleted_by_force_and_leaves_a_mark(api: Api) -> None:
    task, model, other = api.task(), api.model(), api.model("other")
    for name, used in (("m", model), ("n", other)):
        api("tasks.add_or_update_model", task=task, name=name, model=used, type="input")
    refused = api.refusal("models.delete", model=model)
    assert refused
    assert (refused.code, "num_tasks=1" in refused.message) == ((400, 205), True)
    answer = api("models.delete_many", ids=[model, "nope"], force=True)
    assert answer["succeeded"] == [{"id": model, "deleted": True, "url": "http://x/m"}]
    assert answer["failed"][0]["error"]["codes"] == [400, 201]
    assert [item["model"] for item in api.read(task)["models"]["input"]] == [f"__DELETED__{model}", other]


def test_a_task_may_use_the_model_that_it_made(api: Api) -> None:
    task = task_that(api, "started")
    model = output_of(api, task)
    api("tasks.add_or_update_model", task=task, name="again", model=model, type="input")
    api("models.delete", model=model, force=True)
    assert [item["model"] for item in api.read(task)["models"]["input"]] == [f"__DELETED__{model}"]
    assert outputs(api, task) == []
