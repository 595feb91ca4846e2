"""The project: its settings file, and its folders `flows/`, `components/` and `docker/`.

A project is the nearest folder upwards from the working directory with a settings.toml. `FLOWS_SETTINGS` names another
settings file. The template of new projects stands in for what a project lacks, and for the project where there is none.
"""

import os
import shutil
import sys
from pathlib import Path

from clearml_flows.errors import BadInput

VARIABLE = "FLOWS_SETTINGS"
SETTINGS = "settings.toml"
COMPOSE = Path("docker", "compose.yaml")
# hatch_build.py puts these into the wheel. The Dockerfile is for checkouts: its image gets the source of the library.
PARTS = (SETTINGS, "flows", "components", str(COMPOSE), "docker/server.sh", "docker/server.ps1")
LIBRARY = Path(__file__).resolve().parents[1]  # the folder from which this package is imported
PACKED = Path(__file__).resolve().with_name("template")  # only in an installed wheel
README = """\
# {name}

A project of clearml-flows: ClearML pipelines for tabular data.

    flows run churn --source synthetic    # run a flow
    flows runs show                       # show the last run
    flows --help                          # list all commands

`settings.toml` holds the settings, `flows/` the flows and their schemas, `components/` the steps.
Runs and the embedded backend store their files in `.flows/`.
"""


def template() -> Path:
    """Return the folder with the files of a new project: the checkout, or a folder of the wheel."""
    return PACKED if PACKED.is_dir() else LIBRARY


def settings_file() -> Path:
    """Return the path of the settings file.

    Without a project, it is a missing file in the working directory.
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).absolute()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / SETTINGS).is_file()), here) / SETTINGS


def check_project() -> None:
    """Raise BadInput if there is no settings file."""
    if not settings_file().is_file():
        raise BadInput("there is no settings.toml here or above; `flows init NAME` makes a project")


def code() -> Path:
    """Return the folder that has `flows/` and `components/`."""
    own = settings_file().parent
    return own if any((own / "flows").glob("*_flow.py")) else template()


def compose_file() -> Path:
    """Return the path of docker/compose.yaml."""
    own = settings_file().parent / COMPOSE
    return own if own.is_file() else template() / COMPOSE


def environment() -> dict[str, str]:
    """Return the variables that give a process the project of this process."""
    return {VARIABLE: str(settings_file())}


def enter(flow_file: Path) -> None:
    """Use the project of a flow's file in this process, unless `FLOWS_SETTINGS` is set."""
    own = flow_file.absolute().parent.parent / SETTINGS
    if own.is_file() and not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = str(own)


def add_to_path() -> None:
    """Make `components` and `flows` importable in this process and its children."""
    folder = str(code())
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([folder, *filter(None, known)]))


def create(folder: Path) -> None:
    """Write a new project into the folder.

    Raises BadInput if the folder has a file or folder of a project, or cannot be written.
    """
    tops = dict.fromkeys(Path(part).parts[0] for part in (*PARTS, "README.md"))
    if there := [name for name in tops if (folder / name).exists()]:
        raise BadInput(f"the folder {folder} has {', '.join(there)} already; name another one: `flows init NAME`")
    try:
        for part in PARTS:
            _copy(template() / part, folder / part)
        (folder / "README.md").write_text(README.format(name=folder.resolve().name), "utf-8")
    except OSError as wrong:
        raise BadInput(f"{folder} cannot be written: {wrong.strerror}") from None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)
