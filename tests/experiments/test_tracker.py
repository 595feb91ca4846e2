"""`ClearMLTracker` through the official SDK against the embedded backend."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.backend import running_backend
from tests.support.story import ROOT, Story, tell

# The SDK's own thread looks every 10 ms, not every half minute, whether the Task was stopped by somebody.
WATCHED = """
from clearml.backend_interface.task.development.worker import DevWorker
from clearml_flows import ClearMLTracker
DevWorker.ping_period = DevWorker.report_period = 0.01
try:
    with ClearMLTracker("tracked", "closely watched") as tracker:
        mark_failed = tracker.task.mark_failed
        tracker.task.mark_failed = lambda **told: (mark_failed(**told), time.sleep(0.5))
        raise ValueError("a bad block")
except ValueError:
    print("went on")
"""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell("tracker_verbs", tmp_path_factory.mktemp("tracker"))


def task(story: Story, name: str) -> dict[str, Any]:
    return dict(story["tasks"][name])


def test_a_block_that_ends_well_is_a_completed_task_with_parameters_and_tags(story: Story) -> None:
    held = task(story, "everything")
    assert (held["status"], held["name"], held["project"]) == ("completed", "everything", "tracked")
    assert sorted(held["tags"]) == ["first", "mine"]
    assert held["parameters"] == {
        "General/lr": "0.1",
        "General/optimizer/name": "adam",
        "General/optimizer/betas": "[0.9, 0.99]",
    }
    assert "said in the block" in held["console"]


def test_metrics_are_curves_with_an_iteration_and_single_values_without(story: Story) -> None:
    held = task(story, "everything")
    assert held["scalars"]["loss"]["train"]["x"] == [0, 1, 2]
    assert held["scalars"]["loss"]["test"]["y"] == [2.0, 1.0, pytest.approx(2 / 3)]
    assert held["metrics"] == {
        "accuracy": 0.9,
        "loss/test": pytest.approx(2 / 3),
        "loss/train": pytest.approx(1 / 3),
        "lr": 0.1,
        "recall/class/yes": 0.5,
    }


def test_artifacts_are_files_of_open_formats_and_figures_are_plots_too(story: Story) -> None:
    held = task(story, "everything")
    assert held["kinds"] == {
        "notes": "txt",
        "rows": "parquet",
        "facts": "json",
        "a picture/1": "png",
        "an interactive one": "json",
    }
    content = {name: bytes.fromhex(text) for name, text in held["artifacts"].items()}
    assert content["notes"] == b"some notes"
    assert json.loads(content["facts"]) == {"a": [1, None]}
    assert pd.read_parquet(io.BytesIO(content["rows"]))["a"].tolist() == [1, 2]
    assert content["a picture/1"].startswith(b"\x89PNG")
    assert set(held["plots"]) >= {"an interactive one"}


def test_what_cannot_be_kept_is_refused_by_name_and_leaves_nothing(story: Story) -> None:
    assert story["no number"] == "metric odd is 'x', which is no number"
    assert story["not finite"] == "metric loss is nan: ClearML keeps finite numbers only"
    assert "of type object cannot be kept: nothing is pickled" in story["an object"]
    assert "of type dict cannot be kept" in story["not JSON"]
    assert story["no file"].endswith("nothing.txt is no file")
    assert "fine" not in task(story, "everything")["metrics"]
    assert "thing" not in task(story, "everything")["artifacts"]


def test_a_model_is_registered_with_what_its_task_knows(story: Story) -> None:
    registered, shown = story["registered"], story["model"]
    assert (registered["name"], registered["version"], registered["format"]) == ("tracked", 1, "skops")
    assert registered["tags"] == ["mine"]
    assert shown["facts"]["experiment"] == task(story, "everything")["id"]
    assert shown["facts"]["parameters"]["General/lr"] == "0.1"
    assert shown["facts"]["accuracy"] == 0.9
    assert "notes.txt" in story["no model"]


def test_one_at_a_time(story: Story) -> None:
    assert "has the ClearML task everything" in story["two at once"]


def test_an_exception_marks_the_task_failed_with_its_traceback_and_is_raised_again(story: Story) -> None:
    held = task(story, "failing")
    assert story["raised again"] == "division by zero"
    assert (held["status"], held["message"]) == ("failed", "ZeroDivisionError: division by zero")
    assert "_ = 1 / 0" in held["console"]
    assert held["metrics"] == {"accuracy": 0.25}


def test_a_failed_block_is_not_taken_for_a_task_that_somebody_stopped(tmp_path: Path) -> None:
    with running_backend(tmp_path / "data") as backend:
        child = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"import time\n{WATCHED}"],
            cwd=ROOT,
            env=backend.env(FLOWS__SERVER__DATA_DIR=str(tmp_path / "data")),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert child.returncode == 0, child.stdout + child.stderr
    assert "went on" in child.stdout
    assert "USER ABORTED" not in child.stdout + child.stderr


def test_leaving_in_good_order_is_no_failure(story: Story) -> None:
    assert task(story, "leaving")["status"] == "completed"


def test_a_notebook_may_use_it_again_and_again(story: Story) -> None:
    first, second = task(story, "first"), task(story, "second")
    assert (first["status"], first["metrics"]) == ("completed", {"accuracy": 0.75})
    assert "said in a cell" in first["console"]
    assert story["errors of cells"] == ["RuntimeError"]
    assert (second["status"], second["message"]) == ("failed", "RuntimeError: a bad cell")
    assert "RuntimeError: a bad cell" in second["console"]
