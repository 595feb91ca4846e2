"""Schedules that are kept in a real backend, and changed by several at once."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from clearml_flows.backend import queue_lock
from clearml_flows.backend.client import Api
from clearml_flows.backend.connection import connect
from clearml_flows.errors import BadInput, FlowsError, Locked, Unreachable
from clearml_flows.localserver import launcher
from clearml_flows.schedule import child, shared
from clearml_flows.schedule.engine import Engine
from clearml_flows.schedule.shared import Shared
from clearml_flows.schedule.store import Planned, Store
from clearml_flows.schedule.stores import shared_store
from clearml_flows.settings import load
from tests.schedule.conftest import HOUR, START, WAYS, World

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("shared")
    shutil.copyfile(ROOT / "settings.toml", folder / "settings.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWS_SETTINGS", str(folder / "settings.toml"))
        api = connect(load()).api
        yield api
        api.close()
        launcher.down(folder / ".flows")


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    return f"schedules of {request.node.name}"[:80]


def opened(api: Api, project: str, token: str = "") -> Shared:
    return Shared(Api(api.url, api.access_key, api.secret_key), project, token)


def kept(api: Api, project: str) -> dict[str, str]:
    """The Task's id, and the object's text and description."""
    with closing(opened(api, project)) as rows:
        task = api.call("tasks.get_by_id", task=rows._task)["task"]
    return {"task": task["id"], **task["configuration"]["schedules"]}


def test_what_one_writes_all_read(backend: Api, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "LOOK_EVERY", 0.0)
    with closing(Store(opened(backend, project))) as one, closing(Store(opened(backend, project))) as two:
        assert two.schedules() == []
        made = one.add("hourly", START, **WAYS)
        assert two.schedules() == [made]
        (run,) = two.plan(made, [Planned(START + HOUR, "claimed")], (START + HOUR, START + 2 * HOUR), START + HOUR)
        assert one.open_runs() == [run]
        assert one.plan(made, [Planned(START + HOUR, "claimed")], (START + HOUR, START + 2 * HOUR), START) == []
        two.notice(START, "hourly", None, "delayed", "it waits")
        assert one.notices()[0]["sentence"] == "it waits"
    assert kept(backend, project)["description"].startswith("number 4, sha256 ")
    assert backend.call("tasks.get_by_id", task=kept(backend, project)["task"])["task"]["status"] == "created"


def test_of_many_who_begin_a_run_one_does(backend: Api, project: str) -> None:
    with closing(Store(opened(backend, project))) as store:
        made = store.add("hourly", START, **WAYS)
        (run,) = store.plan(made, [Planned(START + HOUR, "claimed")], (START + HOUR, START), START)

    def begin(number: int) -> bool:
        with closing(Store(opened(backend, project))) as store:
            return store.move(run, ("claimed", "launched"), "begun", pid=number)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(begin, range(8))) == [False] * 7 + [True]
    assert backend.call("queues.get_all", name="^schedules of ")["queues"] == []


def test_what_fails_in_the_middle_is_undone_everywhere(backend: Api, project: str) -> None:
    with closing(Store(opened(backend, project))) as store:
        store.add("hourly", START, **WAYS)
        before = kept(backend, project)
        with pytest.raises(BadInput, match="there is a schedule 'hourly'"):
            add_both(store)
        assert [one.name for one in store.schedules()] == ["hourly"]
    assert kept(backend, project) == before


def test_one_scheduler_at_a_time_and_the_one_before_may_write_no_more(backend: Api, project: str) -> None:
    with closing(opened(backend, project, "a")) as one, closing(opened(backend, project, "b")) as two:
        one.take("task-a", lambda _task: True)
        Store(one).add("hourly", START, **WAYS)
        with pytest.raises(Locked, match="another scheduler is under way, Task task-a"):
            two.take("task-b", lambda _task: True)
        two.take("task-b", lambda _task: False)
        with pytest.raises(Locked, match="taken over by Task task-b"):
            Store(one).add("daily", START, **WAYS)
        two.leave()
        with closing(opened(backend, project, "c")) as three:
            three.take("task-c", lambda _task: True)
        assert [schedule.name for schedule in Store(two).schedules()] == ["hourly"]


def add_both(store: Store) -> None:
    with store.together():
        store.add("daily", START, **WAYS)
        store.add("hourly", START, **WAYS)


@pytest.mark.parametrize("edit", [lambda text: text.replace("3600", "1"), lambda _text: "", lambda text: text[:99]])
def test_what_somebody_else_edited_is_refused_and_left_as_it_is(backend: Api, project: str, edit: object) -> None:
    with closing(Store(opened(backend, project))) as store:
        store.add("hourly", START, **WAYS)
    before = kept(backend, project)
    assert callable(edit)
    wrong = {**before, "value": edit(before["value"])}
    task = wrong.pop("task")
    backend.call("tasks.edit_configuration", task=task, configuration=[wrong])
    with pytest.raises(FlowsError, match=f"Task {task} .* does not hold schedules, or is damaged"):
        opened(backend, project)
    assert backend.call("tasks.get_by_id", task=task)["task"]["configuration"]["schedules"] == wrong
    backend.call("tasks.delete", task=task)
    with closing(Store(opened(backend, project))) as store:
        assert store.schedules() == []


class Lossy(Api):
    """Loses the answer to the next write."""

    lose = False

    def call(self, endpoint: str, **body: Any) -> dict[str, Any]:
        answer = super().call(endpoint, **body)
        if self.lose and endpoint == "tasks.edit_configuration":
            self.lose = False
            raise Unreachable("no answer in time")
        return answer


@pytest.fixture
def lossy(backend: Api, project: str) -> Iterator[tuple[Lossy, Store]]:
    api = Lossy(backend.url, backend.access_key, backend.secret_key)
    with closing(shared_store(Shared(api, project))) as store:
        store.add("hourly", START, **WAYS)
        yield api, store


def test_a_claim_whose_answer_is_lost_is_launched_once(lossy: tuple[Lossy, Store]) -> None:
    (api, store), world = lossy, World()
    engine = Engine(store, world, world, HOUR, 3, lambda _line: None)
    engine.tick(START)
    for lost in (True, True, False, False):  # the claim, the mark, and nothing any more
        api.lose = lost
        with pytest.raises(Unreachable) if lost else nullcontext():
            engine.tick(START + HOUR)
        api.lose = False
    assert len(world.launched) == 1
    assert [run.state for run in store.open_runs()] == ["launched"]


def test_a_begin_whose_answer_is_lost_is_known_by_the_process_that_began(
    lossy: tuple[Lossy, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, store = lossy
    made = store.schedule("hourly")
    (run,) = store.plan(made, [Planned(START + HOUR, "claimed")], (START + HOUR, START), START)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    api.lose = True
    assert child._begin(store, run)
    assert child._is_ours(store, run)
    assert store.move(run, ("begun",), "begun", pid=1)
    assert not child._begin(store, run)
    with store.together():
        child._record(store, run, made, 1, {}, "killed")
    assert store.run(run.number).state == "begun"


def test_a_lock_whose_holder_died_is_removed_in_time(
    backend: Api, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_lock, "STALE_SECONDS", 0.5)
    backend.call("queues.create", name=f"schedules of {project}")
    with closing(Store(opened(backend, project))) as store:
        store.add("hourly", START, **WAYS)
        assert len(store.schedules()) == 1
