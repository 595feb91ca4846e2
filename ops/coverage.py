"""Writes docs/api-coverage.md: which of the SDK's requests the embedded backend answers.

python -m ops.coverage docs/api-coverage.md
"""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import click

from localserver import services
from localserver.registry import ENDPOINTS

# Hyper-datasets are a part of ClearML's paid server: the open one does not have these services either.
ELSEWHERE = frozenset({"datasets", "dataviews", "frames"})
INTRODUCTION = """# What the embedded backend answers

Written by `make docs` from the SDK's own request classes and the backend's registry; a test fails when it is stale.
A request without a check mark is answered with an error that names it (404), and logged once.
"""


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def main(path: Path) -> None:
    """Write the page of what the embedded backend answers to PATH."""
    path.write_text(page(), "utf-8")


def page() -> str:
    services.load()
    known, answered = set(_requests()), set(ENDPOINTS)
    names = sorted({name.partition(".")[0] for name in known | answered})
    summary = f"{len(known & answered)} of the SDK's {len(known)} requests, and {len(answered - known)} more."
    return "\n".join([INTRODUCTION, summary, *(_section(name, known, answered) for name in names)]) + "\n"


def _section(service: str, known: set[str], answered: set[str]) -> str:
    known, answered = (_actions(service, names) for names in (known, answered))
    lines = [f"- [{'x' if action in answered else ' '}] {action}" for action in sorted(known)]
    lines += [f"- [x] {action} (no class in the SDK)" for action in sorted(answered - known)]
    count = f": {len(answered & known)} of {len(known)}" if known else ""
    return "\n".join([f"\n## {service}{count}\n", *lines])


def _actions(service: str, names: set[str]) -> set[str]:
    return {name.partition(".")[2] for name in names if name.partition(".")[0] == service}


def _requests() -> Iterator[str]:
    """The names of the requests that the SDK's newest API version has classes for."""
    package = importlib.import_module("clearml.backend_api.services.v2_23")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name in ELSEWHERE:
            continue
        for name, value in vars(importlib.import_module(f"{package.__name__}.{module.name}")).items():
            if name.endswith("Request") and getattr(value, "_action", None):
                yield f"{value._service}.{value._action}"


if __name__ == "__main__":
    main()
