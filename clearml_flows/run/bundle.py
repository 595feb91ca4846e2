"""Bundle of the project's code on a run's Task, so that any agent can run the controller.

An agent needs neither a checkout nor a git remote, and runs the code of this machine, committed or not. The Task's
script section names no repository to clone. Its script unpacks the Task's configuration object `code`. The bundle also
has the releases of the packages that steps require, since an agent installs only the requirements of its own Task.
ClearML's analysis of the repository is stored as the configuration object `git`.
"""

import base64
import io
import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clearml_flows.catalog import flow_names
from clearml_flows.flow_file import read_flow
from clearml_flows.project import LIBRARY, PACKED, code

CODE = "code"
GIT = "git"
PROJECT = "clearml-flows"
ROOMS = ("backend", "run", "tabular")  # subpackages in the bundle, besides the modules at the root
PACKAGES = ("flows", "components", "clearml_flows/*.py", *(f"clearml_flows/{room}" for room in ROOMS))
RELEASES = "releases.json"  # the packages of steps, and the release of each
TRAVELS = (".py", ".json")
SCRIPT = '''"""{what}: runs the code in this Task's configuration object `code`."""

import base64
import io
import os
import runpy
import sys
import tempfile
import zipfile

from clearml import Task

packed = Task.get_task(task_id=os.environ["CLEARML_TASK_ID"]).get_configuration_object("code")
with tempfile.TemporaryDirectory(prefix="flows-") as folder:
    zipfile.ZipFile(io.BytesIO(base64.b64decode(packed))).extractall(folder)
    sys.path.insert(0, folder)
    runpy.run_path(os.path.join(folder, {path}), run_name="__main__")
'''


def carry(task: Any, flow: str, settings: Path, modules: Sequence[Mapping[str, Path]]) -> None:
    """Put code, settings file and ClearML's analysis of the repository on the controller's Task.

    `modules` are the files that each step needs, by their names in the archive.
    """
    task.reload()
    found = task.data.script
    packed = pack(settings, modules=modules)
    task.set_configuration_object(CODE, config_text=packed, config_type="base64", description="zip of the code")
    if found.version_num:
        task.set_configuration_object(
            GIT, config_text=_git(found), config_type="text", description="where it comes from"
        )
    task.set_script(
        repository="",
        diff=script(f"The controller of the flow {flow}", f"flows/{flow}_flow.py"),
        working_dir=".",
        entry_point=f"{flow}_flow.py",
    )


def script(what: str, path: str) -> str:
    """Return the script of a Task that unpacks its code and runs the file at this path."""
    return SCRIPT.format(what=what, path=json.dumps(path))


def pack(settings: Path, packages: Sequence[str] = PACKAGES, modules: Sequence[Mapping[str, Path]] = ()) -> str:
    """Return code, settings file and releases as a base64 zip. Equal files give equal texts."""
    files = {
        path.relative_to(root).as_posix(): path
        for package in packages
        for root in [_root(package)]
        for path in _files(root, package)
    }
    releases = {name: _release(name) for name in _step_packages()}
    return pack_modules(
        {name: path for group in (files, *modules) for name, path in group.items()},
        {"settings.toml": settings.read_bytes(), RELEASES: json.dumps(releases).encode()},
    )


def pack_modules(files: Mapping[str, Path], texts: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Return files and texts as a base64 zip, under these names."""
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as packed:
            for name, content in {**{name: path.read_bytes() for name, path in files.items()}, **texts}.items():
                packed.writestr(_entry(name), content)
        return base64.b64encode(buffer.getvalue()).decode("ascii")


def _root(package: str) -> Path:
    return LIBRARY if package.startswith("clearml_flows") else code()


def _files(root: Path, package: str) -> list[Path]:
    """Return the files of a folder, or of the paths of a pattern, that belong to the bundle."""
    found = [path for named in root.glob(package) for path in (named, *named.rglob("*"))]
    return sorted(path for path in found if path.suffix in TRAVELS and PACKED not in path.parents)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def loaded_packages() -> list[str]:
    """Return the packages that this process imported, as exact requirements.

    This project is not among them: the bundle has its code.
    """
    owners = packages_distributions()
    roots = {name.partition(".")[0] for name in sys.modules}
    return sorted(exact(owner) for owner in {owner for root in roots for owner in owners.get(root, ())} - {PROJECT})


def exact(requirement: str) -> str:
    """Return the requirement with the installed release: `numpy==2.3.1` for `numpy>=2,<3`.

    On an agent, this is the release of the machine that made the bundle.
    """
    name = re.split(r"[\s<>=!~;]", requirement, maxsplit=1)[0]
    return f"{name}=={_release(name.partition('[')[0])}"


def _release(name: str) -> str:
    return _carried().get(name) or version(name)


@cache
def _carried() -> dict[str, str]:
    """Return the releases in the bundle. Empty in a checkout."""
    path = LIBRARY / RELEASES
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}


def _step_packages() -> list[str]:
    steps = [step for flow in flow_names() for step in read_flow(flow).components.values()]
    return sorted({re.split(r"[\s<>=!~;\[]", package, maxsplit=1)[0] for step in steps for package in step.packages})


def _git(script: Any) -> str:
    repository = re.sub(r"//[^/@]*@", "//", script.repository or "")  # the URL may have a token
    facts = {"repository": repository, "branch": script.branch, "commit": script.version_num}
    return "\n".join([*(f"{name}: {value}" for name, value in facts.items()), "", script.diff or "no local changes"])
