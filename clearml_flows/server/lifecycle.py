"""Start and stop the server, and check the conditions for a start."""

from collections.abc import Callable
from typing import Any

from clearml_flows.errors import FlowsError
from clearml_flows.server import docker_command, env_file, health, machine, releases
from clearml_flows.server.stack import VOLUMES, Stack
from clearml_flows.settings import Docker

Say = Callable[[str], None]


def up(stack: Stack, docker: Docker, say: Say, agents: bool = False) -> None:
    """Start the server, or find it running, and return when it is healthy.

    Raises FlowsError in these cases:
      Docker or the machine does not meet the requirements;
      agents are wanted outside a checkout, which their image is built from;
      the .env is incomplete;
      the data is of another release;
      a part does not become healthy.
    """
    if agents and not stack.compose_file.with_name("Dockerfile").is_file():
        raise FlowsError(
            "the image of agents is built in a checkout of clearml-flows, which this is not; start agents with "
            "`flows agent start`, or in a checkout"
        )
    info = machine.check_docker()
    env_file.addresses(docker)
    with stack.locked():
        values = env_file.read(stack.env_file)
        check_machine(stack, docker, info, values)
        values = values or first_values(stack)
        releases.check_same(values, stack.images())
        start(stack, docker, values, say, agents)


def start(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Write the .env, fetch images, start all containers and wait. Raises FlowsError."""
    fetch(stack, docker, values, say, agents)
    run(stack, docker, values, say, agents)


def fetch(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Fetch missing images. Does not touch running containers or data. Raises FlowsError."""
    env_file.write(stack.env_file, values | env_file.from_settings(docker))
    say("fetching the images")
    words = ("pull", "--quiet", "--ignore-buildable", "--policy", "missing")
    docker_command.tell(*stack.compose(*words, agents=agents), to="fetch the images")


def run(stack: Stack, docker: Docker, values: dict[str, str], say: Say, agents: bool = False) -> None:
    """Start containers from fetched images and wait until they are healthy. Raises FlowsError."""
    # Written before the start: from then on only these releases can use the data.
    recorded = {"SERVER_IMAGES": releases.as_line(stack.images())}
    env_file.write(stack.env_file, values | env_file.from_settings(docker) | recorded)
    say("starting")
    build = ["--build"] if agents else []
    docker_command.tell(
        *stack.compose("up", "--detach", "--remove-orphans", *build, agents=agents), to="start the server's containers"
    )
    health.wait(stack.services, docker.wait, say)


def down(stack: Stack, volumes: bool) -> bool:
    """Stop the server and remove its containers. With `volumes`, also its data and secrets.

    Returns False if there was nothing to stop. Raises FlowsError if Docker fails.
    """
    machine.check_docker()
    with stack.locked():
        if env_file.read(stack.env_file) is None:
            generations = stack.generations() if volumes else []
            remove(stack, generations)
            return bool(generations)
        was_there = bool(stack.services())
        docker_command.tell(*stack.compose("down", "--remove-orphans"), to="stop the server")
        if volumes:
            remove(stack, stack.generations())
            # Without data the secrets are useless. The next server gets new ones.
            stack.env_file.unlink()
        return was_there or volumes


def remove(stack: Stack, generations: list[int]) -> None:
    """Remove the volumes of these generations."""
    names = [stack.volume(name, number) for number in generations for name in VOLUMES]
    if names:
        docker_command.ask("volume", "rm", "--force", *names, to="remove the server's volumes", seconds=900)


def check_machine(stack: Stack, docker: Docker, info: dict[str, Any], values: dict[str, str] | None) -> None:
    """Raise FlowsError with a sentence for each problem of the machine."""
    ports = tuple(sorted({docker.api_port, docker.web_port, docker.files_port} - _our_ports(stack, values)))
    needed = machine.DISK_NEEDED if values is None else machine.DISK_LEFT
    found = machine.problems(machine.look(info, ports), needed)
    if found:
        raise FlowsError("\nerror: ".join(found))


def first_values(stack: Stack) -> dict[str, str]:
    """Return new values for a server without a .env. Existing data is kept.

    Raises FlowsError if there are several generations of data: only the lost .env named the generation in use.
    """
    _check_nobody_elses(stack)
    generations = stack.generations()
    if len(generations) > 1:
        names = ", ".join(stack.volume("mongo", number) for number in generations)
        raise FlowsError(
            f"the server's data is there more than once ({names}) and {stack.env_file}, which names the one in use, "
            "is gone; put it back, or remove the other volumes with docker volume rm"
        )
    return env_file.new() | {"SERVER_GENERATION": str(generations[0] if generations else 1)}


def _check_nobody_elses(stack: Stack) -> None:
    """Raise FlowsError if another checkout runs containers with our project name.

    A start would replace their secrets.
    """
    project = f"label=com.docker.compose.project={stack.project}"
    started_from = '{{.Label "com.docker.compose.project.config_files"}}'
    told = docker_command.ask("ps", "--all", "--filter", project, "--format", started_from, to="list its containers")
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
