"""Who may import whom: the table of docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"flows", "components", "clearml_flows"}
MAY_IMPORT = {
    "flows": {"clearml_flows"},
    "components": {"clearml_flows"},
    "clearml_flows": {"clearml_flows", "components"},
}


def modules() -> list[Path]:
    return [path for package in sorted(OURS) for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports do not travel with a step"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    used = set(imports(path))
    assert used & OURS <= MAY_IMPORT[package]
    assert path.relative_to(ROOT).parts[1] != "localserver" or "clearml" not in used


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_importing_the_components_package_registers_no_step() -> None:
    assert (ROOT / "components" / "__init__.py").read_text("utf-8").strip() == ""
