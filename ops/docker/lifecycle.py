"""Start the server and stop it, with what has to be true before."""

from collections.abc import Callable
from typing import Any

from flows.errors import FlowsError
from flows.settings import Docker
from ops.docker import engine, environment, health, machine, releases
from ops.docker.stack import VOLUMES, Stack

Say = Callable[[str], None]


def up(stack: Stack, docker: Docker, say: Say, agents: bool = False) -> None:
    """Start the server, or find it running, and return when it is healthy.

    Raises FlowsError if Docker or the machine is not fit for it, the .env is not whole, the data is another release's,
    or a part does not become healthy.
    """
    info = machine.check_docker()
    environment.addresses(docker)
    with stack.locked():
        values = environment.read(stack.env_file)
        check_machine(stack, docker, info, values)
        values = values or first_values(stack)
        releases.check_same(values, stack.images())
        start(stack, docker, values, say, agents)


def start(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Write the .env, fetch the images, start what is not running, and wait. Raises FlowsError."""
    fetch(stack, docker, values, say, agents)
    run(stack, docker, values, say, agents)


def fetch(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Fetch the images that are not there; what runs and its data are not touched. Raises FlowsError."""
    environment.write(stack.env_file, values | environment.from_settings(docker))
    say("fetching the images")
    words = ("pull", "--quiet", "--ignore-buildable", "--policy", "missing")
    engine.tell(*stack.compose(*words, agents=agents), to="fetch the images")


def run(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Start what is not running, of images that were fetched, and wait. Raises FlowsError."""
    # Written before they start: from then on the data is these releases'.
    recorded = {"SERVER_IMAGES": releases.as_line(stack.images())}
    environment.write(stack.env_file, values | environment.from_settings(docker) | recorded)
    say("starting")
    build = ["--build"] if agents else []
    engine.tell(
        *stack.compose("up", "--detach", "--remove-orphans", *build, agents=agents), to="start the server's containers"
    )
    health.wait(stack.services, docker.wait, say)


def down(stack: Stack, volumes: bool) -> bool:
    """Stop the server and remove its containers; with `volumes` its data and secrets, too.

    Return False if there was nothing. Raises FlowsError if Docker fails.
    """
    machine.check_docker()
    with stack.locked():
        if environment.read(stack.env_file) is None:
            generations = stack.generations() if volumes else []
            remove(stack, generations)
            return bool(generations)
        was_there = bool(stack.services())
        engine.tell(*stack.compose("down", "--remove-orphans"), to="stop the server")
        if volumes:
            remove(stack, stack.generations())
            # Secrets of nothing: the next server has its own.
            stack.env_file.unlink()
        return was_there or volumes


def remove(stack: Stack, generations: list[int]) -> None:
    """Remove the volumes of these generations."""
    names = [stack.volume(name, number) for number in generations for name in VOLUMES]
    if names:
        engine.ask("volume", "rm", "--force", *names, to="remove the server's volumes", seconds=900)


def check_machine(stack: Stack, docker: Docker, info: dict[str, Any], values: dict[str, str] | None) -> None:
    """Raises FlowsError, a sentence for each thing that is in the way."""
    ports = tuple(sorted({docker.api_port, docker.web_port, docker.files_port} - _our_ports(stack, values)))
    needed = machine.DISK_NEEDED if values is None else machine.DISK_LEFT
    found = machine.problems(machine.look(info, ports), needed)
    if found:
        raise FlowsError("\nerror: ".join(found))


def first_values(stack: Stack) -> dict[str, str]:
    """The secrets of a server that has none yet; its data, if it has some, is kept.

    Raises FlowsError if there are several generations of data, so that nobody but the lost .env knew which is in use.
    """
    _check_nobody_elses(stack)
    generations = stack.generations()
    if len(generations) > 1:
        names = ", ".join(stack.volume("mongo", number) for number in generations)
        raise FlowsError(
            f"the server's data is there more than once ({names}) and {stack.env_file}, which tells which is in use, "
            "is gone; put it back, or remove the other volumes with docker volume rm"
        )
    return environment.new() | {"SERVER_GENERATION": str(generations[0] if generations else 1)}


def _check_nobody_elses(stack: Stack) -> None:
    """Containers of our name that another checkout started must not be taken over with other secrets."""
    project = f"label=com.docker.compose.project={stack.project}"
    started_from = '{{.Label "com.docker.compose.project.config_files"}}'
    told = engine.ask("ps", "--all", "--filter", project, "--format", started_from, to="list its containers")
    others = sorted(set(filter(None, told.splitlines())) - {str(stack.compose_file)})
    if others:
        raise FlowsError(
            f"there is a server named {stack.project} already, of {others[0]}; use that one, or give this one another "
            "name and ports in [docker] of settings.toml"
        )


def _our_ports(stack: Stack, values: dict[str, str] | None) -> set[int]:
    if values is None:
        return set()
    kinds = {"apiserver": "API", "webserver": "WEB", "fileserver": "FILES"}
    running = {service.name for service in stack.services() if service.state == "running"}
    return {int(values.get(f"SERVER_{kind}_PORT", 0)) for name, kind in kinds.items() if name in running}
