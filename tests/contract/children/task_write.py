"""One task with everything on it, tracked by the process that runs; `task_read.py` reads it back elsewhere."""

import argparse
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
from clearml import Task
from matplotlib import pyplot

from tests.contract.child import Document, tell


class Kernel(Enum):
    linear = "linear"
    rbf = "rbf"


def write(project: str) -> Document:
    Task.add_requirements("only-a-name", "1.2.3")
    parent = Task.create(project_name=project, task_name="the parent")
    task = Task.init(
        project, "the whole task", Task.TaskTypes.testing, tags=["first", "second tag"], auto_resource_monitoring=False
    )
    connect(task)
    describe(task, parent.id)
    report(task)
    upload(task)
    for number in range(200):
        print(f"counted {number}")  # noqa: T201  (its console)
    print("a line that goes to the console")  # noqa: T201  (its console)
    print("and one in other letters: žluťoučký 猫 🙂")  # noqa: T201  (its console)
    task.flush(wait_for_uploads=True)
    running = Task.get_task(task_id=task.id).get_status()
    task.close()
    return {"task": task.id, "parent": parent.id, "while_running": running, "after_close": task.get_status()}


def connect(task: Task) -> None:
    """Parameters and configuration, in all the ways a script gives them."""
    task.connect(
        {"rate": 0.125, "layers": [32, 16], "nested": {"deep": {"flag": True}}, "none": None, "text": "a=b; c"}
    )
    task.connect({"kernel": Kernel.rbf, "empty": "", "big": 10**15, "count": 3}, name="Second section")
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--optimizer", default="adam")
    parser.parse_args(["--epochs", "9"])
    task.set_parameter("Args/late", 5, value_type=int, description="set when the task ran")
    task.connect_configuration({"model": {"depth": 3, "names": ["a", "b"]}}, name="as a dict", description="the model")
    text = Path("notes.txt")
    text.write_text("line one\nline two: ünïcode\n", encoding="utf-8")
    task.connect_configuration(text, name="as a file")
    task.set_configuration_object("as text", config_text='{"k": [1, 2]}', config_type="json")
    task.connect_label_enumeration({"stays": 0, "leaves": 1})


def describe(task: Task, parent: str) -> None:
    task.add_tags(["third"])
    task.set_comment("What this is:\n a task with <b>everything</b> & more")
    task.set_parent(parent)
    task.set_user_properties(
        {"name": "team", "description": "who owns it", "value": "churn"}, stable=True, threshold=0.25
    )
    task.set_user_properties(gone="soon")
    task.delete_user_properties([("properties", "gone")])
    task._set_runtime_properties({"attempt": "2", "seconds": 1.5})
    task.set_progress(70)
    task._set_runtime_properties({"seen_progress": str(Task.get_task(task_id=task.id).get_progress())})
    task.set_base_docker("python:3.11-slim", docker_arguments="--ipc=host", docker_setup_bash_script="echo ready")


def report(task: Task) -> None:
    logger = task.get_logger()
    for iteration in range(10):
        logger.report_scalar("loss", "train", iteration=iteration, value=1.0 / (1 + iteration))
        logger.report_scalar("loss", "valid / fold.1", iteration=iteration, value=2.0 / (1 + iteration))
    logger.report_scalar("accuracy", "test", iteration=5, value=0.5)
    logger.report_scalar("accuracy", "test", iteration=2, value=0.75)
    logger.report_single_value("test_roc_auc", 0.845)
    logger.report_single_value("test_f1_score", 0.5)
    logger.report_single_value("test_f1_score", 0.625)
    logger.report_table(
        "metrics", "by model", iteration=0, table_plot=pd.DataFrame({"model": ["rf", "lr"], "f1": [0.6, 0.5]})
    )
    logger.report_confusion_matrix("confusion", "test", matrix=np.array([[5, 1], [2, 7]]), iteration=0)
    logger.report_scatter2d(
        "curve", "roc", scatter=np.array([[0.0, 0.0], [0.5, 0.9], [1.0, 1.0]]), iteration=1, mode="lines"
    )
    logger.report_histogram("importance", "gain", values=[3.0, 1.0], iteration=0, xlabels=["tenure", "charges"])
    pyplot.plot([1, 2, 3])
    pyplot.title("a figure")
    logger.report_matplotlib_figure("figure", "line", iteration=0, figure=pyplot.gcf())
    logger.report_image("image", "noise", iteration=0, image=np.full((4, 4, 3), 7, dtype=np.uint8))
    logger.report_image("image", "noise", iteration=1, image=np.full((4, 4, 3), 9, dtype=np.uint8))
    page = Path("page.html")
    page.write_text("<p>a report</p>", encoding="utf-8")
    logger.report_media("media", "page", iteration=0, local_path=str(page))
    logger.report_text("a line that only the logger says", print_console=False)


def upload(task: Task) -> None:
    """Artifacts of the kinds that need no pickle."""
    frame = pd.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "č"]})
    folder = Path("folder")
    (folder / "below").mkdir(parents=True)
    (folder / "top.txt").write_text("top", encoding="utf-8")
    (folder / "below" / "deep.txt").write_text("deep", encoding="utf-8")
    single = Path("single file.bin")
    single.write_bytes(bytes(range(256)) * 5000)
    wait = {"wait_on_upload": True}
    task.upload_artifact(
        "dict", {"answer": 42, "list": [1.5, None, "x"]}, metadata={"source": "made up", "rows": 3}, **wait
    )
    task.upload_artifact("array", np.arange(6).reshape(2, 3), **wait)
    task.upload_artifact("frame", frame, **wait)
    task.upload_artifact("parquet", frame, extension_name=".parquet", **wait)
    task.upload_artifact("file", single, **wait)
    task.upload_artifact("folder", folder, **wait)
    task.upload_artifact("text", "just some text", preview="a preview", **wait)
    task.upload_artifact("replaced", {"version": 1}, **wait)
    task.upload_artifact("replaced", {"version": 2}, **wait)
    task.upload_artifact("deleted", {"gone": True}, **wait)
    task.delete_artifacts(["deleted"])


tell(write)
