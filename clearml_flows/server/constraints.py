"""Write docker/constraints.txt: the installed releases of all packages the project needs.

make lock        on Linux, in the Python that the image has, with the tests passing
"""

import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

# The library that pip parses requirements with; one of the development tools.
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAD = """\
# The exact releases of the image's third-party packages: those that the tests ran with. Not edited by hand, but written
# by `make lock`, on Linux, in the Python that the image has.
"""


def main(path: str) -> None:
    """Write the constraints for the requirements in pyproject.toml to `path`."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["agent"], *extras["notify"]]
    Path(path).write_text(HEAD + "".join(f"{line}\n" for line in closure(wanted)), "utf-8")


def closure(requirements: list[str]) -> list[str]:
    """Return `name==version` of the installed requirements and all their dependencies, sorted."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                installed = distribution(name)
                found[name] = installed.version
                waiting.extend((Requirement(line), wanted) for line in installed.requires or [])
    return [f"{name}=={version}" for name, version in sorted(found.items())]


if __name__ == "__main__":
    main(sys.argv[1])
