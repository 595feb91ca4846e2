"""Checks of this machine: Python, packages, disk space, rights, and modes of secret files."""

import importlib.metadata
import os
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from clearml_flows import project
from clearml_flows.backend.configuration import conf_file
from clearml_flows.backend.connection import data_dir
from clearml_flows.doctor.check_result import CheckResult, failed, ok, warning
from clearml_flows.localserver.credentials import CONFIG, CREDENTIALS
from clearml_flows.private_files import make_private
from clearml_flows.settings import Settings

DISTRIBUTION = "clearml-flows"
LOW_BYTES = 1 << 30
NO_BYTES = 100 << 20
_PYPROJECT = project.template() / "pyproject.toml"  # only in a checkout


def check_python() -> CheckResult:
    wanted, _ = declared()
    version = ".".join(map(str, sys.version_info[:3]))
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return failed("python", f"Python {version} runs this, which needs {wanted}", "make setup")
    return ok("python", f"Python {version}, {sys.executable}")


def check_packages() -> CheckResult:
    _, required = declared()
    missing = list(_unfit(required))
    if missing:
        told = ", ".join(f"{wanted.name} {found}" for wanted, found in missing)
        words = shlex.join(f"{wanted.name}{wanted.specifier}" for wanted, _ in missing)
        return failed(
            "packages", f"not as {DISTRIBUTION} needs them: {told}", f"{sys.executable} -m pip install {words}"
        )
    return ok("packages", f"all {len(required)} that {DISTRIBUTION} needs are there, in releases that it takes")


def declared() -> tuple[str, list[Requirement]]:
    """Return the required Python and packages, from pyproject.toml or the installed metadata."""
    if _PYPROJECT.is_file():
        table = tomllib.loads(_PYPROJECT.read_text("utf-8"))["project"]
        python, lines = table["requires-python"], table["dependencies"]
    else:
        python = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
        lines = importlib.metadata.requires(DISTRIBUTION) or []
    here = {**default_environment(), "extra": ""}  # the check does not need the packages of extras
    every = [Requirement(line) for line in lines]
    return python, [one for one in every if not one.marker or one.marker.evaluate(here)]  # type: ignore[arg-type]  # it takes any such dict


def _unfit(required: Sequence[Requirement]) -> Iterator[tuple[Requirement, str]]:
    for wanted in required:
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield wanted, "is missing"
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            yield wanted, f"{version} is not {wanted.specifier}"


def check_disk(settings: Settings) -> CheckResult:
    folder = data_dir(settings)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK) or _is_virtual(there):
        return failed("disk", f"{folder} cannot be written: {there} is no folder, or not ours")
    free = shutil.disk_usage(there).free
    told = f"{free / (1 << 30):,.1f} GB free at {there}"
    if free < NO_BYTES:
        return failed("disk", f"only {told}; make room")
    if free < LOW_BYTES:
        return warning("disk", f"only {told}; make room")
    return ok("disk", told)


def _is_virtual(folder: Path) -> bool:
    """Return whether the folder is on a virtual file system, such as /proc."""
    return shutil.disk_usage(folder).total == 0


def check_secrets(settings: Settings) -> CheckResult:
    if os.name != "posix":
        return ok("secrets", "this system does not protect files by their mode")
    found = [path for path in secret_files(settings) if path.is_file()]
    open_ones = [path for path in found if path.stat().st_mode & 0o077]
    if not open_ones:
        return ok("secrets", f"{len(found)} files with secrets, for their owner only")
    names = " ".join(shlex.quote(str(path)) for path in open_ones)
    return failed("secrets", f"others may read {names}", f"chmod 600 {names}", lambda: _close(open_ones))


def secret_files(settings: Settings) -> list[Path]:
    folder = data_dir(settings)
    kaggle = Path(os.environ.get("KAGGLE_CONFIG_DIR") or "~/.kaggle").expanduser()
    conf = conf_file()
    places = [
        *([conf] if conf else []),
        *(folder / name for name in (CONFIG, CREDENTIALS, "notify.urls", "docker/.env")),
        *(kaggle / name for name in ("kaggle.json", "access_token", "access_token.txt")),
    ]
    return list(dict.fromkeys(places))


def _close(paths: Sequence[Path]) -> str:
    closed = [str(path) for path in paths if make_private(path)]
    return f"closed {', '.join(closed)} to others"
