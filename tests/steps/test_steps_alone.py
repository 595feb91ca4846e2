"""Steps on their own: what they take is read off their files, and without a backend they run on files.

As Tasks they run in tests/e2e/test_add_a_flow.py.
"""

import importlib
import inspect
import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.settings import load
from clearml_flows.steps.arguments import configured
from clearml_flows.steps.signatures import steps
from clearml_flows.steps.tracked import commit_of
from clearml_flows.tabular.data.synthetic_wine import synthetic_wines

ROOT = Path(__file__).parents[2]
PLAIN = "--flow wine --no-track"


def flows(*words: str) -> Result:
    return CliRunner().invoke(main, ["step", *words])


@pytest.fixture(scope="module")
def wines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wines") / "wines.csv"
    synthetic_wines(200, 3).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", steps())
def test_what_is_read_off_a_file_is_what_the_step_takes(name: str) -> None:
    step = inspect.unwrap(getattr(importlib.import_module(f"components.{name}"), name))
    taken = inspect.signature(step).parameters.values()
    read = steps()[name].parameters
    assert [(one.name, one.type, one.required) for one in read] == [
        (one.name, one.annotation, one.default is inspect.Parameter.empty) for one in taken
    ]
    assert all(one.help for one in read)
    assert steps()[name].doc == inspect.getdoc(step)


def test_references_are_known_by_the_names_of_results() -> None:
    found = {name: [one.name for one in step.parameters if one.from_step] for name, step in steps().items()}
    assert found == {
        "download": [],
        "validate": ["raw"],
        "features": ["valid"],
        "version_dataset": ["split"],
        "train_sweep": ["dataset"],
        "register_best": ["sweep", "dataset"],
        "evaluate": ["model", "dataset", "sweep"],
    }
    assert [one["step"] for one in json.loads(flows("--json").stdout)] == list(found)


def test_a_step_is_given_what_the_pipeline_would_give_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWS__TRAINING__FOLDS", "7")
    monkeypatch.setenv("FLOWS__SWEEP__SHARDS", "3")
    sweep = configured(steps()["train_sweep"], "wine", load())
    assert (sweep["folds"], sweep["metric"], sweep["project"]) == (7, "r2", "clearml-flows/experiments")
    assert (len(json.loads(sweep["experiments"])) > 3, sweep["shard"]) == (True, False)
    assert "dataset" not in sweep
    assert configured(steps()["version_dataset"], "wine", load())["name"] == "wine"


def test_features_are_explained_with_why() -> None:
    told = json.loads(flows("features", "--flow", "churn", "--explain", "--test-size", "0.3", "--json").stdout)
    assert {"feature": "SeniorCitizen", "kind": "number", "why": "as it came"} in told["features"]
    assert next(one["why"] for one in told["features"] if one["feature"] == "tenure_log").startswith("months as a ")
    assert told["does"].startswith("Add features")
    assert flows("features", "--flow", "wine", "--explain").stdout.count("as it came") == 11
    assert json.loads(flows("evaluate", "--explain", "--json").stdout)["features"] is None


def test_a_csv_file_goes_through_the_steps_before_without_a_backend(wines: Path, tmp_path: Path) -> None:
    done = flows("features", *PLAIN.split(), "--valid", str(wines), "--out", str(tmp_path / "all"), "--json")
    assert done.exit_code == 0, done.stderr
    split = json.loads(done.stdout)["returned"]["split"]
    assert (split["train"]["rows"], split["test"]["rows"], split["problem_type"]) == (160, 40, "regression")
    made = {path.name for path in (tmp_path / "all").iterdir()}
    assert made >= {"raw_csv.csv", "valid_rows.parquet", "train.parquet", "test.parquet", "report.json"}
    again = flows("features", *PLAIN.split(), "--valid", str(tmp_path / "all" / "valid_rows.parquet"), "--json")
    assert json.loads(again.stdout)["returned"]["split"]["train"]["sha256"] == split["train"]["sha256"]


REFUSED = {
    "validate --raw bad.csv": "error: step validate failed: bad data: bad.csv: ",
    "validate --raw nowhere.csv": "error: without a backend --raw can be a CSV file that is there, or the JSON that",
    "validate --raw [1]": "error: without a backend --raw can be",
    "validate --raw {}": "error: --raw wants the JSON object that download returns, not '{}'",
    'validate --raw {"task":"x"}': "error: --raw wants the JSON object that download returns, not ",
    "validate --raw {": "error: --raw wants the JSON object that download returns, not '{'",
    "features": "error: without a backend --valid can be",
    "features --schema @nowhere": "error: @nowhere cannot be read: No such file or directory",
    "train_sweep": "error: train_sweep takes what it needs from the backend and stores there what it makes",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_run_is_one_sentence(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("FLOWS_SETTINGS", str(ROOT / "settings.toml"))
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", "utf-8")
    name, *rest = words.split(" ")
    done = flows(name, *PLAIN.split(), *rest)
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    assert done.stderr.splitlines()[-1].startswith(REFUSED[words]), done.stderr


def test_the_commit_of_a_checkout_is_known(tmp_path: Path) -> None:
    assert commit_of(tmp_path / "nowhere") == ""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert commit_of(tmp_path) == ""
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", str(tmp_path), *author, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    assert re.fullmatch("[0-9a-f]{40}", commit_of(tmp_path))


def test_options_that_do_not_go_together_are_refused() -> None:
    done = flows("validate", "--out", "here")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: --out goes with --no-track: a Task keeps its files as artifacts\n",
    )
