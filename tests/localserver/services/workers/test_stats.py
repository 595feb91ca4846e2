import pytest

from localserver.store.reports import KEPT_SECONDS, Report
from tests.support.api import Api, Json

HOUR = {"from_date": 0, "to_date": 7200, "interval": 3600}


@pytest.fixture
def reported(api: Api) -> Api:
    with api.store.write() as db:
        for second in range(0, 7200, 600):
            stats: Json = {"cpu_usage": [second / 100, 100], "memory_used": second, "text": "x", "nothing": None}
            db.reports.add(Report("a", second, "t" if second >= 3600 else None, stats))
        db.reports.add(Report("b", 3700, None, {"gpu_usage": [50]}))
    return api


def test_measurements_by_interval(reported: Api) -> None:
    items = [{"key": "memory_used", "category": name} for name in ("avg", "min", "max")]
    a, b = reported("workers.get_stats", **HOUR, items=items)["workers"]
    assert (a["worker"], b) == ("a", {"worker": "b", "metrics": []})
    assert all(metric["dates"] == [0, 3600] for metric in a["metrics"])
    values = {metric["stats"][0]["aggregation"]: metric["stats"][0]["values"] for metric in a["metrics"]}
    assert values == {"avg": [1500.0, 5100.0], "min": [0.0, 3600.0], "max": [3000.0, 6600.0]}


def test_the_parts_of_a_machine_apart_or_together(reported: Api) -> None:
    request: Json = {**HOUR, "items": [{"key": "cpu_usage"}], "worker_ids": ["a"]}
    (together,) = reported("workers.get_stats", **request)["workers"][0]["metrics"]
    assert together["stats"][0]["values"][0] == 57.5
    apart = reported("workers.get_stats", **request, split_by_variant=True)["workers"][0]["metrics"]
    assert [(metric["variant"], metric["stats"][0]["values"][0]) for metric in apart] == [("0", 15.0), ("1", 100.0)]


def test_how_many_workers_there_were_and_how_many_worked(reported: Api) -> None:
    answer = reported("workers.get_activity_report", **HOUR)
    assert answer["total"] == {"dates": [0, 3600], "counts": [1, 2]}
    assert answer["active"] == {"dates": [0, 3600], "counts": [0, 1]}


def test_what_is_measured(reported: Api) -> None:
    categories = {item["name"]: item["metric_keys"] for item in reported("workers.get_metric_keys")["categories"]}
    assert categories["CPU"] == ["cpu_usage"]
    assert categories["GPU"] == ["gpu_usage"]
    only_b = reported("workers.get_metric_keys", worker_ids=["b"])["categories"]
    assert only_b == [{"name": "GPU", "metric_keys": ["gpu_usage"]}]


@pytest.mark.parametrize("broken", [{"interval": 0}, {"items": [{"key": "a", "category": "sum"}]}, {"items": [{}]}])
def test_what_cannot_be_measured_is_refused(reported: Api, broken: Json) -> None:
    refused = reported.refusal("workers.get_stats", **{**HOUR, "items": [], **broken})
    assert refused
    assert refused.code == (400, 12)


def test_reports_come_from_status_reports_and_are_kept_for_a_week(api: Api) -> None:
    api("workers.status_report", worker="a", timestamp=1, machine_stats={"cpu_usage": [1]})
    with api.store.write() as db:
        (report,) = db.reports.between(0, 2**40)
        assert (report.worker, report.stats) == ("a", {"cpu_usage": [1]})
        db.reports.add(report._replace(second=report.second + KEPT_SECONDS + 1))
        assert len(list(db.reports.between(0, 2**40))) == 1
