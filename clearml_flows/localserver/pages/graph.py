"""Graph of a pipeline run: its steps, laid out from left to right."""

import json
from dataclasses import dataclass
from typing import Any

from clearml_flows.localserver.pages.shapes import items, mapping, text

BOX_WIDTH, BOX_HEIGHT = 150, 46
GAP_X, GAP_Y = 44, 16
MAX_STEPS = 300


@dataclass(frozen=True)
class Step:
    """One step and its parents. `task` is the id of the step's Task, empty before it runs."""

    name: str
    parents: list[str]
    task: str
    status: str
    cached: bool


@dataclass(frozen=True)
class Box:
    """Position of a step in the picture."""

    step: Step
    x: int
    y: int


@dataclass(frozen=True)
class Graph:
    """Boxes and the lines between them as (x1, y1, x2, y2)."""

    boxes: list[Box]
    lines: list[tuple[int, int, int, int]]
    width: int
    height: int


def read_steps(task: dict[str, Any]) -> list[Step]:
    """Return the steps in a pipeline controller's configuration, at most MAX_STEPS."""
    try:
        nodes = json.loads(mapping(mapping(task.get("configuration")).get("Pipeline")).get("value", ""))
    except (TypeError, ValueError, RecursionError):
        return []
    steps = []
    for name, node in list(mapping(nodes).items())[:MAX_STEPS]:
        values = mapping(node)
        steps.append(
            Step(
                name=text(name, 100),
                parents=[text(parent, 100) for parent in items(values.get("parents"))],
                task=text(values.get("job_id") or values.get("executed"), 64),
                status=text(values.get("status"), 30),
                cached=values.get("status") == "cached",
            )
        )
    return steps


def lay_out(steps: list[Step]) -> Graph:
    """Put each step into the column after its last parent."""
    columns: list[list[Step]] = []
    for step, depth in _depths(steps):
        while len(columns) <= depth:
            columns.append([])
        columns[depth].append(step)
    tallest = max(map(len, columns), default=0)
    height = tallest * (BOX_HEIGHT + GAP_Y)
    boxes = {}
    for depth, column in enumerate(columns):
        top = (height - len(column) * (BOX_HEIGHT + GAP_Y)) // 2 + GAP_Y // 2
        for row, step in enumerate(column):
            boxes[step.name] = Box(step, 4 + depth * (BOX_WIDTH + GAP_X), top + row * (BOX_HEIGHT + GAP_Y))
    lines = [
        (boxes[parent].x + BOX_WIDTH, boxes[parent].y + BOX_HEIGHT // 2, box.x, box.y + BOX_HEIGHT // 2)
        for box in boxes.values()
        for parent in box.step.parents
        if parent in boxes
    ]
    return Graph(list(boxes.values()), lines, 8 + len(columns) * (BOX_WIDTH + GAP_X) - GAP_X, height)


def _depths(steps: list[Step]) -> list[tuple[Step, int]]:
    depths = {step.name: 0 for step in steps}
    # At most as many rounds as steps, so that the loop ends for a cycle in the configuration.
    for _ in steps:
        before = dict(depths)
        for step in steps:
            known = [depths[parent] + 1 for parent in step.parents if parent in depths and parent != step.name]
            depths[step.name] = min(max(known, default=0), len(steps))
        if depths == before:
            break
    return [(step, depths[step.name]) for step in steps]
