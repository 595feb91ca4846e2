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


def test_publishing_takes_the_models_along(api: Api) -> None:
    task = api.task()
    made, kept = api.model(ready=False, task=task), api.model(ready=False)
    api("tasks.add_or_update_model", task=task, name="m", model=made, type="output")
    api("tasks.add_or_update_model", task=task, name="k", model=kept, type="input")
    api("tasks.started", task=task)
    answer = api("tasks.completed", task=task, publish=True)
    assert (answer["published"], answer["fields"]["status"]) == (1, "published")
    assert api("models.get_by_id", model=made)["model"]["ready"]
    assert not api("models.get_by_id", model=kept)["model"]["ready"]


def test_models_may_be_left_out_of_publishing(api: Api) -> None:
    task = api.task()
    model = api.model(ready=False, task=task)
    api("tasks.add_or_update_model", task=task, name="m", model=model, type="output")
    api("tasks.started", task=task)
    api("tasks.stopped", task=task)
    api("tasks.publish", task=task, publish_model=False)
    assert not api("models.get_by_id", model=model)["model"]["ready"]


def test_a_published_task_stays_so_whatever_the_force(api: Api) -> None:
    task = api.task()
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    for action in ("started", "stopped", "failed", "reset", "enqueue"):
        assert api.refusal(f"tasks.{action}", task=task, force=True)
    assert api.status(task) == "published"


def test_stopping_asks_a_live_worker_and_otherwise_stops(api: Api) -> None:
    with_worker, alone = api.task(), api.task()
    for task in (with_worker, alone):
        api("tasks.started", task=task)
    api("workers.status_report", worker="w:1", timestamp=1, task=with_worker)
    api("tasks.stop", task=with_worker)
    api("tasks.stop", task=alone)
    assert api.read(with_worker)["status_message"] == "stopping"
    assert (api.status(with_worker), api.status(alone)) == ("in_progress", "stopped")


def test_stopping_takes_out_of_the_queue(api: Api) -> None:
    task = api.task()
    api("tasks.enqueue", task=task, queue=(queue := api.queue()))
    api("tasks.stopped", task=task)
    assert api.status(task) == "stopped"
    assert api("queues.get_num_entries", queue=queue) == {"num": 0}


def test_many_are_changed_one_by_one(api: Api) -> None:
    good, bad = api.task(), api.task()
    api("tasks.started", task=good)
    answer = api("tasks.stop_many", ids=[good, bad, "nope"])
    assert [item["id"] for item in answer["succeeded"]] == [good]
    assert {item["id"]: item["error"]["codes"] for item in answer["failed"]} == {bad: [400, 110], "nope": [400, 101]}
    assert (api.status(good), api.status(bad)) == ("stopped", "created")


def test_the_project_tells_when_something_happened_in_it(api: Api) -> None:
    project = api.project()
    task = api.task(project=project)
    before = api("projects.get_by_id", project=project)["project"]["last_update"]
    api("tasks.started", task=task)
    assert api("projects.get_by_id", project=project)["project"]["last_update"] > before
