from collections.abc import Iterator
from typing import Any

import pytest

from clearml_flows.localserver.store.query import instant
from tests.support.api import Api, Json, Refused

# Three days that begin at 22:00 UTC of the day before.
WINDOW = {"from_date": "2026-03-01T09:30:00+02:00", "to_date": "2026-03-03T09:30:00+02:00"}
DATES = [1772316000.0, 1772402400.0, 1772488800.0]


class World:
    """A project with Tasks of both queues, one below it whose Tasks come from a queue that is deleted, or from none."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.shop, self.child, self.deep = (api.project(name) for name in ("shop", "shop/child", "shop/child/deep"))
        self.fast, self.plain, gone = (api.queue(name) for name in ("fast one", "plain one", "gone one"))
        api("workers.register", worker="w:1", queues=[self.fast], resources={"gpu_usage": 2})
        self.ran(self.shop, self.fast, "2026-02-20T00:00:00", "2026-02-28T22:00:10")
        self.ran(self.shop, self.plain, "2026-03-02T22:00:00", None, status="failed", changed="2026-03-02T22:00:07")
        self.ran(self.deep, gone, "2026-03-01T21:59:50.900", "2026-03-01T22:00:05.100")
        self.ran(self.deep, None, "2026-03-01T22:01:00", "2026-03-01T22:01:03", system_tags=["development"])
        not_counted: list[Json] = [{"type": "controller"}, {"type": "report"}, {"system_tags": ["dataset"]}]
        for fields in not_counted:
            self.ran(self.shop, self.fast, "2026-03-01T01:00:00", "2026-03-01T02:00:00", **fields)
        self.ran(self.child, self.fast, "2026-02-28T20:00:00", "2026-02-28T21:00:00")
        self.ran(self.child, self.fast, "2026-03-03T22:00:00", "2026-03-03T23:00:00")
        api("queues.delete", queue=gone)

    def ran(self, project: str, queue: str | None, started: str, completed: str | None, **fields: Any) -> None:
        times = {"started": started, "completed": completed, "status_changed": fields.pop("changed", completed)}
        task = self.api.task(project=project, type=fields.pop("type", "training"))
        with self.api.store.write() as db:
            document = {**(db.tasks.get(task) or {}), "status": "completed", **fields}
            document.update({name: instant(time) for name, time in times.items() if time})
            db.tasks.save({**document, "execution": {"queue": queue}})

    def usages(self, *projects: str, **asked: Any) -> Json:
        return self.api("organization.get_project_usages", projects=list(projects), **WINDOW, **asked)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    api = Api(tmp_path_factory.mktemp("usages") / "api.db")
    yield World(api)
    api.close()


def test_usages_of_one_project_show_those_right_below_it(world: World) -> None:
    shop = {"name": "shop", "id": world.shop, "gpu_artificial_weights": True}
    child = {"name": "shop/child", "id": world.child, "gpu_artificial_weights": True}
    assert world.usages(world.shop, breakdown_keys=["project"]) == {
        "projects": {
            "total": [{**shop, "duration": 17, "gpu_usage": 27}, {**child, "duration": 15, "gpu_usage": 15}],
            "series": [
                {**shop, "dates": DATES, "duration": [10, 0, 7], "gpu_usage": [20, 0, 7]},
                {**child, "dates": DATES, "duration": [10, 5, 0], "gpu_usage": [10, 5, 0]},
            ],
        }
    }


def test_usages_of_queues_name_the_measures_without_known_resources(world: World) -> None:
    queues = world.usages(world.shop, breakdown_keys=["queue"], usage_fields=["cpu_usage", "gpu_usage"])["queues"]
    artificial = {"cpu_artificial_weights": True, "gpu_artificial_weights": True}
    assert queues["total"] == [
        {"name": "fast one", "id": world.fast, "cpu_usage": 10, "gpu_usage": 20, "cpu_artificial_weights": True},
        {"name": "other", "id": "_other_", "cpu_usage": 15, "gpu_usage": 15, **artificial},
        {"name": "plain one", "id": world.plain, "cpu_usage": 7, "gpu_usage": 7, **artificial},
    ]


def test_development_tasks_count_when_they_are_asked_for(world: World) -> None:
    answer = world.usages(world.shop, world.deep, include_development=True, usage_fields=["duration"])
    assert answer["users"]["total"] == [{"name": "local", "id": "local", "duration": 35}]
    assert [(found["name"], found["duration"]) for found in answer["projects"]["series"]] == [
        ("shop", [20, 8, 7]),
    ]
    assert {"name": None, "id": None, "duration": 3} in answer["queues"]["total"]


def test_a_task_that_runs_counts_until_now(api: Api) -> None:
    project = api.project("shop")
    task, queue = api.task(project=project), api.queue()
    api("tasks.enqueue", task=task, queue=queue)
    api("tasks.started", task=task)
    today = api.read(task)["started"]
    asked = {"projects": [project], "from_date": today, "breakdown_keys": ["queue"], "usage_fields": ["duration"]}
    (usage,) = api("organization.get_project_usages", **asked, to_date=today)["queues"]["series"]
    assert usage["name"] == "a queue"
    assert 0 <= sum(usage["duration"]) <= 60
    future = {"from_date": "2999-01-01T00:00:00", "to_date": "2999-01-02T00:00:00"}
    assert api("organization.get_project_usages", **{**asked, **future}) == {"queues": {"total": [], "series": []}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_date": "yesterday"},
        {"from_date": "2026-03-04T00:00:00+02:00"},
        # A Z at the end stands for no time zone.
        {"from_date": "2026-03-01T00:00:00Z"},
        {"projects": []},
        {"breakdown_keys": ["model"]},
        {"usage_fields": ["duration", "memory"]},
    ],
)
def test_usages_that_cannot_be_are_refused(api: Api, wrong: Json) -> None:
    with pytest.raises(Refused) as refused:
        api("organization.get_project_usages", **{"projects": ["a"], **WINDOW, **wrong})
    assert refused.value.code == (400, 12)
