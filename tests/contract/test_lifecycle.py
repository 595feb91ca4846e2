"""What is done with tasks from outside: they are cloned, queued, ended, reset, published, archived, deleted."""

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    # `Task.enqueue` of a completed task with force is refused first, and tried again after a reset.
    return server.run("lifecycle", f"{server.project}/lifecycle", expected=["tasks.enqueue/"])


def test_nothing_to_complain_about(told: Told) -> None:
    assert told.complaints == []


def test_completed(told: Told) -> None:
    assert told["finished"] == ["completed", True]


def test_clone_is_a_draft_with_its_own_parameters(server: Server, told: Told) -> None:
    clone = told["clone"]
    assert clone["fields"] == ["a clone", "cloned", "created", True, f"{server.project}/lifecycle"]
    assert clone["parameters"] == {"General/rate": "0.75", "Args/epochs": "3"}
    assert clone["source_parameters"] == {"General/rate": "0.5", "Args/epochs": "3"}
    assert clone["configuration"] == {"config": "a = 1"}
    assert [clone["second_parent"], clone["name"]] == [True, "finished"]


def test_clone_has_no_results(told: Told) -> None:
    assert told["clone"]["empty"] == [{}, {}, 0]


def test_enqueue(told: Told) -> None:
    queue = told["queue"]
    assert queue["statuses"] == ["queued"] * 3
    assert [queue["waiting"], queue["executed_queue"], queue["order"]] == [3, True, True]


def test_dequeue(told: Told) -> None:
    assert told["queue"]["dequeued"] == ["created", 2]


def test_next_task_leaves_the_queue_and_stays_queued_until_it_starts(told: Told) -> None:
    queue = told["queue"]
    assert [queue["taken"], queue["started"], queue["empty"]] == [[True, "queued", 1], "in_progress", None]


def test_archiving_a_queued_task_dequeues_it(told: Told) -> None:
    assert told["queue"]["archived"] == ["created", 0]


def test_enqueue_with_force_resets_first(told: Told) -> None:
    assert told["queue"]["forced"] == ["queued", 1]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("aborted", ["stopped", "", "no longer wanted"]),
        ("failed", ["failed", "a reason", "a message"]),
        ("asked to stop", ["stopped", "", ""]),
        ("restarted", "in_progress"),
    ],
)
def test_ends(told: Told, name: str, status: object) -> None:
    assert told["ends"][name] == status


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("complete a draft", [400, 110]),
        ("publish a draft", [400, 110]),
        ("edit a running one", [400, 110]),
        ("queue a running one", [400, 110]),
        ("delete a running one", [400, 123]),
        ("stop a completed one", [400, 110]),
        ("close a running one", [400, 110]),
        ("reset a published one", [400, 110]),
        ("queue a waiting one", [400, 706]),
        ("parameters of an unknown task", [400, 101]),
        ("unknown parent", [400, 16]),
        ("unknown task", [400, 101]),
        ("log of an unknown task", [400, 101]),
        ("scalars of an unknown task", [400, 101]),
        ("unknown queue", [400, 701]),
        ("unknown model", [400, 201]),
        ("unknown project", [400, 16]),
        ("unknown field", [400, 14]),
        ("short name", [400, 800]),
    ],
)
def test_refused(told: Told, what: str, code: list[int]) -> None:
    assert told["refused"][what] == code


def test_tasks_that_ended_are_queued_and_reset_again(told: Told) -> None:
    assert told["again"] == {
        "failed": ["queued", "failed"],
        "draft": "created",
        "completed": "completed",
        "published": "created",
    }


def test_reset_keeps_what_was_asked_and_drops_what_came_of_it(told: Told) -> None:
    assert told["reset"] == {
        "status": ["created", None, None],
        "kept": [{"General/rate": "0.5", "Args/epochs": "3"}, "a comment"],
        "empty": [{}, {}, 0],
    }


def test_published(told: Told) -> None:
    assert told["published"] == {"status": "published", "edit": [400, 110], "by_itself": "published"}


def test_archived(told: Told) -> None:
    assert told["archived"] == {"archived": True, "found": [0, 1], "back": False}


def test_delete_removes_the_files_and_leaves_the_children(told: Told) -> None:
    assert told["deleted"] == {
        "result": True,
        "files": [[True, True], [False, False]],
        "found": 0,
        "parent": True,
    }


def test_moved_and_renamed(server: Server, told: Told) -> None:
    assert told["moved"] == [f"{server.project}/lifecycle/moved here", "has a new name"]


def test_export_and_import(told: Told) -> None:
    assert told["imported"] == {
        "same": False,
        "parameters": {"General/rate": "0.5", "Args/epochs": "3"},
        "status": "created",
    }
