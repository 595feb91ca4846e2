from typing import Any

import pytest

from tests.support.api import Api


def report(api: Api, name: str = "a report", **fields: Any) -> str:
    return str(api("reports.create", name=name, **fields)["id"])


def read(api: Api, report_id: str) -> Any:
    """A report as it is; the SDK's classes for Tasks do not know its type."""
    (found,) = api("reports.get_all_ex", id=[report_id])["tasks"]
    return found


def home_of(api: Api, report_id: str) -> Any:
    return api("projects.get_by_id", project=read(api, report_id)["project"]["id"])["project"]


def test_a_report_is_a_hidden_task_beside_its_project(api: Api) -> None:
    made = api("reports.create", name="top", tags=["b", "a"], comment="c", report="# Text", report_assets=["x.png"])
    task = read(api, made["id"])
    expected = {"type": "report", "status": "created", "project": {"id": made["project_id"]}, "tags": ["a", "b"]}
    expected |= {"system_tags": ["hidden", "reports"], "comment": "c", "report": "# Text", "report_assets": ["x.png"]}
    assert {name: task[name] for name in expected} == expected
    home = home_of(api, made["id"])
    assert (home["name"], home["system_tags"]) == (".reports", ["hidden", "reports"])
    assert home_of(api, report(api, project=api.project("inner")))["name"] == "inner/.reports"
    assert api("projects.get_all", name="reports$") == {"projects": []}
    assert api("tasks.get_all", name="^top$") == {"tasks": []}


def test_a_draft_is_changed(api: Api) -> None:
    made = report(api, tags=["old"])
    text = "word " * 40
    answer = api("reports.update", task=made, report=text, report_assets=["a"], tags=["z", "a"])
    shown = "word " * 19 + "[...]"
    assert answer == {"updated": 1, "fields": {"report": shown, "report_assets": ["a"], "tags": ["a", "z"]}}
    assert read(api, made)["report"] == text
    assert api("reports.update", task=made) == {"updated": 0, "fields": {}}
    assert api("reports.update", task=made, tags=[])["fields"] == {"tags": []}
    assert api("reports.get_tags") == {"tags": []}


def test_a_published_report_keeps_its_text(api: Api) -> None:
    made = report(api)
    fields = api("reports.publish", task=made, message="done")["fields"]
    assert (fields["status"], fields["status_message"], fields["published"][:2]) == ("published", "done", "20")
    assert api("reports.publish", task=made)["updated"] == 1
    refused = api.refusal("reports.update", task=made, report="other")
    assert refused
    assert refused.code == (400, 110)
    assert api("reports.update", task=made, name="renamed", comment="c", tags=["t"])["updated"] == 1
    assert api("reports.get_tags") == {"tags": ["t"]}


def test_a_report_is_archived_and_taken_back(api: Api) -> None:
    made = report(api)
    assert api("reports.archive", task=made, message="old") == {"archived": 1}
    task = read(api, made)
    assert (task["system_tags"], task["status_message"]) == (["archived", "hidden", "reports"], "old")
    assert api("reports.unarchive", task=made) == {"unarchived": 1}
    assert read(api, made)["system_tags"] == ["hidden", "reports"]


def test_a_move_leaves_no_empty_project_behind(api: Api) -> None:
    first, second = report(api), report(api)
    root = home_of(api, first)["id"]
    moved = api("reports.move", task=first, project_name="elsewhere")["project_id"]
    assert home_of(api, first)["name"] == "elsewhere/.reports"
    assert api("reports.move", task=second, project=moved) == {"project_id": moved}
    assert api.refusal("projects.get_by_id", project=root)
    top = api("reports.move", task=second, project=None)["project_id"]
    assert home_of(api, second)["id"] == top
    assert "parent" not in home_of(api, second)
    api("reports.delete", task=second)
    assert api.refusal("projects.get_by_id", project=top)


def test_a_published_report_is_deleted_without_force(api: Api) -> None:
    made = report(api)
    api("reports.publish", task=made)
    assert api("reports.delete", task=made) == {"deleted": 1}
    assert api.refusal("tasks.get_by_id", task=made)


@pytest.mark.parametrize(
    ("endpoint", "fields", "code"),
    [
        ("reports.create", {"name": "ab"}, (400, 12)),
        ("reports.create", {"name": "abc", "project": "nope"}, (400, 401)),
        ("reports.update", {"task": "nope", "name": "abc"}, (400, 101)),
        ("reports.move", {"task": "$report"}, (400, 11)),
        *((f"reports.{verb}", {"task": "$task"}, (400, 150)) for verb in ("publish", "archive", "unarchive", "delete")),
        ("reports.update", {"task": "$task", "name": "abc"}, (400, 150)),
        ("reports.move", {"task": "$task", "project": None}, (400, 150)),
    ],
)
def test_what_cannot_be_is_refused(api: Api, endpoint: str, fields: dict[str, Any], code: tuple[int, int]) -> None:
    ids = {"$report": report(api), "$task": api.task()}
    before = api.dump()
    refused = api.refusal(endpoint, **{name: ids.get(str(value), value) for name, value in fields.items()})
    assert refused
    assert refused.code == code
    assert api.dump() == before
