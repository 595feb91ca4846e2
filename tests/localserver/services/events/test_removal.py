import pytest

from tests.support.api import Api, Json

SCALAR: Json = {"type": "training_stats_scalar", "metric": "m", "variant": "v", "value": 1}


@pytest.fixture
def task(api: Api) -> str:
    task = api.task()
    api.batch("events.add_batch", *({**SCALAR, "task": task, "iter": at} for at in range(3)))
    return task


def test_all_events_of_a_task_or_a_model_are_deleted(api: Api, task: str) -> None:
    model = api.model(ready=False)
    api.batch("events.add_batch", {**SCALAR, "task": model, "model_event": True})
    assert api("events.delete_for_task", task=task) == {"deleted": 3}
    assert api("events.delete_for_model", model=model) == {"deleted": 1}
    # The summary in the document stays.
    assert api.read(task)["last_metrics"]
    assert api("events.scalar_metrics_iter_histogram", task=task) == {}
    assert api("events.scalar_metrics_iter_histogram", task=model, model_events=True) == {}


def test_published_events_stay_unless_unlocked(api: Api, task: str) -> None:
    for action in ("started", "completed", "publish"):
        api(f"tasks.{action}", task=task)
    for endpoint, owner, code in (
        ("delete_for_task", {"task": task}, 101),
        ("clear_task_log", {"task": task}, 101),
        ("delete_for_model", {"model": api.model()}, 201),
    ):
        refused = api.refusal(f"events.{endpoint}", **owner)
        assert refused is not None
        assert refused.code == (400, code)
        assert "deleted" in api(f"events.{endpoint}", **owner, allow_locked=True)


@pytest.mark.parametrize("action", ["reset", "delete"])
def test_events_go_with_what_a_task_did(api: Api, task: str, action: str) -> None:
    api(f"tasks.{action}", task=task, force=True)
    with api.store.read() as db:
        assert db._connection.execute("SELECT count(*) FROM events").fetchone() == (0,)
