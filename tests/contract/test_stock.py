"""Rules of models, queues and workers that hold on both servers: statuses, refusals, statistics."""

import pytest

from tests.contract.server import Server, Told


@pytest.fixture(scope="module")
def told(server: Server) -> Told:
    return server.run("stock", f"{server.project}/stock")


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("publish while the task runs", [400, 110]),
        ("publish takes the task along", 1),
        ("publish again", [400, 203]),
        ("delete a used one", [400, 205]),
        ("delete of a published task", [400, 206]),
        ("metadata as a list", [400]),
        ("labels", [{"labels_count": 2}]),
        ("update_for_task of today", [301, 1]),
        ("update_for_task once", False),
        ("left after a deletion", []),
        ("mark of a deletion", ["__DELETED__it"]),
    ],
)
def test_models(told: Told, label: str, found: object) -> None:
    assert told["models"][label] == found


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("shown", ["Shown", {"a.b": {"key": "a.b", "type": "int", "value": "1"}}, []]),
        ("taken by name", {}),
        ("cleared", True),
        ("statuses", ["created"]),
        ("longest", [2]),
        ("hidden", False),
        ("asked for", True),
        ("not queued", [400, 703]),
        ("empty", {"task": None}),
    ],
)
def test_queues(told: Told, label: str, found: object) -> None:
    assert told["queues"][label] == found


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("alive", [":0", ":1"]),
        ("without", {"count": 0}),
        ("categories", {"cpu": ["cpu_usage"], "gpu": ["gpu_usage"], "memory": ["memory_used"]}),
        ("stats", {":0 cpu_usage avg": 15.0, ":0 cpu_usage max": 20.0, ":1 gpu_usage min": 40.0}),
        ("no statistics", [400, 1005]),
        ("a task that is gone", [400, 101]),
        ("a queue that is gone", [400, 701]),
    ],
)
def test_workers(told: Told, label: str, found: object) -> None:
    assert told["workers"][label] == found
