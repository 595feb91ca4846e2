import json
from typing import Any

from clearml_flows.localserver.pages.graph import BOX_WIDTH, lay_out, read_steps


def controller(nodes: Any) -> dict[str, Any]:
    return {"configuration": {"Pipeline": {"value": json.dumps(nodes)}}}


def test_each_step_stands_behind_its_last_parent() -> None:
    nodes = {
        "last": {"parents": ["long", "first"]},
        "first": {"parents": []},
        "long": {"parents": ["first"], "job_id": "t", "status": "cached"},
    }
    graph = lay_out(read_steps(controller(nodes)))
    columns = {box.step.name: box.x for box in graph.boxes}
    assert columns["first"] < columns["long"] < columns["last"]
    assert len(graph.lines) == 3
    assert all(x2 - x1 > 0 for x1, _, x2, _ in graph.lines)
    assert all(box.x + BOX_WIDTH <= graph.width for box in graph.boxes)
    cached = next(box.step for box in graph.boxes if box.step.name == "long")
    assert (cached.task, cached.cached) == ("t", True)


def test_steps_beside_each_other_do_not_overlap() -> None:
    graph = lay_out(read_steps(controller({name: {"parents": []} for name in "abc"})))
    assert len({(box.x, box.y) for box in graph.boxes}) == 3
    assert max(box.y for box in graph.boxes) < graph.height


def test_a_circle_and_unknown_parents_end() -> None:
    nodes = {"a": {"parents": ["b", "a"]}, "b": {"parents": ["a", "none"]}}
    assert len(lay_out(read_steps(controller(nodes))).boxes) == 2


def test_what_is_no_pipeline_has_no_steps() -> None:
    junk: list[Any] = [[], None, 5, "x"]
    for nodes in junk:
        assert read_steps(controller(nodes)) == []
    assert read_steps({}) == []
    assert read_steps({"configuration": {"Pipeline": {"value": "{"}}}) == []
