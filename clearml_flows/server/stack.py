"""The compose stack: its files, its commands, its containers and volumes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from clearml_flows.backend.connection import data_dir
from clearml_flows.errors import FlowsError, Locked
from clearml_flows.localserver.credentials import make_private_folder
from clearml_flows.project import compose_file
from clearml_flows.server import docker_command
from clearml_flows.server import env_file as environment
from clearml_flows.settings import Settings

VOLUMES = ("mongo", "mongo_config", "elastic", "redis", "files")
# The agents share the network of this container.
DOOR = "door"
_IMAGE = re.compile(r"^\s+image: (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Service:
    """A container of the stack.

    `state` is running, exited, …; `health` is healthy, starting, unhealthy or empty.
    """

    name: str
    state: str
    health: str

    @property
    def is_well(self) -> bool:
        return self.state == "running" and self.health in ("healthy", "")


@dataclass(frozen=True)
class Stack:
    """The stack of these settings. `folder` contains its .env."""

    project: str
    folder: Path
    compose_file: Path

    @property
    def env_file(self) -> Path:
        return self.folder / ".env"

    def volume(self, name: str, generation: int) -> str:
        return f"{self.project}_{name}_{generation}"

    def values(self) -> dict[str, str]:
        """Return the values of the .env. Raises FlowsError if it is missing or incomplete."""
        values = environment.read(self.env_file)
        if values is None:
            raise FlowsError(f"no server has been set up here ({self.env_file}); `flows server up --docker` does it")
        return values

    def compose(self, *words: str, agents: bool = True) -> list[str]:
        """Return docker's arguments for a compose command on this stack, with or without agents."""
        files = ["--env-file", str(self.env_file), "--file", str(self.compose_file)]
        return ["compose", "--project-name", self.project, *files, *(["--profile", "agents"] if agents else []), *words]

    def services(self) -> list[Service]:
        """Return all containers of the stack, running or not."""
        rows = docker_command.documents(
            *self.compose("ps", "--all", "--format", "json"), to="list the server's containers"
        )
        return [Service(row["Service"], row["State"], row.get("Health") or "") for row in rows]

    def agents_run(self) -> bool:
        """Return whether agents run beside the server."""
        return any(service.name == DOOR and service.state == "running" for service in self.services())

    def images(self) -> dict[str, str]:
        """Return the releases in the compose file: image → tag. The agents' image has none."""
        named = (image.rpartition(":") for image in _IMAGE.findall(self.compose_file.read_text("utf-8")))
        return {name: tag for name, _, tag in named if name}

    def generations(self) -> list[int]:
        """Return the generations of volumes that exist, sorted."""
        names = docker_command.ask("volume", "ls", "--format", "{{.Name}}", to="list its volumes").split()
        found = (re.fullmatch(rf"{re.escape(self.project)}_mongo_(\d+)", name) for name in names)
        return sorted(int(match[1]) for match in found if match)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the stack's lock: no other process starts, stops, saves or restores the stack.

        Raises Locked if another process has the lock.
        """
        lock = FileLock(self.folder / "docker.lock", mode=0o600)
        try:
            make_private_folder(self.folder)
            lock.acquire(timeout=0)
        except Timeout:
            raise Locked(f"another `flows server … --docker` is at work ({lock.lock_file}); wait for its end") from None
        except OSError as error:
            raise FlowsError(f"{self.folder} cannot be used: {error.strerror or error}; see server.data_dir") from None
        try:
            yield
        finally:
            lock.release()


def stack(settings: Settings) -> Stack:
    """Return the stack of these settings."""
    return Stack(settings.docker.project, data_dir(settings).absolute() / "docker", compose_file())
