"""`ClearMLTracker` in a script, several times in one process, and in a notebook's kernel, as a child process of a test.

`python -m tests.support.tracker_verbs FOLDER` prints as JSON what each Task holds.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from clearml import Task
from jupyter_client.manager import start_new_kernel
from plotly.graph_objects import Figure, Scatter

from clearml_flows.errors import BadInput
from clearml_flows.experiments.api import show_experiment
from clearml_flows.experiments.tracker import ClearMLTracker
from clearml_flows.models.api import show_model
from clearml_flows.tabular.artifacts import stream_file
from tests.support.churn_models import fitted

folder = Path(sys.argv[1])
told: dict[str, Any] = {}
CELLS = [
    "from clearml_flows import ClearMLTracker",
    "with ClearMLTracker('tracked', 'in a notebook') as tracker:\n"
    "    tracker.log_metrics({'accuracy': 0.75})\n"
    "    print('said in a cell')",
    "print('first', tracker.task.id)",
    "with ClearMLTracker('tracked', 'failing in a notebook') as tracker:\n    raise RuntimeError('a bad cell')",
    "print('second', tracker.task.id)",
]


def account(task_id: str) -> dict[str, Any]:
    task = Task.get_task(task_id=task_id)
    return {
        **show_experiment(task_id),
        "message": task.data.status_message,
        "scalars": task.get_reported_scalars(),
        "plots": [plot["metric"] for plot in task.get_reported_plots()],
        "console": "\n".join(task.get_reported_console_output(10)),
        "artifacts": {
            name: b"".join(stream_file(item.url, item.hash, 1_000_000)).hex() for name, item in task.artifacts.items()
        },
        "kinds": {name: item.url.rpartition(".")[2] for name, item in task.artifacts.items()},
    }


def everything() -> str:
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 2])
    (folder / "notes.txt").write_text("some notes")
    with ClearMLTracker("tracked", "everything", ["first", "mine"]) as tracker:
        tracker.log_params({"lr": 0.1, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}})
        for iteration in range(3):
            loss = {"train": 1 / (iteration + 1), "test": 2 / (iteration + 1)}
            tracker.log_metrics({"loss": loss, "lr": 0.1}, iteration)
        tracker.log_metrics({"accuracy": 0.9, "recall": {"class": {"yes": 0.5}}})
        tracker.log_artifact("notes", folder / "notes.txt")
        tracker.log_artifact("rows", pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
        tracker.log_artifact("facts", {"a": [1, None]})
        tracker.log_artifact("a picture/1", figure)
        tracker.log_artifact("an interactive one", Figure(Scatter(y=[1, 2])))
        told["registered"] = tracker.log_model("tracked", fitted(), tags=["mine"])
        refusals(tracker)
        print("said in the block")  # noqa: T201 - it is to be the Task's console
    return str(tracker.task.id)


def refusals(tracker: ClearMLTracker) -> None:
    attempts: dict[str, Any] = {
        "no number": lambda: tracker.log_metrics({"fine": 1, "odd": "x"}),
        "not finite": lambda: tracker.log_metrics({"loss": float("nan")}),
        "an object": lambda: tracker.log_artifact("thing", object()),
        "not JSON": lambda: tracker.log_artifact("thing", {"a": object()}),
        "no model": lambda: tracker.log_model("tracked", folder / "notes.txt"),
        "no file": lambda: tracker.log_artifact("thing", folder / "nothing.txt"),
        "two at once": lambda: ClearMLTracker("tracked", "another").__enter__(),
    }
    for story, attempt in attempts.items():
        try:
            attempt()
        except BadInput as error:
            told[story] = str(error)


def failing() -> str:
    tracker = ClearMLTracker("tracked", "failing")
    try:
        with tracker:
            tracker.log_metrics({"accuracy": 0.25})
            _ = 1 / 0
    except ZeroDivisionError as error:
        told["raised again"] = str(error)
    return str(tracker.task.id)


def leaving() -> str:
    tracker = ClearMLTracker("tracked", "leaving")
    try:
        with tracker:
            sys.exit(0)
    except SystemExit:
        return str(tracker.task.id)


def notebook() -> dict[str, str]:
    """The ids of the Tasks of the cells, by the word printed before them; the errors of cells are told."""
    manager, client = start_new_kernel()
    printed: list[str] = []
    errors: list[str] = []

    def heard(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        if message["msg_type"] == "error":
            errors.append(message["content"]["ename"])

    try:
        for cell in CELLS:
            client.execute_interactive(cell, timeout=60, output_hook=heard)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=False)
    told["errors of cells"] = errors
    lines = [line.split() for line in "".join(printed).splitlines()]
    return {line[0]: line[1] for line in lines if line[:1] in (["first"], ["second"])}


if __name__ == "__main__":
    # First: the SDK takes what a process starts that has had a Task for a part of that Task.
    ids = {**notebook(), "everything": everything(), "failing": failing(), "leaving": leaving()}
    told["model"] = show_model(told["registered"]["id"])
    told["tasks"] = {name: account(task_id) for name, task_id in ids.items()}
    sys.stdout.write(f"\n{json.dumps(told, default=str)}\n")
