"""Reports, batch deletion of files, and the user, which official clients reach by plain requests only."""

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("reports", f"{server.project}/reports")


@pytest.mark.parametrize(
    ("label", "found"),
    [
        (
            "made",
            {
                "name": "first",
                "tags": ["a", "b"],
                "system_tags": ["hidden", "reports"],
                "type": "report",
                "status": "created",
                "comment": "c",
            },
        ),
        ("home", "/about/.reports"),
        ("of the project", ["first"]),
        ("hidden", {"tasks": []}),
        ("changed", {"updated": 1, "fields": {"report": "# Title text", "tags": ["y", "z"]}}),
        ("found", ["first"]),
        ("moved", True),
        ("new home", "/elsewhere/.reports"),
        ("published", "published"),
        ("text of a published one", [400, 110]),
        ("name of a published one", {"updated": 1, "fields": {"name": "renamed"}}),
        ("archived", [{"archived": 1}, ["archived", "hidden", "reports"]]),
        ("deleted", {"deleted": 1}),
        ("gone", [400, 101]),
        ("no report", [400, 150]),
    ],
)
def test_reports(told: Told, label: str, found: object) -> None:
    assert told["reports"][label] == found


def test_many_files_are_deleted(told: Told) -> None:
    assert told["files"] == {
        "deleted": {"/a": "/a", "/e": "/e"},
        "errors": {"Not found": ["/nope"], "Empty path not allowed": [""]},
        "left": 404,
    }


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("fields", ["getting_started", "settings", "user"]),
        ("by id", True),
        ("unknown", [400, 301]),
        ("bad preference", [400, 16]),
        ("unknown key", [400, 75]),
        ("reserved", [[403, 20]] * 3),
        ("info", ["api_version", "build", "commit", "version"]),
    ],
)
def test_the_user(told: Told, label: str, found: object) -> None:
    assert told["account"][label] == found
