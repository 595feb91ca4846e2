from typing import Any

import pytest

from tests.support.api import Api, Refused

SCALAR = {"type": "training_stats_scalar", "metric": "m", "variant": "v", "value": 1.0}


def ran(api: Api, **fields: Any) -> str:
    """A completed Task with an event, an artifact, and a model that is not published."""
    task = api.task(**fields)
    api("tasks.started", task=task)
    api.batch("events.add_batch", {"task": task, **SCALAR})
    artifact = {"key": "a", "type": "custom", "uri": "http://files/a"}
    api("tasks.add_or_update_artifacts", task=task, artifacts=[artifact], force=True)
    model = api.model(task=task, ready=False)
    api("tasks.add_or_update_model", task=task, name="m", model=model, type="output")
    api("tasks.completed", task=task)
    return task


def test_archived_tasks_wait_nowhere_and_do_not_run(api: Api) -> None:
    queue, queued, running = api.queue(), api.task(), api.task()
    api("tasks.enqueue", task=queued, queue=queue)
    api("tasks.started", task=running)
    api("tasks.archive_many", ids=[queued, running])
    assert (api.status(queued), api.status(running)) == ("created", "stopped")
    assert api("queues.get_num_entries", queue=queue) == {"num": 0}
    assert all("archived" in api.read(task)["system_tags"] for task in (queued, running))
    assert api.refusal("tasks.archive", tasks=[running, "nope"])
    assert api("tasks.archive", tasks=[queued]) == {"archived": 1}
    assert api.read(queued)["system_tags"] == ["archived"]
    api("tasks.unarchive_many", ids=[queued])
    assert api.read(queued)["system_tags"] == []


def test_a_reset_task_is_new_again_and_keeps_its_definition(api: Api) -> None:
    parameters = {"Args": {"lr": {"section": "Args", "name": "lr", "value": "1"}}}
    task = ran(api, hyperparams=parameters, script={"diff": "x = 1"})
    answer = api("tasks.reset", task=task)
    assert answer["deleted_models"] == 1
    document = api.read(task)
    assert (document["status"], document["last_metrics"]) == ("created", {})
    assert (document["hyperparams"], document["script"]["diff"]) == (parameters, "x = 1")
    assert document["execution"]["artifacts"] == document["models"]["output"] == []
    assert not {"started", "completed"} & set(document)
    assert api("events.scalar_metrics_iter_histogram", task=task) == {}


def test_a_reset_may_clear_execution_and_script_too(api: Api) -> None:
    parameters = {"Args": {"lr": {"section": "Args", "name": "lr", "value": "1"}}}
    task = ran(api, hyperparams=parameters, script={"diff": "x = 1"}, execution={"model_labels": {"cat": 1}})
    (item,) = api("tasks.reset_many", ids=[task], clear_all=True)["succeeded"]
    assert (item["fields"]["status"], item["deleted_models"], item["dequeued"]) == ("created", 1, False)
    document = api.read(task)
    assert document["hyperparams"] == parameters
    assert "diff" not in document["script"]
    assert document["execution"]["model_labels"] == {}


def test_a_reset_deletes_what_only_this_task_uses(api: Api) -> None:
    task, user = api.task(), api.task()
    used, unused, ready = api.model(task=task, ready=False), api.model(task=task, ready=False), api.model(task=task)
    api("tasks.add_or_update_model", task=user, name="m", model=used, type="input")
    assert api.refusal("tasks.reset", task=task).code == (400, 123)  # type: ignore[union-attr] # None fails too
    answer = api("tasks.reset", task=task, force=True, return_file_urls=True)
    assert (answer["deleted_models"], answer["urls"]["model_urls"]) == (1, ["http://x/m"])
    assert api.refusal("models.get_by_id", model=unused)
    assert all("task" not in api("models.get_by_id", model=model)["model"] for model in (used, ready))


def test_a_reset_takes_out_of_the_queue(api: Api) -> None:
    task = api.task()
    api("tasks.enqueue", task=task, queue=(queue := api.queue()))
    assert api("tasks.reset", task=task)["dequeued"] == {"removed": 1}
    assert api("queues.get_num_entries", queue=queue) == {"num": 0}


def test_what_has_run_is_deleted_by_force_or_when_archived(api: Api) -> None:
    task, archived = ran(api), ran(api)
    with pytest.raises(Refused, match=f"task={task}, expected=created, current=completed") as refused:
        api("tasks.delete", task=task)
    assert refused.value.code == (400, 123)
    api("tasks.archive_many", ids=[archived])
    api("tasks.delete", task=archived)
    answer = api("tasks.delete", task=task, force=True, return_file_urls=True)
    assert (answer["deleted"], answer["deleted_models"]) == (True, 1)
    assert answer["urls"]["artifact_urls"] == ["http://files/a"]
    assert api("tasks.get_all")["tasks"] == api("models.get_all")["models"] == []


def test_nothing_of_a_deleted_task_is_left(api: Api) -> None:
    task = api.task()
    api("tasks.enqueue", task=task, queue=(queue := api.queue()))
    api.batch("events.add_batch", {"task": task, **SCALAR})
    api("tasks.delete", task=task, force=True)
    assert api("queues.get_next_task", queue=queue) == {}
    assert not any(task in line for line in api.dump())


def test_children_and_published_models_stay_and_know_what_is_gone(api: Api) -> None:
    task = api.task()
    child, model = api.task(parent=task), api.model(task=task, ready=True)
    answer = api("tasks.delete", task=task, force=True)
    assert (answer["updated_children"], answer["updated_models"], answer["deleted_models"]) == (1, 1, 0)
    assert api.read(child)["parent"] == f"__DELETED__{task}"
    assert api("models.get_by_id", model=model)["model"]["task"] == f"__DELETED__{task}"


@pytest.mark.parametrize("what", ["child", "model of the task", "listed model"])
def test_a_new_task_with_published_results_is_deleted_by_force_only(api: Api, what: str) -> None:
    task = api.task()
    if what == "child":
        child = api.task(parent=task)
        api("tasks.publish", task=child, force=True)
    elif what == "listed model":
        api("tasks.add_or_update_model", task=task, name="m", model=api.model(), type="output")
    else:
        api.model(task=task)
    with pytest.raises(Refused) as refused:
        api("tasks.delete", task=task)
    assert refused.value.code == (400, 123)
    api("tasks.delete", task=task, force=True)


@pytest.mark.parametrize("action", ["archive_many", "delete_many"])
def test_a_pipeline_is_put_away_with_its_steps_on_request(api: Api, action: str) -> None:
    pipeline = api.task(type="controller")
    step = api.task(parent=pipeline)
    api("tasks.started", task=step)
    api(f"tasks.{action}", ids=[pipeline], include_pipeline_steps=True)
    if action == "delete_many":
        assert api.refusal("tasks.get_by_id", task=step)
    else:
        assert (api.read(step)["system_tags"], api.status(step)) == (["archived"], "stopped")
        api("tasks.unarchive_many", ids=[pipeline], include_pipeline_steps=True, status_reason="why")
        assert (api.read(step)["system_tags"], api.read(step)["status_reason"]) == ([], "why")


def test_a_model_that_others_use_stays(api: Api) -> None:
    task, user = api.task(), api.task()
    model = api.model(task=task, ready=False)
    api("tasks.add_or_update_model", task=user, name="m", model=model, type="input")
    assert api("tasks.delete", task=task)["deleted_models"] == 0


def test_models_may_be_kept(api: Api) -> None:
    task = api.task()
    model = api.model(task=task, ready=False)
    api("tasks.delete", task=task, delete_output_models=False)
    assert api("models.get_by_id", model=model)


def test_many_are_deleted_one_by_one(api: Api) -> None:
    good, running = api.task(), ran(api)
    answer = api("tasks.delete_many", ids=[good, running, "nope"])
    assert [item["id"] for item in answer["succeeded"]] == [good]
    assert [item["id"] for item in answer["failed"]] == [running, "nope"]
