from typing import Any

import pytest

from tests.support.api import Api

LOWEST = -(2**31)


def report(api: Api, name: str, **fields: Any) -> str:
    return str(api("reports.create", name=name, **fields)["id"])


def names(api: Api, **asked: Any) -> list[str]:
    return [task["name"] for task in api("reports.get_all_ex", order_by=["name"], **asked)["tasks"]]


def test_reports_are_listed_by_where_they_stand(api: Api) -> None:
    above = api.project("above")
    below = api.project("above/below")
    report(api, "at the top")
    home = api("reports.create", name="beside above", project=above)["project_id"]
    report(api, "beside below", project=below)
    api.task("no report", project=above)
    assert names(api) == ["at the top", "beside above", "beside below"]
    assert names(api, project=above) == names(api, project=[home]) == ["beside above"]
    assert names(api, project=[above], include_subprojects=True) == ["beside above", "beside below"]
    assert names(api, project=[None]) == ["at the top"]
    assert names(api, project=[None, below]) == ["at the top", "beside below"]
    assert names(api, project=[api.project("without reports")]) == []


def test_reports_are_found_by_their_text(api: Api) -> None:
    made = api("reports.create", name="first", report="hello world")
    report(api, "second")
    api.task("hello")
    asked = {"pattern": "hello", "fields": ["name", "id", "tags", "report"]}
    assert names(api, _any_=asked) == ["first"]
    (shown,) = api("reports.get_all_ex", id=[made["id"]], only_fields=["report", "project.name"])["tasks"]
    home = {"id": made["project_id"], "name": ".reports"}
    assert shown == {"id": made["id"], "report": "hello world", "project": home}


@pytest.mark.parametrize("is_model", [False, True])
def test_the_data_that_a_report_shows(api: Api, is_model: bool) -> None:
    owner = api.model("an owner", ready=False) if is_model else api.task("an owner")
    common: dict[str, Any] = {"task": owner, "model_event": is_model, "worker": "w"}
    images: list[dict[str, Any]] = [{"type": "training_debug_image", "variant": "v", "iter": at} for at in (1, 2)]
    for metric in ("a", "b"):
        scalar = {"type": "training_stats_scalar", "metric": metric, "variant": "v", "value": 2}
        events = [{**scalar, "iter": 1}, {**scalar, "iter": LOWEST}]
        events += [{**image, "metric": metric, "url": f"http://x/{metric}{image['iter']}.png"} for image in images]
        events += [{"type": "plot", "metric": metric, "variant": "v", "iter": 1, "plot_str": "{}"}]
        api.batch("events.add_batch", *({**common, **event} for event in events))
    plain = {"id": [owner], "only_fields": ["name"], "model_events": is_model}
    assert api("reports.get_task_data", **plain) == {"tasks": [{"id": owner, "name": "an owner"}]}

    answer = api(
        "reports.get_task_data",
        **plain,
        debug_images={"metrics": []},
        plots={"metrics": [{"metric": "b"}]},
        scalar_metrics_iter_histogram={},
        single_value_metrics={},
    )
    (shown,) = answer["debug_images"]
    assert (shown["task"], [item["iter"] for item in shown["iterations"]]) == (owner, [2])
    assert sorted(event["metric"] for event in shown["iterations"][0]["events"]) == ["a", "b"]
    assert list(answer["plots"]) == ["b"]
    (plot,) = answer["plots"]["b"]["v"][owner]["1"]["plots"]
    assert (plot["task"], plot["iter"]) == (owner, 1)
    curve = {"name": "an owner", "x": [1], "y": [2]}
    assert answer["scalar_metrics_iter_histogram"] == {name: {"v": {owner: curve}} for name in ("a", "b")}
    (single,) = answer["single_value_metrics"]
    assert (single["task"], single["task_name"]) == (owner, "an owner")
    assert sorted((item["metric"], item["variant"], item["value"]) for item in single["values"]) == [
        ("a", "v", 2),
        ("b", "v", 2),
    ]


def test_hidden_tasks_are_shown_when_they_are_named(api: Api) -> None:
    made = report(api, "hidden one")
    api.task("other")
    assert [task["name"] for task in api("reports.get_task_data")["tasks"]] == ["other"]
    assert [task["id"] for task in api("reports.get_task_data", id=[made])["tasks"]] == [made]
    found = api("reports.get_task_data", search_hidden=True, order_by=["name"])["tasks"]
    assert [task["name"] for task in found] == ["hidden one", "other"]
