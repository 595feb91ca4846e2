"""Code of a step: the script with its function, and the modules that it imports.

The script names these modules and their sha256. ClearML's cache therefore misses when code that the step uses has
changed, and only then.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from clearml_flows.project import LIBRARY, code
from clearml_flows.run import step_header

WIDTH = 116


def header(step: Callable[..., Any]) -> str:
    """Return the beginning of the step's script."""
    files = modules_of(step)
    source = inspect.getsource(step_header).rstrip()
    names = textwrap.indent(textwrap.fill(" ".join(files), WIDTH, break_on_hyphens=False), "    ")
    sha256 = step_header.sha256_of(files, lambda name: files[name].read_bytes())
    return f'{source}\n\n\nMODULES = """\n{names}\n"""\nmodules = import_modules(MODULES.split(), "{sha256}")\n'


def modules_of(step: Callable[..., Any]) -> dict[str, Path]:
    """Return the files that a step's function imports, by their names in an archive.

    Modules that these modules import are included.
    """
    waiting = set(_imports(inspect.getsource(inspect.unwrap(step)), ""))
    files: dict[str, Path] = {}
    while waiting:
        for name, path in _files(waiting.pop()):
            if name not in files:
                files[name] = path
                waiting |= _imported_by(path, ".".join(PurePosixPath(name).parent.parts))
    return dict(sorted(files.items()))


def _files(module: str) -> Iterator[tuple[str, Path]]:
    """Yield the files that an import of the module runs. None if the module is not ours."""
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        stem = "/".join(parts[:count])
        names = [f"{stem}/__init__.py", f"{stem}.py"]
        yield from [(name, root / name) for root in (code(), LIBRARY) for name in names if (root / name).is_file()][:1]


@cache
def _imported_by(path: Path, package: str) -> frozenset[str]:
    return _imports(path.read_text("utf-8"), package)


def _imports(source: str, package: str) -> frozenset[str]:
    """Return the modules and names that the source imports, except those for type checkers."""
    names: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(textwrap.dedent(source))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting += ast.iter_child_nodes(node)
    return frozenset(names)
