"""Lengths of queues and waiting times, by interval."""

import time

import pytest

from clearml_flows.localserver.store.samples import Sample
from tests.support.api import Api, Json

HOUR = 3_600
# A full hour some time ago.
START = int(time.time()) // HOUR * HOUR - 10 * HOUR


@pytest.fixture
def sampled(api: Api) -> Api:
    """`a` is empty, has two Tasks from the fifth minute to the tenth, and is empty again; `b` has one for a minute."""
    for name in ("queue a", "queue b"):
        api.queue(name)
    minutes = [("a", 0, 0.0, 0), ("a", 5, 0.0, 2), ("a", 10, 310.0, 2), ("a", 10, 0.0, 0)]
    minutes += [("b", 5, 1.0, 1), ("b", 6, 0.0, 0)]
    for name, minute, waiting, length in minutes:
        sample = Sample(queue(api, name), (START + 60 * minute) * 1000, waiting, length)
        with api.store.write() as db:
            db.samples.add(sample)
    return api


def queue(api: Api, name: str) -> str:
    return str(api("queues.get_all", name=f"^queue {name}$")["queues"][0]["id"])


def metrics(api: Api, minutes: int, **request: object) -> dict[str, Json]:
    dates = {"from_date": START, "to_date": START + 60 * minutes, "interval": 300}
    return {one["queue"]: one for one in api("queues.get_queue_metrics", **{**dates, **request})["queues"]}


def test_the_longest_wait_of_each_interval(sampled: Api) -> None:
    a = metrics(sampled, 14, queue_ids=[queue(sampled, "a")])[queue(sampled, "a")]
    assert a["dates"] == [(START + 60 * minute) * 1000 for minute in (0, 5, 10)]
    assert (a["avg_waiting_times"], a["queue_lengths"]) == ([0.0, 0.0, 310.0], [0, 2, 2])


def test_a_queue_that_does_not_change_is_sampled_all_the_same(sampled: Api) -> None:
    with sampled.store.write() as db:
        db.samples.add(Sample(queue(sampled, "b"), (START + 20 * 60) * 1000, 7.0, 1))
    b = metrics(sampled, 31, queue_ids=[queue(sampled, "b")])[queue(sampled, "b")]
    assert [(date // 1000 - START) // 60 for date in b["dates"]] == [5, 10, 15, 20, 25, 30]
    assert (b["avg_waiting_times"], b["queue_lengths"]) == ([1.0, 0.0, 0.0, 7.0, 307.0, 607.0], [1, 0, 0, 1, 1, 1])


def test_all_queues_together(sampled: Api) -> None:
    total = metrics(sampled, 14)["total"]
    assert total["queue_lengths"] == [0, 3, 2]
    assert total["avg_waiting_times"] == [0.0, pytest.approx(1 / 3), 310.0]


def test_samples_are_taken_when_a_queue_changes(api: Api) -> None:
    made = api.queue()
    tasks = [api.task(), api.task()]
    for task in tasks:
        api("tasks.enqueue", task=task, queue=made)
    time.sleep(0.05)
    api("queues.get_next_task", queue=made)
    api("queues.remove_task", queue=made, task=tasks[1])
    with api.store.read() as db:
        samples = db.samples.until(2**50, [made])
    assert [sample.length for sample in samples] == [1, 2, 2, 1, 0]
    assert 0.05 <= samples[2].waiting < 5
    assert samples[4].waiting == 0
    now = time.time()
    dates = {"from_date": now - 60, "to_date": now + 60, "interval": 86_400}
    (found,) = api("queues.get_queue_metrics", queue_ids=[made], **dates)["queues"]
    assert found["queue_lengths"] == [2]


def test_a_refresh_samples_what_never_changed(api: Api) -> None:
    made = api.queue()
    now = time.time()
    request = {"queue_ids": [made], "from_date": now - 60, "to_date": now + 60, "interval": 86_400}
    assert api("queues.get_queue_metrics", **request) == {"queues": []}
    (found,) = api("queues.get_queue_metrics", **request, refresh=True)["queues"]
    assert (found["avg_waiting_times"], found["queue_lengths"]) == ([0.0], [0])


@pytest.mark.parametrize(("broken", "code"), [({"interval": 0}, 12), ({"to_date": START}, 16), ({"to_date": None}, 12)])
def test_no_such_range(api: Api, broken: Json, code: int) -> None:
    request = {"from_date": START, "to_date": START + 1, "interval": 1, **broken}
    refused = api.refusal("queues.get_queue_metrics", **request)
    assert refused
    assert refused.code == (400, code)
