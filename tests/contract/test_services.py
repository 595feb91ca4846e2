"""Projects, queues and workers, as ClearML's API client and agents use them."""

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("services", f"{server.project}/services")


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("created", ["", "/one", "/one/two", "/one/two/three", "/other"]),
        ("fields", ["three", "deep", ["t"], True]),
        ("one level", ["/one", "/other"]),
        ("basename", ["/one/two/three"]),
        ("again", [400, 801]),
        ("short", [400, 12]),
        ("id", True),
        ("of task", True),
        ("renamed", ["/other", "/renamed", "/renamed/two", "/renamed/two/three"]),
        ("moved", ["/other", "/other/two", "/other/two/three", "/renamed"]),
        ("deleted", ["/renamed"]),
        ("tasks left", 0),
    ],
)
def test_projects(told: Told, label: str, found: object) -> None:
    assert told["projects"][label] == found


def test_a_project_that_is_not_empty_is_kept(told: Told) -> None:
    assert told["projects"]["not empty"][0] == 400


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("all", [" first", " second"]),
        ("exact", [" first"]),
        ("tag", [" second"]),
        ("without", [" first"]),
        ("id", [" first"]),
        ("again", [400, 801]),
        ("renamed", [" first renamed", ["both"], 0]),
        ("deleted", [" second"]),
    ],
)
def test_queues(told: Told, label: str, found: object) -> None:
    assert told["queues"][label] == found


def test_a_queue_that_is_not_empty_is_kept(told: Told) -> None:
    assert told["queues"]["not empty"][0] == 400


@pytest.mark.parametrize(("label", "found"), [("idle", [1, [True], None]), ("busy", [1, True]), ("gone", 0)])
def test_workers(told: Told, label: str, found: object) -> None:
    assert told["workers"][label] == found
