import pytest

from tests.support.api import Api, Refused


def ready(api: Api, model: str) -> bool:
    return bool(api("models.get_by_id", model=model)["model"]["ready"])


def completed(api: Api) -> str:
    task = api.task()
    for action in ("started", "completed"):
        api(f"tasks.{action}", task=task)
    return task


def test_publishing_may_take_the_task_along(api: Api) -> None:
    task = completed(api)
    first, second = (api.model(ready=False, task=task) for _ in range(2))
    api("models.set_ready", model=first, publish_task=False)
    assert (ready(api, first), api.status(task)) == (True, "completed")
    answer = api("models.set_ready", model=second, publish_task=True)
    assert answer["published_task"]["id"] == task
    assert (ready(api, second), api.status(task)) == (True, "published")
    assert "published_task" not in api("models.set_ready", model=second, publish_task=True)


def test_a_task_that_runs_is_published_by_force_only(api: Api) -> None:
    task = api.task()
    api("tasks.started", task=task)
    model = api.model(ready=False, task=task)
    with pytest.raises(Refused):
        api("models.set_ready", model=model, publish_task=True)
    assert not ready(api, model)
    api("models.set_ready", model=model, publish_task=True, force_publish_task=True)
    assert api.status(task) == "published"


def test_many_are_published_one_by_one(api: Api) -> None:
    running = api.task()
    api("tasks.started", task=running)
    good, bad = api.model(ready=False, task=completed(api)), api.model(ready=False, task=running)
    answer = api("models.publish_many", ids=[good, bad, "nope"], publish_tasks=True)
    assert [item["id"] for item in answer["succeeded"]] == [good]
    assert (ready(api, good), ready(api, bad)) == (True, False)


def test_what_is_published_or_used_is_deleted_by_force_only(api: Api) -> None:
    task = api.task()
    free = api.model(ready=False, uri="http://x/free")
    published, used = api.model(task=task), api.model(ready=False)
    api("tasks.add_or_update_model", task=task, name="m", model=used, type="input")
    assert api("models.delete", model=free) == {"deleted": True, "url": "http://x/free"}
    for model in (published, used):
        with pytest.raises(Refused) as refused:
            api("models.delete", model=model)
        assert refused.value.code == (400, 204)
    answer = api("models.delete_many", ids=[published, used, "nope"], force=True)
    assert len(answer["succeeded"]) == 2
    assert api("models.get_all")["models"] == []
