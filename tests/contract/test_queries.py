"""Which tasks a question finds: by tags, names, dates, nested fields, projects; in which order and part."""

from typing import Any

import pytest

from tests.contract.server import Server, Told

DELTA = "delta (x+y) [1]"


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("queries", f"{server.project}/queries", expected=["No projects were found with name(s)"])


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("best", ["alpha", "beta", "epsilon"]),
        ("v1 debug", ["alpha", "beta", "epsilon", "gamma"]),
        ("best -debug", ["alpha", "epsilon"]),
        ("-debug", ["alpha", DELTA, "epsilon"]),
        ("-debug -v2", ["alpha", DELTA]),
        ("__$all best v1", ["alpha", "epsilon"]),
        ("__$all best __$not v2", ["alpha", "beta"]),
        ("__$or v2 debug", ["beta", "epsilon", "gamma"]),
        ("__$all best __$or v2 debug", ["beta", "epsilon"]),
        ("no such tag", []),
    ],
)
def test_tags(told: Told, tags: str, found: list[str]) -> None:
    assert told["tags"][tags] == found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("^alpha$", ["alpha"]),
        ("eta", ["beta"]),
        ("^(alpha|gamma)$", ["alpha", "gamma"]),
        (r"delta \(x\+y\) \[1\]", [DELTA]),
        ("a$", ["alpha", "beta", "gamma"]),
        ("^no such name$", []),
    ],
)
def test_names(told: Told, pattern: str, found: list[str]) -> None:
    assert told["names"][pattern] == found


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("status", ["alpha", "beta"]),
        ("status created", ["epsilon", "gamma"]),
        ("type", ["beta", DELTA]),
        ("archived", ["epsilon"]),
        ("not archived", ["alpha", "beta", DELTA, "gamma"]),
        ("all of archived", ["epsilon"]),
        ("parent", ["gamma"]),
        ("id", ["alpha", "gamma"]),
        ("several", ["alpha"]),
        ("any", ["alpha", "gamma"]),
        ("all", ["alpha"]),
        ("nested", ["alpha"]),
        ("runtime", ["gamma"]),
        ("text", ["alpha"]),
        ("beginning of an id", ["alpha"]),
        ("parameter", ["beta"]),
        ("created between", ["alpha"]),
        ("created before", []),
        ("no experiment", ["alpha", "beta", DELTA, "gamma"]),
    ],
)
def test_fields(told: Told, label: str, found: list[str]) -> None:
    assert told["fields"][label] == found


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("status changed from", ["beta"]),
        ("status changed before", ["alpha"]),
        ("updated from 2000", 5),
        ("updated before 2000", []),
    ],
)
def test_dates(told: Told, label: str, found: object) -> None:
    assert told["dates"][label] == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("name", ["alpha", "beta", DELTA, "epsilon", "gamma"]),
        ("-name", ["gamma", "epsilon", DELTA, "beta", "alpha"]),
        ("created", ["alpha", "beta", "gamma", DELTA, "epsilon"]),
        ("-created", ["epsilon", DELTA, "gamma", "beta", "alpha"]),
    ],
)
def test_order(told: Told, order: str, found: list[str]) -> None:
    assert told["order"][order] == found


@pytest.mark.parametrize(("sign", "found"), [("", ["gamma", "alpha", "beta"]), ("-", ["beta", "alpha", "gamma"])])
def test_tasks_without_a_metric_come_last_in_either_order(told: Told, sign: str, found: list[str]) -> None:
    assert told["by a metric"][sign] == [*found, DELTA, "epsilon"]


def test_pages(told: Told) -> None:
    assert told["pages"] == [["alpha", "beta", DELTA], ["epsilon", "eta", "gamma"], ["zeta"], []]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("all", ["", "/.hidden", "/below"]),
        ("not hidden", ["", "/below"]),
        ("hidden", ["", "/.hidden", "/below"]),
        ("below", True),
        ("several", ["alpha", "beta", "epsilon", "zeta"]),
        ("hidden task", ["eta"]),
        ("unknown", []),
    ],
)
def test_projects(told: Told, label: str, found: object) -> None:
    assert told["projects"][label] == found


def test_only_the_fields_that_were_asked_for(told: Told) -> None:
    found: list[dict[str, Any]] = told["returned"]
    assert found[0] == {
        "name": "alpha",
        "type": "training",
        "script.repository": "https://example.org/churn.git",
        "tags": ["best", "v1"],
    }
    assert [found[1]["name"], found[1]["type"], found[1]["script.repository"] or None] == ["beta", "testing", None]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("by name", DELTA),
        ("by tags", "beta"),
        ("only archived", "epsilon"),
        ("not archived", None),
        ("filtered", "beta"),
    ],
)
def test_get_task(told: Told, label: str, found: str | None) -> None:
    assert told["get_task"][label] == found
