"""Where the project is, and what `flows init` writes."""

import base64
import io
import os
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from clearml_flows import project
from clearml_flows.backend.connection import data_dir
from clearml_flows.catalog import flow_file, flow_names
from clearml_flows.cli.main import main
from clearml_flows.errors import BadInput
from clearml_flows.run import bundle
from clearml_flows.schedule.install import this_machine
from clearml_flows.settings import load

ROOT = Path(__file__).parents[1]
NO_PROJECT = r"^there is no settings\.toml here or above; `flows init NAME` makes a project$"
WRITTEN = [
    "README.md",
    "components/__init__.py",
    "components/download.py",
    "components/evaluate.py",
    "components/features.py",
    "components/register_best.py",
    "components/train_sweep.py",
    "components/validate.py",
    "components/version_dataset.py",
    "docker/compose.yaml",
    "docker/server.ps1",
    "docker/server.sh",
    "flows/__init__.py",
    "flows/churn_flow.py",
    "flows/schemas/churn.json",
    "flows/schemas/wine.json",
    "flows/wine_flow.py",
    "settings.toml",
]


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with no project here or above."""
    monkeypatch.setenv("FLOWS_SETTINGS", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(empty: Path) -> Path:
    project.create(empty / "shop")
    return empty / "shop"


def test_the_project_is_the_nearest_folder_upwards_with_settings(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop / "flows" / "schemas")
    assert project.settings_file() == shop / "settings.toml"
    assert data_dir(load()) == shop / ".flows"


def test_the_variable_wins_over_the_search(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("FLOWS_SETTINGS", str(ROOT / "settings.toml"))
    assert project.settings_file() == ROOT / "settings.toml"
    assert project.code() == ROOT


def test_without_a_project_the_settings_are_the_defaults(empty: Path) -> None:
    settings = load()
    assert (settings.project.name, settings.data.rows) == ("clearml-flows", 3500)
    assert data_dir(settings) == empty / ".flows"
    assert project.compose_file() == ROOT / "docker" / "compose.yaml"


def test_what_needs_a_project_says_so(empty: Path) -> None:
    with pytest.raises(BadInput, match=NO_PROJECT):
        load().flow("churn")
    with pytest.raises(BadInput, match=NO_PROJECT):
        this_machine(load())
    done = CliRunner().invoke(main, ["run", "churn"])
    assert done.exit_code == 2
    assert done.stderr == "error: there is no settings.toml here or above; `flows init NAME` makes a project\n"
    assert list(empty.iterdir()) == []


def test_a_project_has_its_own_flows_steps_and_files_of_docker(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    (shop / "flows" / "wine_flow.py").rename(shop / "flows" / "beer_flow.py")
    assert flow_names() == ["beer", "churn"]
    assert flow_file("beer") == shop / "flows" / "beer_flow.py"
    assert project.compose_file() == shop / "docker" / "compose.yaml"


def test_a_settings_file_alone_takes_flows_from_the_template(empty: Path) -> None:
    (empty / "settings.toml").write_text("[data]\nrows = 700\n", "utf-8")
    assert load().data.rows == 700
    assert flow_names() == ["churn", "wine"]
    assert project.code() == ROOT


def test_a_flow_started_from_another_folder_has_its_own_project(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.enter(shop / "flows" / "churn_flow.py")
    assert project.environment() == {"FLOWS_SETTINGS": str(shop / "settings.toml")}
    assert os.environ["FLOWS_SETTINGS"] == str(shop / "settings.toml")
    project.enter(ROOT / "flows" / "churn_flow.py")
    assert project.settings_file() == shop / "settings.toml"


def test_a_bundle_has_the_library_and_the_projects_steps(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    (shop / "components" / "own.py").write_text("ANSWER = 42\n", "utf-8")
    packed = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.pack(project.settings_file()))))
    assert packed.read("components/own.py") == b"ANSWER = 42\n"
    assert packed.read("clearml_flows/project.py") == (ROOT / "clearml_flows" / "project.py").read_bytes()
    assert "flows/churn_flow.py" in packed.namelist()


def test_init_writes_a_project(empty: Path) -> None:
    done = CliRunner().invoke(main, ["init", "shop"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "shop/settings.toml is written" in done.stdout
    shop = empty / "shop"
    assert sorted(path.relative_to(shop).as_posix() for path in shop.rglob("*") if path.is_file()) == WRITTEN
    assert (shop / "settings.toml").read_bytes() == (ROOT / "settings.toml").read_bytes()
    assert os.access(shop / "docker" / "server.sh", os.X_OK)
    lines = (shop / "README.md").read_text("utf-8").splitlines()
    assert (lines[0], len(lines)) == ("# shop", 10)


@pytest.mark.parametrize("name", ["settings.toml", "flows", "components", "docker", "README.md"])
def test_init_overwrites_nothing(empty: Path, name: str) -> None:
    (empty / name).write_text("mine", "utf-8")
    done = CliRunner().invoke(main, ["init"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"error: the folder . has {name} already; name another one: `flows init NAME`\n"
    assert [path.name for path in empty.iterdir()] == [name]
    assert (empty / name).read_text("utf-8") == "mine"


def test_init_in_a_file_is_one_sentence(empty: Path) -> None:
    (empty / "shop").write_text("mine", "utf-8")
    done = CliRunner().invoke(main, ["init", "shop"])
    assert (done.exit_code, done.stderr) == (2, "error: shop cannot be written: File exists\n")
