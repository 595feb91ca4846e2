"""Dataset versions: made, changed in a child, squashed, listed, fetched, described, deleted."""

import pytest

from tests.contract.server import Server, Told

NAME = "customers (sample)"
TRAIN, TEST, EXTRA, MORE = "id,label\n1,0\n2,1\n", "id,label\n3,0\n", "id,label\n4,1\n", "id,label\n5,0\n"


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    # Said by the SDK when a dataset has a grandparent, before it stores the graph, and when it is asked to create.
    expected = ["Could not repair dependency graph", "No projects were found with name(s)"]
    return server.run("datasets", f"{server.project}/datasets", expected=expected, timeout=240)


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


def test_versions(told: Told) -> None:
    fields = [version["fields"] for version in told["versions"]]
    assert fields == [
        [NAME, "1.0.0", True, ["raw"]],
        [NAME, "1.0.1", True, ["checked", "raw"]],
        [NAME, "3.1", True, []],
    ]
    assert [version["status"] for version in told["versions"]] == ["completed"] * 3
    assert told["versions"][0]["description"] == "All of it"


def test_files_of_the_versions(told: Told) -> None:
    assert [version["files"] for version in told["versions"]] == [
        ["sub folder/schema.json", "test.csv", "train.csv"],
        ["extra.csv", "test.csv", "train.csv"],
        ["more/rows.csv", "train.csv"],
    ]
    assert told["versions"][0]["sizes"] == {"sub folder/schema.json": 11, "test.csv": 13, "train.csv": 17}
    assert all(version["hashes"] for version in told["versions"])


def test_metadata(told: Told) -> None:
    first = told["versions"][0]
    assert first["facts"] == {"rows": 3, "sha256": "ab" * 32}
    assert first["schema"] == {"column": ["id", "label"], "type": ["int", "int"]}


def test_changes_of_a_child(told: Told) -> None:
    assert told["changes"] == {
        "added": ["extra.csv"],
        "modified": ["test.csv"],
        "removed": ["sub folder/schema.json"],
        "wrong": [],
    }
    assert told["graph"] == [2, True]


def test_copies(told: Told) -> None:
    assert told["copies"] == {
        "1.0.0": {"train.csv": TRAIN, "test.csv": TEST, "sub folder/schema.json": '{"rows": 3}'},
        "1.0.1": {"train.csv": TRAIN, "test.csv": "id,label\n3,1\n", "extra.csv": EXTRA},
        "3.1": {"train.csv": TRAIN, "more/rows.csv": MORE},
    }


def test_mutable_copy(told: Told) -> None:
    assert told["mutable"] == {"train.csv": "changed", "more/rows.csv": MORE}
    assert told["unchanged"]["train.csv"] == TRAIN


@pytest.mark.parametrize(
    ("wanted", "number"),
    [("latest", 2), ("version", 0), ("tag", 1), ("completed", 2), ("alias", 0), ("chunks", 2)],
)
def test_got(told: Told, wanted: str, number: int) -> None:
    assert told["got"][wanted] == number


def test_writable_copy_is_a_new_open_version(told: Told) -> None:
    assert told["got"]["writable copy"] == {"same": False, "final": False, "files": True}
    assert told["got"]["created if missing"] is False


def test_squashed(told: Told) -> None:
    assert told["squashed"] == {
        "same": True,
        "parents": [0, 0],
        "copy": {"train.csv": TRAIN, "more/rows.csv": MORE},
        "final": True,
    }


CLOSED = [f"{NAME} 1.0.0", f"{NAME} 1.0.1", f"{NAME} 3.1", "squashed 1.0.0", "two squashed 1.0.0"]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("all", sorted([*CLOSED, f"{NAME} 3.2", "made now 1.0.0"])),
        ("completed", CLOSED),
        ("name", ["squashed 1.0.0", "two squashed 1.0.0"]),
        ("tags", [f"{NAME} 1.0.1"]),
        ("both tags", [f"{NAME} 1.0.1"]),
        ("not below", ["squashed 1.0.0"]),
    ],
)
def test_listed(told: Told, label: str, found: list[str]) -> None:
    assert told["listed"][label] == found


def test_listed_in_its_project(told: Told) -> None:
    assert told["listed"]["projects"] is True


def test_published(told: Told) -> None:
    assert told["published"] == ["published", True]


def test_a_version_that_is_not_closed_yet_is_seen_by_others(told: Told) -> None:
    assert told["open"] == {"final": False, "files": ["part 0.txt", "part 1.txt"], "status": "in_progress"}


def test_moved(server: Server, told: Told) -> None:
    assert told["moved"] == [f"{server.project}/datasets/elsewhere", "more/rows.csv", "train.csv"]


def test_delete_takes_the_files_along(told: Told) -> None:
    assert told["deleted"] == {"files": [True, True, False], "left": [f"{NAME} 1.0.0", f"{NAME} 1.0.1"]}
