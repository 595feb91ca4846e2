"""The built wheel, installed in an environment of its own and used in an empty folder.

The third-party packages come from the environment of the tests, by a line in a `.pth` file. Python does not read `.pth`
files in a folder that is added in this way. So `clearml_flows` is the wheel's, `flows` and `components` the project's.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, SMALL, Finished

WHERE = "import importlib.util as u; print([getattr(u.find_spec(n), 'origin', None) for n in {names!r}])"


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and a home folder without files."""

    folder: Path
    home: Path

    def python(self, *arguments: str, cwd: Path) -> Finished:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "MPLBACKEND": "Agg",
            "FLOWS__DATA__ROWS": "600",
            "FLOWS__TRAINING__REPEATS": "1",
            "FLOWS__CHURN__EXPERIMENTS": SMALL,
        }
        command = [str(self.folder / "bin" / "python"), *arguments]
        done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, check=False)
        return Finished(done.returncode, done.stdout, done.stderr)

    def flows(self, *arguments: str, cwd: Path) -> str:
        done = self.python(str(self.folder / "bin" / "flows"), *arguments, cwd=cwd)
        assert done.exit_code == 0, (arguments, done)
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", *options, str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "third_party.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return Installed(folder, tmp_path_factory.mktemp("home"))


def test_the_wheel_has_one_import_name_and_complete_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(path))
    assert {name.split("/")[0] for name in names} == {"clearml_flows", path.split("/")[0]}
    assert {"clearml_flows/py.typed", "clearml_flows/template/settings.toml"} <= set(names)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata.get_all("Provides-Extra") == ["agent", "dev", "notify"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Summary"]
    assert metadata["Keywords"]
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert (metadata["Project-URL"], metadata["Home-page"], metadata["License"]) == (None, None, None)


def test_from_an_empty_folder_to_a_finished_run(installed: Installed, tmp_path: Path) -> None:
    where = installed.python("-c", WHERE.format(names=["clearml_flows", "flows", "components"]), cwd=tmp_path)
    (library,) = installed.folder.glob("lib/python*/site-packages/clearml_flows/__init__.py")
    assert where.stdout == f"{[str(library), None, None]}\n"

    assert "flows [OPTIONS] COMMAND" in installed.flows("--help", cwd=tmp_path)
    installed.flows("server", "up", cwd=tmp_path)
    try:
        checks = json.loads(installed.flows("doctor", "--json", cwd=tmp_path))
        assert {one["status"] for one in checks["checks"]} <= {"ok", "skipped"}
        assert installed.flows("experiments", "list", "--json", cwd=tmp_path) == "[]\n"
        assert "embedded" in installed.flows("setup", "--show", cwd=tmp_path)
    finally:
        installed.flows("server", "down", cwd=tmp_path)

    installed.flows("init", "shop", cwd=tmp_path)
    shop = tmp_path / "shop"
    # From here on, only the project has flows and steps.
    shutil.rmtree(library.with_name("template"))
    try:
        document = json.loads(installed.flows("run", "churn", "--source", "synthetic", "--json", cwd=shop / "flows"))
    finally:
        installed.flows("server", "down", cwd=shop)
    assert (document["status"], document["experiments"]["count"]) == ("completed", 2)
    assert sorted(path.name for path in shop.iterdir()) == [
        ".flows",
        "README.md",
        "components",
        "docker",
        "flows",
        "settings.toml",
    ]
