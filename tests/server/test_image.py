"""The image of agents and steps: docker/Dockerfile, docker/constraints.txt, .dockerignore."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clearml_flows.cli.main import main
from clearml_flows.server import constraints

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text("utf-8")
FILES = ("pyproject.toml", "hatch_build.py", "README.md", "settings.toml")
LINES = (ROOT / "docker" / "constraints.txt").read_text("utf-8").splitlines()
LOCKED = dict(line.split("==") for line in LINES if not line.startswith("#"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = [PROJECT["optional-dependencies"][name] for name in ("agent", "notify")]


def copied() -> list[str]:
    """What the image takes from the project's folder."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
    return [word for line in lines for word in line.split()[:-1]]


def test_every_package_is_locked_by_name_and_release_alone() -> None:
    entry = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*")
    assert [line for line in LINES if not line.startswith("#") and not entry.fullmatch(line)] == []
    assert "".join(LINES).count("://") == 0
    assert LINES[:2] == constraints.HEAD.splitlines()
    assert list(LOCKED) == sorted(LOCKED)


@pytest.mark.parametrize("line", [line for lines in (PROJECT["dependencies"], *EXTRAS) for line in lines])
def test_what_is_locked_is_what_the_project_asks_for(line: str) -> None:
    requirement = Requirement(line)
    assert canonicalize_name(requirement.name) in LOCKED, "make lock writes docker/constraints.txt anew"
    assert requirement.specifier.contains(LOCKED[canonicalize_name(requirement.name)])


def test_the_lock_is_the_closure_of_an_environment() -> None:
    names = {
        line.split("==")[0] for line in constraints.closure(["click>=8", "pandera[pandas]", "nothing; extra == 'x'"])
    }
    # Those asked for, that of the extra, and that of theirs; the one whose marker is false is not even installed.
    assert {"click", "pandera", "pandas", "numpy"} <= names


def test_the_image_is_pinned_and_not_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.M) == ["10001"]
    assert DOCKERFILE.index("\nUSER") > DOCKERFILE.rindex("\nRUN")
    assert "--only-binary :all:" in DOCKERFILE
    assert "pip check" in DOCKERFILE


def test_the_image_copies_what_the_project_is_made_of() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert set(copied()) == {*FILES, "docker/constraints.txt", "docker", *packages}


def test_a_build_sees_nothing_else() -> None:
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in ("#", "")
    ]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == {path.split("/")[0] for path in copied()}
    assert {"**/__pycache__", "**/.env"} <= set(rest)


def test_the_image_starts_an_agent_as_the_command_does() -> None:
    [started] = re.findall(r'^ENTRYPOINT \["flows", (.+)\]$', DOCKERFILE, re.M)
    [options] = re.findall(r"^CMD \[(.+)\]$", DOCKERFILE, re.M)
    with pytest.raises(SystemExit) as ended:
        main.main([*shlex.split(f"{started}, {options}".replace(",", " ")), "--help"], prog_name="flows")
    assert ended.value.code == 0
