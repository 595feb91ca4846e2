"""The modules of a step, and how its script finds them."""

import base64
import importlib.util
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clearml_flows.run import bundle, step_code, step_header

PRICES = """\
from typing import TYPE_CHECKING
from . import taxes
if TYPE_CHECKING:
    from shop import unused
"""
STEPS = """\
def total(text: str) -> str:
    import json
    from shop.prices import taxes
    return json.dumps(taxes.RATE)
"""
FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": PRICES,
    "shop/taxes.py": "RATE = 0.2\n",
    "shop/unused.py": "",
    "steps.py": STEPS,
}
MODULES = ["shop/__init__.py", "shop/prices.py", "shop/taxes.py"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.setattr(step_code, "code", lambda: tmp_path)
    return tmp_path


def total(project: Path) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location("steps", project / "steps.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    step: Callable[..., Any] = module.total
    return step


def sha256_of(project: Path) -> str:
    return step_code.header(total(project)).rpartition('split(), "')[2].partition('"')[0]


def archive(project: Path) -> str:
    return bundle.pack_modules(step_code.modules_of(total(project)))


def tasks(monkeypatch: pytest.MonkeyPatch, *codes: str | None) -> None:
    """Tasks 0, 1, …, each the child of the next, with these archives; the step is Task 0."""

    def get_task(task_id: str) -> Any:
        number = int(task_id)
        parent = str(number + 1) if number + 1 < len(codes) else None
        return SimpleNamespace(parent=parent, get_configuration_object=lambda _: codes[number])

    monkeypatch.setenv("CLEARML_TASK_ID", "0")
    monkeypatch.setattr(step_header, "Task", SimpleNamespace(get_task=get_task))


def test_modules_are_all_files_that_the_imports_of_the_function_reach(project: Path) -> None:
    assert list(step_code.modules_of(total(project))) == MODULES


def test_a_step_without_modules_of_the_project(project: Path) -> None:
    (project / "steps.py").write_text("def total() -> str:\n    import json\n    return json.dumps(1)\n", "utf-8")
    assert step_code.modules_of(total(project)) == {}


@pytest.mark.parametrize(("name", "same"), [("shop/taxes.py", False), ("shop/unused.py", True), ("steps.py", True)])
def test_the_sha256_changes_with_the_modules_of_the_step_only(project: Path, name: str, same: bool) -> None:
    before = sha256_of(project)
    with (project / name).open("a", encoding="utf-8") as file:
        file.write("\n\nMORE = 1\n")
    assert (sha256_of(project) == before) is same


def test_the_files_here_are_used_if_they_are_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(project)])
    tasks(monkeypatch)
    assert step_header.import_modules(MODULES, sha256_of(project)) is None


def test_other_files_here_give_way_to_those_of_the_nearest_task(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256, packed = sha256_of(project), archive(project)
    (project / "shop/taxes.py").write_text("RATE = 0.3\n", "utf-8")
    monkeypatch.setattr(sys, "path", [str(project)])
    tasks(monkeypatch, None, archive(project), packed)
    folder = step_header.import_modules(MODULES, sha256)
    assert folder
    assert sys.path == [folder.name, str(project)]
    assert Path(folder.name, "shop/taxes.py").read_text("utf-8") == "RATE = 0.2\n"
    folder.cleanup()


def test_only_the_modules_of_the_step_are_unpacked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        for name in [*FILES, "../outside.py"]:
            packed.writestr(name, FILES.get(name, ""))
    monkeypatch.setattr(sys, "path", [])
    tasks(monkeypatch, base64.b64encode(whole.getvalue()).decode())
    folder = step_header.import_modules(MODULES, sha256_of(project))
    assert folder
    unpacked = [path.relative_to(folder.name).as_posix() for path in Path(folder.name).rglob("*.py")]
    assert sorted(unpacked) == MODULES
    folder.cleanup()


def test_modules_that_no_task_has_are_not_replaced_by_others(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = sha256_of(project)
    (project / "shop/taxes.py").write_text("RATE = 0.3\n", "utf-8")
    monkeypatch.setattr(sys, "path", [])
    tasks(monkeypatch, None, archive(project))
    with pytest.raises(RuntimeError, match="has the modules that the step was made with"):
        step_header.import_modules(MODULES, sha256)
    assert sys.path == []
