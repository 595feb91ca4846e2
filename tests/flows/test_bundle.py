"""The code that travels with a run's Task."""

import base64
import io
import zipfile
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

from flows import bundle

ROOT = Path(__file__).parents[2]


def test_it_has_every_file_of_the_code_and_the_settings_in_force(tmp_path: Path) -> None:
    settings = tmp_path / "other.toml"
    settings.write_text("[run]\nretries = 1\n", "utf-8")
    packed = zipfile.ZipFile(io.BytesIO(base64.b64decode(bundle.pack(settings))))
    here = {path.relative_to(ROOT).as_posix() for name in bundle.PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert here <= set(packed.namelist())
    assert "flows/schemas/telco.json" in packed.namelist()
    assert packed.read("flows/bundle.py") == Path(bundle.__file__).read_bytes()
    assert packed.read("settings.toml") == settings.read_bytes()
    assert not [name for name in packed.namelist() if "__pycache__" in name or name.startswith("/")]


def test_equal_code_is_packed_to_equal_text() -> None:
    assert bundle.pack(ROOT / "settings.toml") == bundle.pack(ROOT / "settings.toml")


def test_a_requirement_is_made_exact() -> None:
    assert bundle.exact("clearml>=2.1.12,<2.2") == f"clearml=={version('clearml')}"
    assert bundle.exact("pandera[pandas]>=0.26,<1") == f"pandera[pandas]=={version('pandera')}"


def test_what_is_recorded_of_the_repository_has_no_password() -> None:
    script = SimpleNamespace(repository="https://me:secret@host/x.git", branch="b", version_num="c", diff="diff …")
    assert bundle._git(script) == "repository: https://host/x.git\nbranch: b\ncommit: c\n\ndiff …"
