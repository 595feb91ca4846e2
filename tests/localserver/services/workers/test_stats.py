import pytest

from clearml_flows.localserver.store.reports import KEPT_SECONDS, Report
from tests.support.api import Api, Json

# Intervals of an hour from 0 to 7200, and the last one left out.
HOUR = {"from_date": 0, "to_date": 7200, "interval": 3600}


@pytest.fixture
def reported(api: Api) -> Api:
    with api.store.write() as db:
        for second in range(0, 7200, 600):
            stats: Json = {"cpu_usage": [second / 100, 100], "memory_used": second, "text": "x", "nothing": None}
            db.reports.add(Report("a", second, "t" if second >= 3600 else None, stats), second)
        db.reports.add(Report("b", 3700, None, {"gpu_usage": [50, 70], "cpu_usage": [5]}), 3700)
    return api


def stats(api: Api, *items: Json, **more: object) -> dict[str, dict[str, list[Json]]]:
    workers = api("workers.get_stats", **{**HOUR, "items": items, **more})["workers"]
    return {worker["worker"]: {one["metric"]: one["stats"] for one in worker["metrics"]} for worker in workers}


def test_measurements_by_interval(reported: Api) -> None:
    items = [{"key": "memory_used", "aggregation": name} for name in ("avg", "min", "max")]
    found = stats(reported, *items)
    assert found.keys() == {"a"}
    assert all(one["dates"] == [0, 3_600_000] for one in found["a"]["memory_used"])
    values = {one["aggregation"]: one["values"] for one in found["a"]["memory_used"]}
    assert values == {"avg": [1500.0, 5100.0], "min": [0.0, 3600.0], "max": [3000.0, 6600.0]}


def test_the_average_is_the_default_and_an_interval_without_a_report_is_0(reported: Api) -> None:
    found = stats(reported, {"key": "cpu_usage"}, {"key": "gpu_usage"}, worker_ids=["b"])
    assert {name: [one["values"] for one in of_metric] for name, of_metric in found["b"].items()} == {
        "cpu_usage": [[0.0, 5.0]],
        "gpu_usage": [[0.0, 60.0]],
    }
    assert list(stats(reported, {"key": "cpu_usage"})) == ["a", "b"]
    assert stats(reported, {"key": "cpu_usage"}, worker_ids=["nope"]) == {}


def test_graphics_cards_apart(reported: Api) -> None:
    (one,) = stats(reported, {"key": "gpu_usage"}, split_by_resource=True)["b"]["gpu_usage"]
    assert one["values"] == [0.0, 60.0]
    assert one["resource_series"] == [{"name": "0", "values": [0.0, 50.0]}, {"name": "1", "values": [0.0, 70.0]}]
    (one,) = stats(reported, {"key": "cpu_usage"}, split_by_resource=True)["a"]["cpu_usage"]
    assert one["resource_series"] == []


def test_intervals_are_40_seconds_at_least_and_start_at_full_ones(reported: Api) -> None:
    (one,) = stats(reported, {"key": "memory_used"}, from_date=590, to_date=690, interval=1)["a"]["memory_used"]
    assert (one["dates"], one["values"]) == ([560_000, 600_000, 640_000], [0.0, 600.0, 0.0])


def test_how_many_workers_there_were_and_how_many_worked(reported: Api) -> None:
    answer = reported("workers.get_activity_report", **HOUR)
    assert answer["total"] == {"dates": [0, 3_600_000], "counts": [1, 2]}
    assert answer["active"] == {"dates": [0, 3_600_000], "counts": [0, 1]}
    quiet = reported("workers.get_activity_report", from_date=10_000, to_date=10_400, interval=40)
    assert (len(quiet["total"]["dates"]), set(quiet["total"]["counts"])) == (10, {0})


def test_what_is_measured(reported: Api) -> None:
    categories = {item["name"]: item["metric_keys"] for item in reported("workers.get_metric_keys")["categories"]}
    assert categories == {"cpu": ["cpu_usage"], "memory": ["memory_used"], "gpu": ["gpu_usage"]}
    only_b = reported("workers.get_metric_keys", worker_ids=["b"])["categories"]
    assert only_b == [{"name": "gpu", "metric_keys": ["gpu_usage"]}, {"name": "cpu", "metric_keys": ["cpu_usage"]}]
    refused = reported.refusal("workers.get_metric_keys", worker_ids=["nope"])
    assert refused
    assert refused.code == (400, 1005)


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"interval": 0}, 12),
        ({"from_date": -1}, 12),
        ({"items": []}, 12),
        ({"items": [{"key": "a", "aggregation": "sum"}]}, 12),
        ({"items": [{}]}, 12),
        ({"to_date": 0}, 16),
        ({"to_date": 2**33}, 12),
    ],
)
def test_what_cannot_be_measured_is_refused(reported: Api, broken: Json, code: int) -> None:
    request: Json = {**HOUR, "interval": 1, "items": [{"key": "cpu_usage"}], **broken}
    refused = reported.refusal("workers.get_stats", **request)
    assert refused
    assert refused.code == (400, code)


def test_reports_come_from_status_reports_and_are_kept_for_a_week(api: Api) -> None:
    measured = {"cpu_usage": [1, 0], "memory_used": 0, "foo": 3}
    api("workers.status_report", worker="a", timestamp=10**13, machine_stats=measured)
    api("workers.status_report", worker="a", timestamp=10**13, machine_stats={"memory_used": 0})
    with api.store.write() as db:
        (report,) = db.reports.between(0, 2**40)
        assert tuple(report) == ("a", 10**10, None, {"cpu_usage": [1, 0]})
        db.reports.add(report, 10**10 + KEPT_SECONDS + 1)
        assert list(db.reports.between(0, 2**40)) == []


@pytest.mark.parametrize("measured", [{"cpu_usage": 5}, {"memory_used": [5]}, {"gpu_usage": ["x"]}])
def test_a_measurement_of_another_kind_is_refused(api: Api, measured: Json) -> None:
    refused = api.refusal("workers.status_report", worker="a", timestamp=1, machine_stats=measured)
    assert refused
    assert refused.code == (400, 12)
