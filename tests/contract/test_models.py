"""Models: made by a task, found by all that tells them apart, changed, published, archived, removed."""

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("models", f"{server.project}/models")


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


def test_read_back(told: Told) -> None:
    read = told["read"]
    name, comment, tags, framework, published = read["fields"]
    assert [name, tags, framework, published] == ["best", ["candidate", "v1"], "ScikitLearn", False]
    assert "by hand" in comment
    assert [read["task"], read["created"], read["url"]] == [True, True, [True, "best.skops"]]
    assert read["config"] == ["depth = 3", {"no": 0}]
    assert read["weights"] is True


def test_metadata(told: Told) -> None:
    read = told["read"]
    assert read["metadata"] == {
        "test_f1_score": {"key": "test_f1_score", "type": "float", "value": "0.63"},
        "rows": {"key": "rows", "type": "float", "value": "100"},
    }
    assert read["cast"] == 0.63


def test_models_of_a_task(told: Told) -> None:
    assert told["of_task"] == {"input": ["best"], "output": ["a package", "best", "other (1)"]}


def test_package_of_several_files(told: Told) -> None:
    assert told["package"]["files"] == ["vocabulary.txt", "weights.bin"]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("all", ["a package", "other (1)", "best"]),
        ("name", ["other (1)"]),
        ("tag", ["best"]),
        ("without tag", ["a package", "other (1)"]),
        ("all tags", ["other (1)"]),
        ("metadata", ["best"]),
        ("two metadata", []),
        ("at most one", ["a package"]),
        ("published", []),
        ("framework", ["best", "other (1)"]),
        ("ordered", ["other (1)", "best", "a package"]),
        ("page", ["other (1)"]),
        ("any", ["best"]),
        ("by id", ["best"]),
        ("having metadata", ["best", "other (1)"]),
        ("the other way", ["other (1)", "best"]),
        ("lacking metadata", ["a package"]),
        ("some metadata", ["rows"]),
        ("by file", ["best"]),
    ],
)
def test_found(told: Told, label: str, found: list[str]) -> None:
    assert told["found"][label] == found


def test_changed_after_it_was_registered(told: Told) -> None:
    assert told["again"] == {
        "tags": ["production"],
        "comment": "promoted",
        "metadata": {"only": {"key": "only", "type": "str", "value": "this"}},
    }


def test_metrics_of_a_model(told: Told) -> None:
    assert told["metrics"]["loss"]["train"] == {"name": "train", "x": [0, 1, 2], "y": [0.0, 1.0, 2.0]}


def test_published(told: Told) -> None:
    assert told["published"] == [False, True, ["other (1)"]]


def test_archived(told: Told) -> None:
    assert told["archived"] == {"archived": [], "included": ["a package"], "back": ["a package"]}


def test_remove_takes_the_file_along(told: Told) -> None:
    assert told["removed"] == [True, True, False, 0]


def test_imported_once(told: Told) -> None:
    assert told["imported"] == ["from elsewhere", "https://example.org/weights.bin", ["imported"], True]
