"""What `flows train` refuses at once and lists; docs/add-a-flow.md, which a test follows, trains with it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clearml_flows.cli.main import main
from clearml_flows.errors import BadInput
from clearml_flows.steps.single_experiment import make_spec


def flows(*words: str) -> Result:
    return CliRunner().invoke(main, ["train", *words])


def test_models_are_listed_with_their_parameters() -> None:
    found = {flow: json.loads(flows("--flow", flow, "--model", "--json").stdout) for flow in ("churn", "wine")}
    assert "Ridge" in found["wine"]
    assert "LogisticRegression" in found["churn"]
    assert found["wine"]["Ridge"][0] == "alpha"
    assert flows("--flow", "wine").stdout.startswith("model ")


@pytest.mark.parametrize("model", ["random_forest", "RandomForest", "RANDOM-FOREST", "RandomForestRegressor"])
def test_a_model_is_known_however_it_is_written(model: str) -> None:
    spec = make_spec("wine", model, {"max_depth": 3, "max_features": None})
    assert spec == {
        "name": "random-forest-max_depth-3-max_features-None",
        "family": "RandomForest",
        "params": {"max_depth": 3, "max_features": None},
    }


def test_members_and_calibration_are_taken_as_settings_have_them() -> None:
    members = [{"estimator": "DecisionTree", "params": {"max_depth": 2}}]
    spec = make_spec("churn", "adaboost", {}, "mine", members=members, calibration="sigmoid")
    assert spec == {"name": "mine", "family": "AdaBoost", "params": {}, "members": members, "calibration": "sigmoid"}
    with pytest.raises(BadInput, match="mine cannot be trained: no estimator of a classification is called Prophet"):
        make_spec("churn", "adaboost", {}, "mine", members=[{"estimator": "Prophet"}])


REFUSED = {
    "--model ridg": "error: no model of a regression is called 'ridg'; there are AdaBoost, ",
    "--model ridge --set alhpa=1": "error: Ridge has no parameter 'alhpa'; it has alpha, fit_intercept, ",
    "--model ridge --set alpha=-1": "error: ridge-alpha--1 cannot be trained: The 'alpha' parameter of Ridge must",
    "--model ridge --set alpha=NaN": "error: ridge-alpha-nan cannot be trained: Out of range float values are",
    "--config date.yaml": "error: ridge-alpha-2026-11-23 cannot be trained: Object of type date is not JSON",
    "--model ridge --set alpha": "error: --set wants name=value, not 'alpha'",
    "--model ridge --name ab": "error: 'ab' cannot be an experiment's name: it needs 3 characters or more",
    "--model voting": "error: Voting needs members: ",
    "--model ridge --source nowhere.csv": "error: --source names nowhere.csv, which is no file",
    "--model ridge --source nowhere.csv --dataset abc": "error: give a dataset or a source, not both",
    "--config none.toml": "error: --config none.toml: No such file or directory",
    "--config list.yaml": "error: --config list.yaml is no table of model, params, ",
    "--config broken.toml": "error: --config broken.toml cannot be read: ",
    "--config broken.yaml": "error: --config broken.yaml cannot be read: while parsing a flow sequence",
    "--config unsafe.yaml": "error: --config unsafe.yaml cannot be read: could not determine a constructor",
    "--config key.toml": "error: --config key.toml has an unknown key 'modle'; did you mean 'model'?",
    "--config type.toml": "error: --config type.toml: params is 3, and not of type dict",
    "--config flow.toml": "error: there is no flow 'whine'; did you mean 'wine'?",
    "--config good.toml --set alpha=-1": "error: told cannot be trained: The 'alpha' parameter of Ridge must",
}
FILES = {
    "list.yaml": "- ridge",
    "broken.toml": "model = ",
    "broken.yaml": "params: [1",
    "unsafe.yaml": "model: !!python/object/apply:os.getcwd []",
    "date.yaml": "model: ridge\nparams: {alpha: 2026-11-23}",
    "key.toml": "modle = 'ridge'",
    "type.toml": "model = 'ridge'\nparams = 3",
    "flow.toml": "flow = 'whine'",
    "good.toml": "model = 'ridge'\nname = 'told'\nparams = { alpha = 1.0 }",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_trained_is_one_sentence(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    done = flows(*([] if "flow.toml" in words else ["--flow", "wine"]), *words.split(" "))
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(REFUSED[words]), done.stderr
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
