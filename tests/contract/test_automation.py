"""`TaskScheduler`, `clearml-data` and `PipelineController.start()` leave behind."""

from tests.contract.server import Server


def test_task_scheduler_enqueues_a_clone(server: Server) -> None:
    told = server.run("schedule", f"{server.project}/time")
    assert told.complaints == []
    assert told["enqueued"] == [["to be scheduled", "queued", [], "2"]]
    assert [told["scheduler"], told["sections"]] == [["in_progress", "service"], ["schedule"]]


def test_pipeline_start_leaves_the_controller_in_the_queue(server: Server) -> None:
    queue = f"{server.project} started"
    sent = server.run("pipe_start", "start", f"{server.project}/started", queue)
    left = server.run("pipe_start", "read", sent["controller"], queue)
    assert sent.complaints + left.complaints == []
    assert left.document == {
        "entries": [True],
        "status": "queued",
        "type": "controller",
        "system_tags": ["pipeline"],
        "parameters": {"Args/number": "21"},
        "nodes": {"double": "pending"},
        "steps": 0,
    }


def test_clearml_data(server: Server) -> None:
    told = server.run("data_verbs", f"{server.project}/verbs")
    assert told.complaints == []
    assert told["codes"] == dict.fromkeys(
        (
            "create",
            "add",
            "remove",
            "upload",
            "close",
            "sync",
            "list",
            "search",
            "compare",
            "verify",
            "get",
            "publish",
            "delete",
        ),
        0,
    )
    assert [told["listed"], told["copied"]] == [["a.txt", "b.txt", "c.txt"]] * 2
    assert [told["found"], told["left"]] == [[True, True], ["published"]]
