"""Each operation in each status, without force and with it, as ClearML Server 2.3.0 answers it."""

import pytest

from tests.support.api import Api

OPERATIONS = ["enqueue", "dequeue", "started", "stop", "stopped", "failed", "completed", "publish", "close"]
OPERATIONS += ["reset", "delete"]
# In each cell, without force and with it: the subcode of the refusal, or the letter of the status afterwards.
GRID = """
              enqueue  dequeue  started     stop  stopped   failed completed publish   close    reset   delete
created           q q      c c      r r    110 s    110 s    110 f    110 d    110 p    110 x      c c      - -
queued        706 706      c c      r r      s s      s s    110 f    110 d    110 p    110 x      c c    123 -
in_progress     110 q      c c      r r      s s      s s      f f      d d    110 p    110 x      c c    123 -
stopped           q q      s s      r r      s s      s s      f f      d d      p p      x x      c c    123 -
completed       110 q      d d      r r    110 s    110 s    110 f      d d      p p    110 x      c c    123 -
failed            q q      f f    110 r      s s      s s      f f    110 d      p p    110 x      c c    123 -
closed          110 q      x x    110 r      s s      s s      f f    110 d      p p      x x      c c    123 -
published       110 q      p p    110 r    110 s    110 s    110 f    110 d    110 p    110 x    110 c    123 -
"""
STATUSES = {
    "c": "created",
    "q": "queued",
    "r": "in_progress",
    "s": "stopped",
    "d": "completed",
    "f": "failed",
    "x": "closed",
    "p": "published",
}
# How a Task comes to each status, and which times it then has.
WAYS = {
    "created": ("", ""),
    "queued": ("enqueue", ""),
    "in_progress": ("started", "started"),
    "stopped": ("started stopped", "started completed"),
    "completed": ("started completed", "started completed"),
    "failed": ("started failed", "started completed"),
    "closed": ("started stopped close", "started completed"),
    "published": ("started completed publish", "started completed published"),
}
# The times that an operation sets (+) and takes away (-) where it is not refused.
TIMES = {
    "started": "+started -completed",
    "stopped": "+completed",
    "failed": "+completed",
    "completed": "+completed",
    "publish": "+published",
    "reset": "-started -completed -published",
}


def rows() -> list[tuple[str, list[str]]]:
    lines = (line.split() for line in GRID.strip().splitlines()[1:])
    return [(status, cells) for status, *cells in lines]


@pytest.mark.parametrize(("status", "cells"), rows())
def test_every_operation_in_a_status(api: Api, status: str, cells: list[str]) -> None:
    queue = api.queue()
    way, before = WAYS[status]
    for index, expected in enumerate(cells):
        operation, force = OPERATIONS[index // 2], bool(index % 2)
        task = api.task(status)
        for step in way.split():
            api(f"tasks.{step}", task=task, **({"queue": queue} if step == "enqueue" else {}))
        more = {"queue": queue} if operation == "enqueue" else {}
        refusal = api.refusal(f"tasks.{operation}", task=task, force=force, **more)
        cell = f"{operation} of a task that is {status}, {force=}"
        if refusal or expected == "-":
            assert (str(refusal.code[1]) if refusal else "-") == expected, cell
            continue
        document = api.read(task)
        assert document["status"] == STATUSES[expected], cell
        times = set(before.split())
        for change in () if operation == "started" and status == "in_progress" else TIMES.get(operation, "").split():
            times = times | {change[1:]} if change[0] == "+" else times - {change[1:]}
        assert {name for name in ("started", "completed", "published") if document.get(name)} == times, cell


@pytest.mark.parametrize(
    ("operation", "leaves"),
    [("dequeue", True), ("stop", True), ("reset", True)]
    + [(name, False) for name in ("started", "stopped", "failed", "completed", "publish", "close")],
)
def test_which_operations_take_a_task_out_of_its_queue(api: Api, operation: str, leaves: bool) -> None:
    task, queue = api.task(), api.queue()
    api("tasks.enqueue", task=task, queue=queue)
    api(f"tasks.{operation}", task=task, force=True)
    assert api("queues.get_num_entries", queue=queue) == {"num": 0 if leaves else 1}
