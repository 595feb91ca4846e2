"""Back up the server's data to one file, and restore it.

All containers are stopped while their volumes are copied. Databases and files are then consistent, and a copy of a
stopped database is safe. A restore fills volumes of the next generation and switches to them. The earlier volumes stay,
in case the wrong backup was restored.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clearml_flows.errors import BadInput, FlowsError
from clearml_flows.files import arriving, check_free
from clearml_flows.server import archive, docker_command, env_file, health, lifecycle, machine, releases
from clearml_flows.server.stack import VOLUMES, Stack
from clearml_flows.settings import Docker

Say = Callable[[str], None]
# The copying container is root without root's capabilities: it may read all files, or write them with their owners.
_COPIER = ["run", "--rm", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
_READER = ["--cap-add", "DAC_READ_SEARCH"]
_WRITER = ["--cap-add", "CHOWN", "--cap-add", "DAC_OVERRIDE", "--cap-add", "FOWNER"]


@dataclass(frozen=True)
class Restored:
    """The backup that is now in use, and the earlier volumes, which are no longer in use."""

    backup: archive.Manifest
    aside: list[str]


def backup(stack: Stack, docker: Docker, target: Path, force: bool, say: Say) -> archive.Manifest:
    """Save all data of the server to `target`. The server is stopped meanwhile.

    It runs again afterwards if it ran before.

    Args:
        force: replace the file `target`.

    Raises:
        BadInput: `target` exists.
        FlowsError: Docker fails. No file is written.
    """
    machine.check_docker()
    with stack.locked():
        return save(stack, docker, target, say, force)


def restore(stack: Stack, docker: Docker, source: Path, say: Say) -> Restored:
    """Replace all data of the server by a backup. If this fails, the earlier data is in use.

    Raises:
        BadInput: the backup is damaged or from other releases.
        FlowsError: Docker fails, or the server is not healthy with the restored data.
    """
    say(f"verifying {source}")
    manifest = archive.verify(source)
    if manifest.images != stack.images():
        raise BadInput(
            f"{source} was saved from other releases ({releases.differences(manifest.images, stack.images())}); "
            "restore it with the checkout that it was saved with, then upgrade"
        )
    info = machine.check_docker()
    with stack.locked():
        values = env_file.read(stack.env_file)
        lifecycle.check_machine(stack, docker, info, values)
        values = values or lifecycle.first_values(stack)
        there, before = stack.generations(), int(values["SERVER_GENERATION"])
        generation = max([*there, before]) + 1
        try:
            for name, part in manifest.parts.items():
                say(f"restoring {name} ({part.size / 1e6:,.1f} MB)")
                _fill(stack, name, generation, archive.chunks(source, name, part))
            _switch(stack, docker, values, generation, say)
        except BaseException:
            lifecycle.remove(stack, [generation])
            raise
        # Volumes of earlier restores, also of killed ones.
        lifecycle.remove(stack, [number for number in there if number != before])
    return Restored(manifest, [stack.volume(name, before) for name in VOLUMES] if before in there else [])


def save(
    stack: Stack, docker: Docker, target: Path, say: Say, force: bool = False, start: bool = True
) -> archive.Manifest:
    """Save all data as `backup` does. The caller holds the stack's lock.

    Without `start`, the server stays down after a successful backup.
    """
    values = stack.values()
    generation = int(values["SERVER_GENERATION"])
    images = releases.from_line(values.get("SERVER_IMAGES", "")) or stack.images()
    volumes = {name: stack.volume(name, generation) for name in VOLUMES}
    docker_command.ask("volume", "inspect", *volumes.values(), to="find the server's data")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    check_free(target.absolute(), force)
    # The file is complete before the server starts again, so a failed start does not lose the backup.
    with _at_rest(stack, docker, say, start), arriving(target, force) as draft:
        try:
            return _write(archive.Writer(draft, created, images), images, volumes, say)
        except OSError as error:
            raise FlowsError(f"{target} cannot be written: {error.strerror or error}") from None


def _write(file: archive.Writer, images: dict[str, str], volumes: dict[str, str], say: Say) -> archive.Manifest:
    with file:
        for name, volume in volumes.items():
            say(f"saving {name}")
            words = _copier(images, _READER, volume, "ro", "--create")
            with docker_command.reading(*words, to=f"copy {volume}") as tar:
                file.add(name, iter(partial(tar.read, archive.CHUNK), b""))
    return file.manifest


@contextmanager
def _at_rest(stack: Stack, docker: Docker, say: Say, start: bool) -> Iterator[None]:
    running = [service.name for service in stack.services() if service.state == "running"]
    say("stopping the server")
    try:
        docker_command.tell(*stack.compose("stop"), to="stop the server")
        yield
    except BaseException:
        _start_again(stack, docker, running, say)
        raise
    if start:
        _start_again(stack, docker, running, say)


def _start_again(stack: Stack, docker: Docker, services: list[str], say: Say) -> None:
    if services:
        say("starting the server again")
        docker_command.tell(*stack.compose("up", "--detach", "--no-recreate", *services), to="start the server again")
        health.wait(stack.services, docker.wait, say)


def _fill(stack: Stack, name: str, generation: int, tar: Iterator[bytes]) -> None:
    volume = stack.volume(name, generation)
    labels = [f"com.docker.compose.project={stack.project}", f"com.docker.compose.volume={name}"]
    docker_command.ask(
        "volume", "create", *(word for label in labels for word in ("--label", label)), volume, to=f"create {volume}"
    )
    words = _copier(stack.images(), ["--interactive", *_WRITER], volume, "rw", "--extract")
    docker_command.feed(words, tar, to=f"fill {volume}")


def _switch(stack: Stack, docker: Docker, values: dict[str, str], generation: int, say: Say) -> None:
    """Start the server on the new volumes, or go back to the old ones if it is not healthy."""
    was_there = stack.env_file.exists()
    running = was_there and any(service.state == "running" for service in stack.services())
    agents = was_there and stack.agents_run()
    if was_there:
        docker_command.tell(*stack.compose("down"), to="stop the server")
    try:
        lifecycle.start(stack, docker, values | {"SERVER_GENERATION": str(generation)}, say, agents)
    except BaseException as error:
        say("going back to the data as it was")
        docker_command.tell(*stack.compose("down"), to="stop the server")
        env_file.write(stack.env_file, values)
        if running:
            lifecycle.start(stack, docker, values, say, agents)
        if isinstance(error, FlowsError):
            raise FlowsError(
                f"the server does not run on the restored data and has its old data again: {error}"
            ) from None
        raise


def _copier(images: dict[str, str], powers: list[str], volume: str, mode: str, action: str) -> list[str]:
    """Return docker's arguments for a container that packs or unpacks a volume.

    It uses the image of MongoDB, which contains tar.
    """
    place = ["--volume", f"{volume}:/volume:{mode}", "--entrypoint", "tar", f"mongo:{images['mongo']}"]
    tar = [action, "--numeric-owner", "--same-permissions", "--directory", "/volume", "--file", "-"]
    return [*_COPIER, *powers, *place, *tar, *(["."] if action == "--create" else [])]
