"""Which part of the project may import which: the arrows of docs/architecture.md."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "clearml_flows"
OURS = ("clearml_flows", "flows", "components")
# A part, and the only modules of ours that it may import. The library's root is what everything may import.
MAY_IMPORT = {
    "flows": ("clearml_flows.flow", "clearml_flows.run.shards", "clearml_flows.settings", "components"),
    "components": ("clearml_flows.tabular",),
    "clearml_flows/localserver": ("clearml_flows.localserver",),
    "clearml_flows/tabular": ("clearml_flows.tabular",),
    "clearml_flows/backend": ("clearml_flows.localserver", "clearml_flows.backend"),
    "clearml_flows/run": ("clearml_flows.backend", "clearml_flows.tabular", "clearml_flows.run"),
}
ENTRIES = (LIBRARY / "__main__.py", LIBRARY / "flow.py")  # what starts the command line
# The same part of several nouns has the same name.
SYSTEM = {"__init__", "api", "description", "engine", "journal", "loop", "records", "schema", "store", "versions"}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import does not travel with a step"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_below(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def of_root(module: str) -> bool:
    """Whether the module lies at the library's root, as settings and errors do, and starts no command line."""
    return (LIBRARY / f"{module.split('.')[1]}.py").is_file() if is_below(module, "clearml_flows") else False


def wrong(folder: Path, allowed: tuple[str, ...], root: bool) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules(folder)
        for module in imports(path)
        if is_below(module, *OURS) and not is_below(module, *allowed) and not (root and of_root(module))
    ]


def test_imports_go_one_way() -> None:
    apart = ("flows", "components", "clearml_flows/localserver", "clearml_flows/tabular")
    found = [line for part, allowed in MAY_IMPORT.items() for line in wrong(ROOT / part, allowed, part not in apart)]
    assert found == []


def test_the_embedded_backend_does_not_import_clearml() -> None:
    found = {module for path in modules(LIBRARY / "localserver") for module in imports(path)}
    assert [module for module in found if is_below(module, "clearml")] == []


def test_only_the_command_line_prints_and_nothing_imports_the_command_line() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules(LIBRARY)
        if LIBRARY / "cli" not in path.parents and path not in ENTRIES
        for module in imports(path)
        if is_below(module, "click", "rich", "clearml_flows.cli")
    ]
    assert found == []


def test_modules_stay_small() -> None:
    paths = [path for part in OURS for path in modules(ROOT / part)]
    assert [str(path) for path in paths if len(path.read_text("utf-8").splitlines()) > 400] == []


def test_no_two_modules_have_one_name() -> None:
    elsewhere = (LIBRARY / "localserver", LIBRARY / "cli")
    names = Counter(path.stem for path in modules(LIBRARY) if not set(elsewhere) & set(path.parents))
    assert {name for name, count in names.items() if count > 1} <= SYSTEM


def test_no_module_lies_beside_a_package_of_its_name() -> None:
    assert [str(path) for part in OURS for path in modules(ROOT / part) if path.with_suffix("").is_dir()] == []


def test_importing_the_components_package_registers_no_step() -> None:
    assert (ROOT / "components" / "__init__.py").read_text("utf-8").strip() == ""
