import pytest

from tests.support.api import Api, Refused


def test_a_life(api: Api) -> None:
    task = api.task()
    for action, status in (("started", "in_progress"), ("stopped", "stopped"), ("started", "in_progress")):
        fields = api(f"tasks.{action}", task=task)["fields"]
        assert fields["status"] == status == api.status(task)
    answer = api("tasks.completed", task=task, status_reason="done", status_message="well")
    assert (answer["updated"], answer["published"]) == (1, 0)
    document = api.read(task)
    assert (document["status_reason"], document["status_message"]) == ("done", "well")
    assert document["completed"] >= document["started"]
    # The SDK and the agent both say so at the end.
    assert api("tasks.completed", task=task)["fields"]["status"] == "completed"


@pytest.mark.parametrize("action", ["completed", "publish", "failed"])
def test_what_has_not_begun_cannot_end(api: Api, action: str) -> None:
    task = api.task()
    with pytest.raises(Refused, match="current_status=created") as refused:
        api(f"tasks.{action}", task=task)
    assert refused.value.code == (400, 110)
    api(f"tasks.{action}", task=task, force=True)
    assert api.status(task) != "created"


def test_publishing_takes_the_last_model_along(api: Api) -> None:
    task = api.task()
    first, last, used = (api.model(ready=False) for _ in range(3))
    for name, model, kind in (("first", first, "output"), ("last", last, "output"), ("used", used, "input")):
        api("tasks.add_or_update_model", task=task, name=name, model=model, type=kind)
    api("tasks.started", task=task)
    answer = api("tasks.completed", task=task, publish=True)
    assert (answer["published"], answer["fields"]["status"]) == (1, "published")
    ready = [api("models.get_by_id", model=model)["model"]["ready"] for model in (first, last, used)]
    assert ready == [False, True, False]


def test_models_may_be_left_out_of_publishing(api: Api) -> None:
    task = api.task()
    model = api.model(ready=False, task=task)
    api("tasks.add_or_update_model", task=task, name="m", model=model, type="output")
    api("tasks.started", task=task)
    api("tasks.stopped", task=task)
    api("tasks.publish", task=task, publish_model=False)
    assert not api("models.get_by_id", model=model)["model"]["ready"]


def test_a_published_task_changes_by_force_only(api: Api) -> None:
    task = api.task()
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    assert all(api.refusal(f"tasks.{action}", task=task) for action in ("started", "stopped", "publish", "reset"))
    assert api.status(task) == "published"
    api("tasks.reset", task=task, force=True)
    assert api.status(task) == "created"


def test_stopping_asks_a_worker_that_was_heard_of_and_otherwise_stops(api: Api) -> None:
    with_worker, alone, development = api.task(), api.task(), api.task(system_tags=["development"])
    for task in (with_worker, alone, development):
        api("tasks.started", task=task)
    for task in (with_worker, development):
        api("workers.status_report", worker="w:1", timestamp=1, task=task)
    fields = api("tasks.stop", task=with_worker, status_reason="why")["fields"]
    assert (fields["status"], fields["status_message"], fields["status_reason"]) == ("in_progress", "stopping", "why")
    for task in (alone, development):
        assert api("tasks.stop", task=task)["fields"]["status_message"] == "Stopped by local"
    assert [api.status(task) for task in (with_worker, alone, development)] == ["in_progress", "stopped", "stopped"]


def test_a_pipeline_is_stopped_with_its_steps_on_request(api: Api) -> None:
    pipeline, other = api.task(type="controller"), api.task()
    steps = [api.task(parent=parent) for parent in (pipeline, other)]
    for task in (pipeline, other, *steps):
        api("tasks.started", task=task)
    for task in (pipeline, other):
        api("tasks.stop", task=task, include_pipeline_steps=True)
    assert [api.status(step) for step in steps] == ["stopped", "in_progress"]


def test_a_start_of_a_task_that_is_gone_names_no_task(api: Api) -> None:
    refusal = api.refusal("tasks.started", task="nope")
    assert refusal
    assert refusal.code == (400, 10)


def test_many_are_changed_one_by_one(api: Api) -> None:
    good, bad = api.task(), api.task()
    api("tasks.started", task=good)
    answer = api("tasks.stop_many", ids=[good, bad, "nope"])
    assert answer["succeeded"][0]["fields"]["status"] == "stopped"
    assert [item["id"] for item in answer["succeeded"]] == [good]
    assert {item["id"]: item["error"]["codes"] for item in answer["failed"]} == {bad: [400, 110], "nope": [400, 101]}
    assert (api.status(good), api.status(bad)) == ("stopped", "created")


def test_the_project_tells_when_something_happened_in_it(api: Api) -> None:
    project = api.project()
    task = api.task(project=project)
    before = api("projects.get_by_id", project=project)["project"]["last_update"]
    api("tasks.started", task=task)
    assert api("projects.get_by_id", project=project)["project"]["last_update"] > before
