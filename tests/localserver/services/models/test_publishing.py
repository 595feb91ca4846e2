from tests.support.api import Api


def ready(api: Api, model: str) -> bool:
    return bool(api("models.get_by_id", model=model)["model"]["ready"])


def task_that(api: Api, *actions: str) -> str:
    task = api.task()
    for action in actions:
        api(f"tasks.{action}", task=task)
    return task


def test_publishing_takes_the_task_along_unless_told_not_to(api: Api) -> None:
    task = task_that(api, "started", "stopped")
    first, second, third = (api.model(ready=False, task=task) for _ in range(3))
    assert api("models.set_ready", model=first, publish_task=False) == {"updated": 1, "fields": {}}
    assert (ready(api, first), api.status(task)) == (True, "stopped")
    answer = api("models.set_ready", model=second)
    assert answer["published_task"]["id"] == task
    assert answer["published_task"]["data"]["updated"] == 1
    assert (ready(api, second), ready(api, third), api.status(task)) == (True, False, "published")
    assert "published_task" not in api("models.set_ready", model=third)


def test_a_model_is_published_once(api: Api) -> None:
    refused = api.refusal("models.set_ready", model=api.model())
    assert refused
    assert refused.code == (400, 203)


def test_a_task_that_runs_is_published_by_force_only(api: Api) -> None:
    task = task_that(api, "started")
    model = api.model(ready=False, task=task)
    refused = api.refusal("models.set_ready", model=model)
    assert refused
    assert refused.code == (400, 110)
    assert (ready(api, model), api.status(task)) == (False, "in_progress")
    api("models.set_ready", model=model, force_publish_task=True)
    assert (ready(api, model), api.status(task)) == (True, "published")


def test_many_are_published_one_by_one(api: Api) -> None:
    task, running = task_that(api, "started", "completed"), task_that(api, "started")
    good, bad, done = api.model(ready=False, task=task), api.model(ready=False, task=running), api.model()
    answer = api("models.publish_many", ids=[good, bad, done, "nope"])
    assert [(item["id"], item["published_task"]["id"]) for item in answer["succeeded"]] == [(good, task)]
    codes = [(item["id"], item["error"]["codes"]) for item in answer["failed"]]
    assert codes == [(bad, [400, 110]), (done, [400, 203]), ("nope", [400, 201])]
    assert (ready(api, good), ready(api, bad), api.status(task)) == (True, False, "published")
