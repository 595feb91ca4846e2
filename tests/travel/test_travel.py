"""Each step's script as ClearML sends it, and the modules that it imports."""

import ast
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.travel import ROOT, step_names, steps

PLAIN = {"str", "int", "float", "bool"}
# The archive format of these packages' files; the steps import them by the names of other packages.
WITH = {"kagglesdk": "kaggle"}


def imported(source: str) -> set[str]:
    """The top-level names of all absolute imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def test_the_seven_steps() -> None:
    names = ["download", "evaluate", "features", "register_best", "train_sweep", "validate", "version_dataset"]
    assert step_names() == names
    assert [steps()[name].function for name in names] == names


@pytest.mark.parametrize("name", step_names())
def test_script_is_short_and_names_only_what_it_defines_or_imports(name: str, tmp_path: Path) -> None:
    script = tmp_path / f"{name}.py"
    script.write_text(steps()[name].script, "utf-8")
    assert len(steps()[name].script.splitlines()) < 200
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    command = [ruff, "check", "--isolated", "--select", "F821,F823,E9", str(script)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (found.returncode, found.stdout) == (0, "All checks passed!\n")


@pytest.mark.parametrize("name", step_names())
def test_script_names_the_modules_of_its_step(name: str) -> None:
    listed = steps()[name].script.partition('MODULES = """\n')[2].partition('"""')[0].split()
    assert listed == list(steps()[name].modules)
    assert {"clearml_flows/__init__.py", "clearml_flows/tabular/artifacts.py"} <= set(listed)
    assert not [path for path in listed if not path.startswith(("clearml_flows/__init__", "clearml_flows/tabular/"))]


@pytest.mark.parametrize("name", step_names())
def test_parameters_are_plain(name: str) -> None:
    assert {key: kind for key, kind in steps()[name].types.items() if kind not in PLAIN} == {}


@pytest.mark.parametrize("name", step_names())
def test_requirements_are_those_of_the_project_and_cover_all_imports(name: str) -> None:
    packages = steps()[name].packages or []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert set(packages) <= set(project)
    named = {"".join(c if c.isalnum() or c in "-_" else " " for c in package).split()[0] for package in packages}
    distributions = packages_distributions()
    sources = [steps()[name].script, *(Path(path).read_text("utf-8") for path in steps()[name].modules.values())]
    needed = set().union(*map(imported, sources)) - set(sys.stdlib_module_names) - {"clearml_flows"}
    missing = {root for root in needed if not {*distributions[root], WITH.get(root, "")} & named}
    assert missing == set()
