from typing import Any

import pytest

from tests.support.api import Api, Refused

LR = {"section": "Args", "name": "lr", "value": "1", "type": "float"}
EPOCHS = {"section": "Args", "name": "epochs", "value": "3"}


def pipeline(api: Api, name: str = "a pipeline", **fields: Any) -> str:
    parameters = {"Args": {"lr": LR, "epochs": EPOCHS}}
    return api.task(name, type="controller", system_tags=["pipeline"], hyperparams=parameters, **fields)


def test_a_pipeline_starts_again_as_a_copy_with_other_arguments(api: Api) -> None:
    source, queue = pipeline(api), api.queue()
    answer = api("pipelines.start_pipeline", task=source, queue=queue, args=[{"name": "lr", "value": "2"}])
    assert answer == {"pipeline": answer["pipeline"], "enqueued": True}
    document = api.read(answer["pipeline"])
    assert (document["name"], document["type"], document["status"]) == ("a pipeline", "controller", "queued")
    assert document["status_message"] == "Starting pipeline"
    assert document["hyperparams"]["Args"] == {
        "lr": {"section": "Args", "name": "lr", "value": "2"},
        "epochs": EPOCHS,
    }
    assert api.read(source)["hyperparams"]["Args"]["lr"]["value"] == "1"
    assert api("queues.peek_task", queue=queue) == {"task": answer["pipeline"]}


def test_runs_are_numbered_in_their_project(api: Api) -> None:
    source = pipeline(api, "flow", project=api.project(".pipelines/flow"))
    runs = [api("pipelines.start_pipeline", task=source, queue=api.queue(f"queue {at}"))["pipeline"] for at in range(2)]
    assert [api.read(run)["name"] for run in runs] == ["flow #2", "flow #3"]


@pytest.mark.parametrize("watched", [True, False])
def test_a_start_says_whether_somebody_watches_the_queue(api: Api, watched: bool) -> None:
    queue = api.queue()
    api("workers.register", worker="w:1", queues=[queue] if watched else [])
    answer = api("pipelines.start_pipeline", task=pipeline(api), queue=queue, verify_watched_queue=True)
    assert answer["queue_watched"] is watched


def test_runs_are_deleted_with_their_steps_but_one_stays(api: Api) -> None:
    project = api.project()
    runs = [pipeline(api, project=project) for _ in range(2)]
    other, step = api.task(project=project), api.task(project=project, parent=runs[0])
    with pytest.raises(Refused) as refused:
        api("pipelines.delete_runs", project=project, ids=runs)
    assert refused.value.code == (400, 160)
    answer = api("pipelines.delete_runs", project=project, ids=[runs[0], other, "nope"])
    assert [item["id"] for item in answer["succeeded"]] == [runs[0]]
    assert {task["id"] for task in api("tasks.get_all")["tasks"]} == {runs[1], other}
    assert api.refusal("tasks.get_by_id", task=step)
