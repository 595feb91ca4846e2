"""Model files of a person's own: registered, numbered, compared, fetched, archived; through the `flows` command."""

import json
import pickle
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pytest

from clearml_flows.tabular.artifacts import file_sha256
from clearml_flows.tabular.training.model_file import save_model
from tests.support.backend import running_backend
from tests.support.churn_models import fitted
from tests.support.command import Done, Flows

EXPERIMENT = """
import os
from clearml import Task
run = Task.create(project_name="clearml-flows", task_name="the run", task_type="controller")
run.set_system_tags(["pipeline"])
task = Task.create(project_name="clearml-flows/experiments", task_name="by hand")
task.set_parent(run.id)
task.set_parameters({"General/dataset_id": "d1", "Estimator/C": "0.1"})
task.get_logger().report_single_value("test_f1_score", 0.58)
task.get_logger().report_single_value("only_there", 7.0)
task.flush(wait_for_uploads=True)
os.write(1, f"\\n{run.id} {task.id}".encode())
"""
IN_PYTHON = """
import json, os, sys
from clearml_flows.models.api import compare_models, load_model, promote, register_model, rollback
first = register_model("python.skops", "python", metadata={"score": -0.5, "note": "é"}, tags=["own"])
second = register_model("other.skops", "python", metadata={"score": 1e-05})
third = register_model("third.skops", "python", metadata={"score": 12})
frame = compare_models(metric="score", name="python")
loaded = load_model("python", "latest")
promote(second["id"])
rollback("python")
told = {
    "versions": [one["version"] for one in (first, second, third)],
    "order": [int(version) for version in frame.xs("version", level="name").iloc[0][:3]],
    "scores": [float(value) for value in frame.loc[("metric", "score")][:3]],
    "deltas": [float(frame.loc[("metric", "score"), f"delta {one['id']}"]) for one in (second, first)],
    "loaded": [loaded.id == third["id"], loaded.threshold, len(loaded.columns) > 5, loaded.facts["score"]],
}
os.write(1, ("\\n" + json.dumps(told)).encode())
"""
LOADED = """
import os, sys
from clearml_flows import load_model
model = load_model("pickled", int(sys.argv[1]), allow_pickle=True)
os.write(1, f"\\n{type(model.pipeline).__name__}".encode())
"""


class Trap:
    """An object whose unpickling leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@dataclass(frozen=True)
class Made:
    flows: Flows
    run: str
    experiment: str

    @property
    def folder(self) -> Path:
        return self.flows.folder

    def __call__(self, *arguments: str | Path) -> Done:
        return self.flows("models", *arguments)

    def register(self, file: str, name: str, *options: str) -> Any:
        return self("register", file, "--name", name, *options, "--json").document


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("files")
    with running_backend(folder / "backend") as backend:
        flows = Flows(backend, folder / "work")
        flows.folder.mkdir()
        for number, name in enumerate(("first", "second", "python", "other", "third"), start=1):
            save_model(fitted(float(number)), str(flows.folder / f"{name}.skops"))
        told = flows.python("-c", EXPERIMENT)
        assert told.exit_code == 0, told
        yield Made(flows, *told.stdout.splitlines()[-1].split())


@pytest.fixture(scope="module")
def versions(made: Made) -> list[Any]:
    first = made.register("first.skops", "mine", "--task", made.experiment[:9], "--tag", "own")
    options = ["--metadata", "test_f1_score=0.61", "--metadata", "source=a colleague"]
    return [first, made.register("second.skops", "mine", *options)]


def test_versions_of_a_name_are_numbered_and_a_file_is_registered_once(made: Made, versions: list[Any]) -> None:
    assert [one["version"] for one in versions] == [1, 2]
    assert versions[0]["sha256"] == file_sha256(str(made.folder / "first.skops"))
    again = made("register", "first.skops", "--name", "mine")
    again.said(f"this file is mine version 1 ({versions[0]['id']}) already; nothing was changed")
    listed = made("list", "--name", "mine", "--json").document
    assert [(one["version"], one["tags"], one["metrics"]["test_f1_score"]) for one in listed] == [
        (2, [], 0.61),
        (1, ["own"], 0.58),
    ]


def test_a_model_tells_the_experiment_run_data_and_file_it_comes_from(made: Made, versions: list[Any]) -> None:
    shown = made("show", versions[0]["id"][:10], "--json").document
    assert shown["experiment"] == {"id": made.experiment, "name": "by hand"}
    assert shown["run"] == {"id": made.run, "name": "the run"}
    assert shown["dataset"]["id"] == "d1"
    assert shown["parameters"]["Estimator/C"] == "0.1"
    assert shown["metrics"] == {"only_there": 7.0, "test_f1_score": 0.58}
    file = {"sha256": versions[0]["sha256"], "format": "skops", "file": "first.skops"}
    assert file.items() <= shown["file"].items()
    made("show", versions[1]["id"]).said("a colleague", versions[1]["sha256"], "0.6100")


def test_the_best_models_come_first_and_two_are_set_side_by_side(made: Made, versions: list[Any]) -> None:
    best = made("compare", "--metric", "test_f1_score", "--name", "mine", "--json").document
    assert [one["version"] for one in best["models"]] == [2, 1]
    side = made("compare", *(one["id"] for one in versions), "--json").document
    lines = {(line["part"], line["name"]): line for line in side["lines"]}
    assert lines["metric", "test_f1_score"]["values"] == [0.58, 0.61]
    assert lines["metric", "test_f1_score"]["deltas"][1] == pytest.approx(0.03)
    assert lines["dataset", "id"]["values"] == ["d1", None]
    made("compare", *(one["id"] for one in versions)).said("0.6100 (+0.0300)", "*")


def test_a_metric_that_only_the_experiment_has_counts_too(made: Made, versions: list[Any]) -> None:
    from_sdk = """
import os, sys
from clearml import Task
from clearml.backend_api.session.client import APIClient
models = APIClient().models
project = models.get_by_id(model=sys.argv[1]).project
models.create(uri="file:///nothing.skops", name="bare", project=project, task=sys.argv[2])
"""
    assert made.flows.python("-c", from_sdk, versions[0]["id"], made.experiment).exit_code == 0
    best = made("compare", "--metric", "only_there", "--json").document["models"]
    assert {(one["name"], one["metrics"]["only_there"]) for one in best} == {("bare", 7.0), ("mine", 7.0)}


def test_python_registers_compares_by_value_not_by_text_loads_and_promotes(made: Made) -> None:
    done = made.flows.python("-c", IN_PYTHON)
    assert done.exit_code == 0, done
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["versions"] == [1, 2, 3]
    assert (told["order"], told["scores"]) == ([3, 2, 1], [12.0, 1e-05, -0.5])
    assert told["deltas"] == pytest.approx([1e-05 - 12, -12.5])
    assert told["loaded"] == [True, 0.5, True, 12]


def test_a_pickle_is_kept_with_its_hash_and_read_only_when_allowed(made: Made) -> None:
    mark = made.folder / "was read"
    (made.folder / "trap.pkl").write_bytes(pickle.dumps(Trap(mark)))
    done = made("register", "trap.pkl", "--name", "pickled")
    done.said("pickled version 1")
    assert done.stderr.startswith("warning: a pickle or joblib file can run any code")
    joblib.dump(fitted(), made.folder / "model.joblib", compress=3)
    second = made.register("model.joblib", "pickled")
    assert (second["version"], second["format"]) == (2, "pickle")
    assert made("show", second["id"], "--json").document["file"]["sha256"] == second["sha256"]
    made("fetch", "pickled", "--version", "1").said("pickled-1.pkl")
    made("promote", second["id"]).said("is in production")
    asked = made("predict", "pickled", "first.skops", "-o", "scored.csv")
    asked.refused(1, "a pickle or joblib file", "--allow-pickle")
    assert not mark.exists()
    assert made.flows.python("-c", LOADED, "2").stdout.endswith("Pipeline")
    made.flows.python("-c", LOADED, "1")
    assert mark.exists()


def test_an_altered_file_is_not_read_fetched_or_promoted_even_if_pickles_are_allowed(made: Made) -> None:
    (made.folder / "own.pkl").write_bytes(pickle.dumps({"a": 1}))
    one = made.register("own.pkl", "altered")
    (stored,) = (Path(made.flows.backend.status.data_dir) / "files").rglob(f"{one['sha256']}.pkl")
    mark = made.folder / "was altered"
    stored.write_bytes(pickle.dumps(Trap(mark)))
    made("predict", "altered", "first.skops", "-o", "s.csv", "--allow-pickle", "--version", "1").refused(1, "damaged")
    made("fetch", "altered").refused(1, "changed or damaged after it was stored")
    made("promote", one["id"]).refused(1, "changed or damaged")
    stored.unlink()
    made("fetch", "altered").refused(1, "was it deleted from the file server?")
    assert not mark.exists()
    assert not (made.folder / "altered-1.pkl").exists()


def test_a_fetched_file_is_the_registered_one_and_replaces_nothing_unasked(made: Made, versions: list[Any]) -> None:
    done = made("fetch", "mine", "--json").document
    assert (done["version"], done["path"]) == (2, "mine-2.skops")
    assert (made.folder / "mine-2.skops").read_bytes() == (made.folder / "second.skops").read_bytes()
    made("fetch", "mine").refused(2, "mine-2.skops is there already, and nothing is overwritten")
    made("fetch", "mine", "--version", "1", "-o", "mine-2.skops", "--force").said("mine version 1")
    assert (made.folder / "mine-2.skops").read_bytes() == (made.folder / "first.skops").read_bytes()
    made("fetch", "mine", "-o", "/proc/model.skops").refused(2, "/proc/model.skops cannot be written")
    made("fetch", "mine", "--version", "9").refused(2, "model mine has no version '9'; there are 1, 2")
    assert not list(made.folder.glob(".*.part"))


def test_an_archived_model_is_out_of_all_lists_and_its_number_stays_its_own(made: Made) -> None:
    one = made.register("first.skops", "kept away")
    made("promote", one["id"]).said("is in production")
    made("archive", one["id"]).refused(2, "is in production", "roll back")
    made("rollback", "kept away").said("no model is in production")
    made("archive", one["id"]).said("kept away version 1")
    made("show", one["id"]).refused(2, "there is no model with the id")
    assert made.register("second.skops", "kept away")["version"] == 2


def test_two_that_register_at_once_get_two_numbers(made: Made) -> None:
    for number in range(4):
        (made.folder / f"at once {number}.pkl").write_bytes(pickle.dumps(number))
    environment = made.flows.environment()
    started = [
        subprocess.Popen(
            [made.flows.command, "models", "register", "--name", "at once", f"at once {number}.pkl"],
            cwd=made.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(4)
    ]
    assert [process.wait(120) for process in started] == [0] * 4
    assert sorted(one["version"] for one in made("list", "--name", "at once", "--json").document) == [1, 2, 3, 4]


REFUSED: list[tuple[list[str], list[str]]] = [
    (["register", "nowhere.skops", "--name", "mine"], ["nowhere.skops is not there"]),
    (["register", "empty.skops", "--name", "mine"], ["empty.skops is empty"]),
    (["register", "text.skops", "--name", "mine"], ["is no skops file"]),
    (["register", "pickle.skops", "--name", "mine"], ["is a pickle or joblib file"]),
    (["register", "text.pkl", "--name", "mine"], ["text.pkl is not what its suffix says"]),
    (["register", "model.h5", "--name", "mine"], ["is no model file by its suffix", ".skops"]),
    (["register", "first.skops", "--name", "no"], ["'no' cannot be a model's name"]),
    (["register", "first.skops", "--name", "mine", "--task", "zz"], ["there is no experiment with the id 'zz'"]),
    (["register", "first.skops", "--name", "mine", "--metadata", "sha256=1"], ["'sha256' cannot be a name"]),
    (["register", "first.skops", "--name", "mine", "--tag", "production"], ["flows models promote"]),
    (["compare", "--metric", "test_f1_scor"], ["no model", "'test_f1_scor'", "did you mean 'test_f1_score'?"]),
    (["compare", "--metric", 'a"b.$x'], ["no model", "has a metric"]),
    (["compare", "1234"], ["comparing takes two models or more"]),
    (["list", "--tag", "owned"], ["no model in clearml-flows/models has the tag 'owned'; did you mean 'own'?"]),
    (["list", "--name", "min"], ["is called 'min'; did you mean 'mine'?"]),
]


def test_what_cannot_be_is_refused_in_one_sentence(made: Made, versions: list[Any]) -> None:
    (made.folder / "empty.skops").touch()
    (made.folder / "model.h5").write_text("x")
    (made.folder / "pickle.skops").write_bytes(pickle.dumps(1))
    for name in ("text.skops", "text.pkl"):
        (made.folder / name).write_text("{'a': 1}", "utf-8")
    ended = made.flows.in_turn(*(["models", *arguments] for arguments, _ in REFUSED))
    for done, (_, words) in zip(ended, REFUSED, strict=True):
        done.refused(2, *words)


def test_one_model_is_not_compared_with_itself(made: Made, versions: list[Any]) -> None:
    made("compare", versions[0]["id"], versions[0]["id"][:12]).refused(2, "is named twice")
