"""A task is read back whole, by a process that has never seen it."""

from typing import Any

import pytest

from tests.contract.server import Server, Told

LOSSES = [1.0 / (1 + iteration) for iteration in range(10)]


@pytest.fixture(scope="module")
def written(server: Server) -> Told:
    return server.run("task_write", f"{server.project}/tasks")


@pytest.fixture(scope="module")
def task(server: Server, written: Told) -> Told:
    return server.run("task_read", written["task"])


@pytest.fixture(scope="module")
def failed(server: Server) -> Told:
    crash = server.run("task_fails", f"{server.project}/tasks", status=1)
    return server.run("task_read", crash["task"])


def test_nothing_to_complain_about(written: Told, task: Told) -> None:
    assert [written.complaints, task.complaints] == [[], []]


def test_status_follows_the_process(written: Told, task: Told) -> None:
    assert [written["while_running"], written["after_close"]] == ["in_progress", "completed"]
    assert task["fields"]["status"] == "completed"
    assert task["fields"]["dates"] == {"in order": True, "in UTC": True, "updated last": True}


def test_descriptions(server: Server, written: Told, task: Told) -> None:
    fields = task["fields"]
    assert [fields["name"], fields["type"], fields["project"]] == [
        *("the whole task", "testing", f"{server.project}/tasks"),
    ]
    assert fields["tags"] == ["first", "second tag", "third"]
    assert fields["comment"] == "What this is:\n a task with <b>everything</b> & more"
    assert fields["parent"] == written["parent"]
    assert fields["container"] == "python:3.11-slim --ipc=host"
    assert fields["labels"] == {"stays": 0, "leaves": 1}
    assert fields["page"].endswith(f"/tasks/{written['task']}/output/log")


def test_script_and_requirements(task: Told) -> None:
    assert task["fields"]["entry_point"] == "task_write.py"
    assert "One task with everything on it" in task["fields"]["script"]
    packages = [line.split(" ")[0] for line in task["fields"]["requirements"].splitlines() if line[:1].isalpha()]
    assert {"clearml", "numpy", "pandas", "matplotlib", "only-a-name"} <= set(packages)


def test_parameters_keep_their_sections(task: Told) -> None:
    assert task["parameters"] == {
        "General/rate": "0.125",
        "General/layers": "[32, 16]",
        "General/nested/deep/flag": "True",
        "General/none": "",
        "General/text": "a=b; c",
        "Second section/kernel": "rbf",
        "Second section/empty": "",
        "Second section/big": "1000000000000000",
        "Second section/count": "3",
        "Args/epochs": "9",
        "Args/optimizer": "adam",
        "Args/late": "5",
        "properties/team": "churn",
        "properties/stable": "True",
        "properties/threshold": "0.25",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("General/rate", 0.125),
        ("General/layers", [32, 16]),
        ("General/nested/deep/flag", True),
        ("General/none", None),
        ("Second section/kernel", "rbf"),
        ("Second section/empty", ""),
        ("Second section/big", 10**15),
        ("Args/epochs", 9),
        ("Args/late", 5),
    ],
)
def test_parameters_keep_their_types(task: Told, name: str, value: object) -> None:
    assert task["cast"][name] == value
    assert type(task["cast"][name]) is type(value)


def test_parameters_keep_their_descriptions(task: Told) -> None:
    assert task["arguments"]["late"] == ["int", "set when the task ran"]


def test_configuration(task: Told) -> None:
    assert sorted(task["configuration"]) == ["as a dict", "as a file", "as text"]
    assert task["configuration"]["as a file"] == "line one\nline two: ünïcode\n"
    assert task["configuration"]["as text"] == '{"k": [1, 2]}'
    assert task["configuration_as_dict"] == {"model": {"depth": 3, "names": ["a", "b"]}}


def test_properties(task: Told) -> None:
    assert task["properties"] == {"team": "churn", "stable": "True", "threshold": "0.25"}
    assert task["runtime"].items() >= {"attempt": "2", "seconds": 1.5}.items()
    assert task["progress"] == {"while it ran": "70", "in the end": 100}


def test_console(task: Told) -> None:
    lines = task["console"].splitlines()
    assert {"a line that goes to the console", "and one in other letters: žluťoučký 猫 🙂"} <= set(lines)
    assert "a line that only the logger says" in lines


def test_console_keeps_the_order_of_lines(task: Told) -> None:
    lines = task["console"].splitlines()
    counted = [line for line in lines if line.startswith("counted ")]
    assert counted == [f"counted {number}" for number in range(200)]


def test_scalars(task: Told) -> None:
    loss = task["scalars"]["loss"]
    assert loss["train"] == {"name": "train", "x": list(range(10)), "y": pytest.approx(LOSSES)}
    assert loss["valid / fold.1"]["y"] == pytest.approx([2 * value for value in LOSSES])
    assert task["scalars"]["accuracy"]["test"] == {"name": "test", "x": [2, 5], "y": [0.75, 0.5]}


def test_scalars_unsampled_and_sampled(task: Told) -> None:
    assert task["all_scalars"]["loss"]["train"]["y"] == pytest.approx(LOSSES)
    assert len(task["sampled"]["loss"]["train"]["y"]) <= 5


def test_scalars_by_time(task: Told) -> None:
    by_time = task["by_time"]["loss"]["train"]
    assert len(by_time["x"]) == len(by_time["y"]) >= 1
    assert by_time["x"] == sorted(by_time["x"])


def test_last_value_is_that_of_the_highest_iteration(task: Told) -> None:
    assert task["last"]["accuracy"]["test"] == {"last": 0.5, "min": 0.5, "max": 0.75}
    assert task["last"]["loss"]["train"] == pytest.approx({"last": 0.1, "min": 0.1, "max": 1.0})
    assert task["fields"]["last_iteration"] == 9


def test_single_values_keep_the_last_one(task: Told) -> None:
    assert task["single"] == {"test_roc_auc": 0.845, "test_f1_score": 0.625}


def test_plots(task: Told) -> None:
    assert task["plots"] == [
        ["confusion", "test", 0],
        ["curve", "roc", 1],
        ["figure", "line", 0],
        ["importance", "gain", 0],
        ["metrics", "by model", 0],
    ]
    assert task["plot_data"]["curve"]["x"] == [0.0, 0.5, 1.0]
    assert task["plot_data"]["confusion"]["z"] == [[5.0, 1.0], [2.0, 7.0]]
    assert task["plot_data"]["metrics"]["cells"]["values"][0] == ["rf", "lr"]


def test_images_and_media(task: Told) -> None:
    assert sorted(task["images"]) == [[0, [7, 7, 7]], [1, [9, 9, 9]]]
    assert task["media"] == ["<p>a report</p>"]


@pytest.mark.parametrize(
    ("name", "type_", "value"),
    [
        ("dict", "dict", {"answer": 42, "list": [1.5, None, "x"]}),
        ("array", "numpy", [[0, 1, 2], [3, 4, 5]]),
        ("frame", "pandas", {"id": [1, 2, 3], "name": ["a", "b", "č"]}),
        ("parquet", "pandas", {"id": [1, 2, 3], "name": ["a", "b", "č"]}),
        ("folder", "archive", {"top.txt": "top", "below/deep.txt": "deep"}),
        ("text", "string", "just some text"),
        ("replaced", "dict", {"version": 2}),
    ],
)
def test_artifacts(task: Told, name: str, type_: str, value: object) -> None:
    found: dict[str, Any] = task["artifacts"][name]
    assert [found["type"], found["value"], found["hash"]] == [type_, value, True]
    assert found["size"] > 0


def test_an_artifact_that_is_a_file(task: Told) -> None:
    found = task["artifacts"]["file"]
    assert [found["type"], found["size"], found["value"][1]] == ["custom", 1_280_000, 1_280_000]


def test_descriptions_of_artifacts(task: Told) -> None:
    artifacts = task["artifacts"]
    assert artifacts["dict"]["metadata"] == {"source": "made up", "rows": "3"}
    assert artifacts["text"]["preview"] == "a preview"
    assert "deleted" not in artifacts


def test_a_process_that_fails(failed: Told) -> None:
    assert failed.complaints == []
    assert failed["fields"]["status"] == "failed"
    assert "this goes wrong on purpose" in failed["fields"]["status_reason"]
    assert "the last words" in failed["console"]
    assert "RuntimeError: this goes wrong on purpose" in failed["console"]
