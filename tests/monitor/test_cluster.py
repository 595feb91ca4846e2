"""Schedules that the backend keeps are watched as those of a machine are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clearml_flows.backend.client import Api
from clearml_flows.schedule.records import text
from clearml_flows.schedule.shared import OBJECT, Holder, Shared
from clearml_flows.schedule.store import Store
from clearml_flows.schedule.stores import shared_store
from tests.monitor.conftest import Watcher
from tests.schedule.conftest import WAYS

PROJECT = "clearml-flows/schedules"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def rows(api: Api) -> Iterator[Shared]:
    own = Api(api.url, api.access_key, api.secret_key)
    rows = Shared(own, PROJECT)
    yield rows
    rows.close()
    [project] = api.call("projects.get_all", name=f"^{PROJECT}$", search_hidden=True)["projects"]
    api.call("projects.delete", project=project["id"], force=True, delete_contents=True)


@pytest.fixture
def store(rows: Shared) -> Store:
    return shared_store(rows)


def forget_what_was_read(watcher: Watcher) -> None:
    """What was read counts as new for two seconds; a monitor looks more rarely."""
    watcher.restart()


def test_word_of_the_clusters_scheduler_is_passed_on_once(watcher: Watcher, store: Store) -> None:
    assert watcher.look() == []
    store.notice(NOW, "nightly", NOW, "missed", "words")
    forget_what_was_read(watcher)
    assert watcher.look() == [("missed", f"the run of nightly at {text(NOW)} is missed: words")]
    assert watcher.told.events[0].facts["fix"] == "flows schedule run-now nightly --remote"
    watcher.restart()
    assert watcher.look() == []


def test_a_cluster_without_a_scheduler_is_told_with_what_starts_one(
    watcher: Watcher, store: Store, rows: Shared, api: Api
) -> None:
    late = store.add("nightly", NOW - timedelta(seconds=301), **WAYS)
    never = f"the run of nightly that was due at {text(late.due or NOW)} was not started: "
    assert watcher.look() == [("missed", f"{never}no scheduler is running")]
    assert watcher.told.events[0].facts["fix"] == "flows schedule start --remote"
    watcher.restart()
    assert watcher.look() == []
    store.set_state(late, "paused", NOW)
    forget_what_was_read(watcher)
    assert watcher.look() == []
    store.set_state(late, "active", NOW - timedelta(seconds=200))
    task = str(api.call("tasks.create", name="scheduler", type="service")["id"])
    api.call("tasks.started", task=task)
    with rows.write():
        rows.holder = Holder(task, "token")
    forget_what_was_read(watcher)
    watcher.now += timedelta(seconds=200)
    assert watcher.look() == []
    [(kind, subject)] = watcher.look(60)
    assert (kind, subject.partition(": ")[2]) == ("missed", f"the scheduler (Task {task}) does not start it")
    assert watcher.told.events[1].facts["fix"] == "flows schedule stop --remote; flows schedule start --remote"


def test_damaged_schedules_in_the_backend_are_told_and_runs_are_watched_on(
    watcher: Watcher, store: Store, api: Api
) -> None:
    store.notice(NOW, "nightly", NOW, "missed", "words")
    [task] = api.call("tasks.get_all", name="^schedules$", search_hidden=True)["tasks"]
    item = {"name": OBJECT, "type": "json", "value": "nonsense", "description": "nonsense"}
    api.call("tasks.edit_configuration", task=task["id"], configuration=[item], force=True)
    [(kind, subject)] = watcher.look()
    assert kind == "missed"
    assert "does not hold schedules, or is damaged" in subject
    assert (watcher.look(), watcher.looked) == ([], "runs and schedules")
