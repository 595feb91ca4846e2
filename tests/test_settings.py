from pathlib import Path

import pytest
from pydantic import ValidationError

from clearml_flows.errors import BadInput
from clearml_flows.project import settings_file
from clearml_flows.settings import keys, load, set_option, variable

MINIMAL = '[[churn.experiments]]\nname = "forest"\nfamily = "RandomForest"\nparams = { n_estimators = 10 }\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(MINIMAL, "utf-8")
    monkeypatch.setenv("FLOWS_SETTINGS", str(path))
    for key in keys():
        monkeypatch.setenv(variable(key), "")  # so that monkeypatch also takes back what set_option() sets
        monkeypatch.delenv(variable(key))
    return path


def test_the_projects_own_file_holds_the_experiments_of_the_brief() -> None:
    families = [experiment.family for experiment in load().flow("churn").experiments]
    assert len(families) == 21
    assert settings_file().name == "settings.toml"


def test_an_option_wins_over_the_environment_over_the_file_over_the_default(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().data.rows == 3500
    file.write_text(f"[data]\nrows = 1001\n{MINIMAL}", "utf-8")
    assert load().data.rows == 1001
    monkeypatch.setenv("FLOWS__DATA__ROWS", "1002")
    assert load().data.rows == 1002
    set_option("data.rows", "1003")
    assert load().data.rows == 1003


def test_settings_are_frozen(file: Path) -> None:
    settings = load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.data.rows = 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[data]\nrosw = 5\n", r"settings.toml has an unknown setting 'data.rosw'; did you mean 'data.rows'\?"),
        ("[dtaa]\nrows = 5\n", r"unknown setting 'dtaa'; did you mean 'data'\?"),
        (
            '[[churn.experiments]]\nname="abc"\nfamliy="x"\n',
            r"unknown setting 'churn.experiments.0.famliy'; did you mean 'churn.experiments.family'",
        ),
        ('[data]\nrows = "many"\n', "settings.toml sets data.rows to 'many': input should be a valid integer"),
        ("[data]\nrows = -1\n", "data.rows to '-1': input should be greater than"),
        ("[features]\ntest_size = 1.5\n", "features.test_size to '1.5'"),
        ("rows == 5", "settings.toml is not TOML"),
        (
            '[[churn.experiments]]\nname="abc"\nfamily="x"\n[[churn.experiments]]\nname="abc"\nfamily="y"\n',
            "two experiments are called 'abc'",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence_with_the_key(file: Path, text: str, sentence: str) -> None:
    file.write_text(text if "churn" in text else f"{text}{MINIMAL}", "utf-8")
    with pytest.raises(BadInput, match=sentence) as caught:
        load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("FLOWS__DATA__ROSW", "5", r"FLOWS__DATA__ROSW, which is no setting; did you mean 'FLOWS__DATA__ROWS'\?"),
        ("FLOWS__DATA__ROWS", "many", "FLOWS__DATA__ROWS sets data.rows to 'many'"),
        ("FLOWS__CHURN__EXPERIMENTS", "[", "FLOWS__CHURN__EXPERIMENTS"),
        ("FLOWS__CHURN__EXPERIMENTS", "[]", "FLOWS__CHURN__EXPERIMENTS sets churn.experiments"),
        (
            "FLOWS__CHURN__EXPERIMENTS",
            '[{"name": "tree"}]',
            "FLOWS__CHURN__EXPERIMENTS lacks churn.experiments.0.family",
        ),
        ("FLOWS__NOTIFY__ROUTES", '{"failed": "all"}', "FLOWS__NOTIFY__ROUTES sets notify.routes.failed to 'all'"),
    ],
)
def test_a_wrong_variable_is_one_sentence_with_its_name(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(BadInput, match=sentence):
        load()


def test_an_unknown_option_names_the_nearest(file: Path) -> None:
    with pytest.raises(BadInput, match=r"no setting 'training.fold'; did you mean 'training.folds'\?"):
        set_option("training.fold", "3")


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLOWS_SETTINGS", str(tmp_path / "none.toml"))
    with pytest.raises(BadInput, match=r"FLOWS_SETTINGS names .*none\.toml, which is no file"):
        load()


def test_every_setting_has_its_manual_above_it_in_the_file() -> None:
    lines = settings_file().read_text("utf-8").splitlines()
    for key in keys():
        table, name = key.split(".")
        if name == "experiments":
            continue
        at = next(
            (i for i, line in enumerate(lines) if line.startswith(f"{name} =") and _table(lines, i) == table), None
        )
        assert at is not None, f"{key} is not in settings.toml"
        assert lines[at - 1].startswith("# "), f"{key} has no comment above it"


def _table(lines: list[str], at: int) -> str:
    return next(line.strip("[]") for line in reversed(lines[:at]) if line.startswith("["))
