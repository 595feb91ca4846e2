"""Each step's script as ClearML sends it: it compiles, names nothing that stays behind, needs no package untold."""

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.travel import ROOT, step_names, steps

OURS = {"clearml_flows", "flows", "components", "tests"}
PLAIN = {"str", "int", "float", "bool"}


def imported(script: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_there_are_steps() -> None:
    assert {"download"} <= set(step_names())


@pytest.mark.parametrize("name", step_names())
def test_file_and_step_have_one_name(name: str) -> None:
    assert steps()[name].function == name


@pytest.mark.parametrize("name", step_names())
def test_script_names_nothing_that_stays_behind(name: str, tmp_path: Path) -> None:
    script = tmp_path / f"{name}.py"
    script.write_text(steps()[name].script, "utf-8")
    compile(script.read_text("utf-8"), script, "exec")
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    command = [ruff, "check", "--isolated", "--select", "F821,F823,E9", "--output-format", "json", str(script)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert [(item["location"]["row"], item["message"]) for item in json.loads(found.stdout)] == []
    assert not imported(steps()[name].script) & OURS


@pytest.mark.parametrize("name", step_names())
def test_script_loads_without_a_word(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    namespace = {"__name__": "step"}
    exec(compile(steps()[name].script, name, "exec"), namespace)  # noqa: S102 - the script is the thing under test
    assert callable(namespace[name])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", step_names())
def test_parameters_are_plain(name: str) -> None:
    assert {key: kind for key, kind in steps()[name].types.items() if kind not in PLAIN} == {}


@pytest.mark.parametrize("name", step_names())
def test_packages_are_told_as_the_project_tells_them(name: str) -> None:
    packages = steps()[name].packages or []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert set(packages) <= set(project)
    told = {"".join(c if c.isalnum() or c in "-_" else " " for c in package).split()[0].lower() for package in packages}
    distributions = packages_distributions()
    needed = imported(steps()[name].script) - set(sys.stdlib_module_names)
    assert {root for root in needed if not {d.lower() for d in distributions[root]} & (told | {"kagglesdk"})} == set()
