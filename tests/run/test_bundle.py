"""The code that travels with a run's Task."""

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from clearml_flows.run import bundle

ROOT = Path(__file__).parents[2]


def test_it_has_every_file_of_the_code_and_the_settings_in_force(tmp_path: Path) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text("[run]\nretries = 1\n", "utf-8")
    packed = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.pack(settings))))
    folders = ["flows", "components", *(f"clearml_flows/{room}" for room in bundle.ROOMS)]
    here = {path.relative_to(ROOT).as_posix() for name in folders for path in (ROOT / name).rglob("*.py")}
    assert here <= set(packed.namelist())
    assert "flows/schemas/churn.json" in packed.namelist()
    assert packed.read("clearml_flows/run/bundle.py") == Path(bundle.__file__).read_bytes()
    assert packed.read("settings.toml") == settings.read_bytes()
    assert not [name for name in packed.namelist() if "__pycache__" in name or name.startswith("/")]


def test_equal_code_is_packed_to_equal_text() -> None:
    assert bundle.pack(ROOT / "settings.toml") == bundle.pack(ROOT / "settings.toml")


def test_a_requirement_is_made_exact() -> None:
    assert bundle.exact("clearml>=2.1.12,<2.2") == f"clearml=={version('clearml')}"
    assert bundle.exact("pandera[pandas]>=0.26,<1") == f"pandera[pandas]=={version('pandera')}"


def test_on_an_agent_the_release_is_the_one_that_travelled(tmp_path: Path) -> None:
    packed = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.pack(ROOT / "settings.toml"))))
    releases = json.loads(packed.read("releases.json"))
    assert {"clearml", "kaggle", "pandas", "pandera", "scikit-learn", "skops"} <= releases.keys()
    packed.extractall(tmp_path)
    (tmp_path / "releases.json").write_text(json.dumps({"scikit-learn": "1.2.3"}))
    script = "from clearml_flows.run.bundle import exact; print(exact('scikit-learn>=1.7'), exact('clearml>=2'))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["scikit-learn==1.2.3", f"clearml=={version('clearml')}"]


def test_what_is_recorded_of_the_repository_has_no_password() -> None:
    script = SimpleNamespace(repository="https://me:secret@host/x.git", branch="b", version_num="c", diff="diff …")
    assert bundle._git(script) == "repository: https://host/x.git\nbranch: b\ncommit: c\n\ndiff …"
