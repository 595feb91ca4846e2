"""Check before a start that this machine can run the server."""

import os
import re
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearml_flows.errors import FlowsError
from clearml_flows.server import docker_command

MAP_COUNT = Path("/proc/sys/vm/max_map_count")
# Elasticsearch does not start below the first value. The server's manual asks for the second.
MAP_COUNT_NEEDED, MAP_COUNT_ADVISED = 262_144, 524_288
# The server's manual asks for 8 GB. The kernel of such a machine reports slightly less.
MEMORY_NEEDED = int(7.2 * 2**30)
# For a new server: 5 GB of unpacked images and space for data. For an existing server: the minimum to work.
DISK_NEEDED, DISK_LEFT = 10 * 10**9, 10**9
# The first version with `pull --policy`.
COMPOSE_NEEDED = (2, 22)


@dataclass(frozen=True)
class Machine:
    """Measured bytes of memory and free disk, the limit on memory maps, and ports in use.

    None means that the value cannot be measured.
    """

    memory: int | None
    disk_free: int | None
    map_count: int | None
    taken: tuple[int, ...]


def check_docker() -> dict[str, Any]:
    """Return the engine's `docker info`.

    Raises FlowsError if there is no engine, it does not answer, or compose is missing or too old.
    """
    try:
        told = docker_command.documents("info", "--format", "{{json .}}", to="reach its engine")
    except FlowsError as error:
        raise FlowsError(_engine_down(str(error))) from None
    info: dict[str, Any] = told[0] if told else {}
    if info.get("ServerErrors"):
        raise FlowsError(_engine_down(str(info["ServerErrors"][0])))
    _check_compose()
    return info


def look(info: dict[str, Any], ports: tuple[int, ...]) -> Machine:
    """Measure the machine that the engine runs on. `ports` are those that the server needs."""
    memory = int(info.get("MemTotal") or 0) or None
    if not _is_local():
        # The engine is on another machine: its disk, kernel and ports cannot be measured from here.
        return Machine(memory, None, None, ())
    # Docker Desktop runs the engine in a virtual machine with its own kernel and disk.
    desktop = "Docker Desktop" in str(info.get("OperatingSystem"))
    root = Path(str(info.get("DockerRootDir") or "/nowhere"))
    return Machine(
        memory,
        disk_free=None if desktop or not root.is_dir() else shutil.disk_usage(root).free,
        map_count=None if desktop else _map_count(),
        taken=tuple(port for port in ports if _is_taken(port)),
    )


def problems(machine: Machine, disk_needed: int) -> list[str]:
    """Return a sentence for each problem of the machine, with the solution."""
    found = []
    if machine.memory is not None and machine.memory < MEMORY_NEEDED:
        found.append(
            f"Docker has {machine.memory / 2**30:.1f} GB of memory and the server needs 8 GB; use a bigger machine or, "
            "in Docker Desktop, raise Settings > Resources > Memory"
        )
    if machine.map_count is not None and machine.map_count < MAP_COUNT_NEEDED:
        found.append(
            f"vm.max_map_count is {machine.map_count} and Elasticsearch needs {MAP_COUNT_NEEDED}; run "
            f"sudo sysctl -w vm.max_map_count={MAP_COUNT_ADVISED}, and put that line into "
            "/etc/sysctl.d/99-clearml.conf"
        )
    if machine.disk_free is not None and machine.disk_free < disk_needed:
        found.append(
            f"the disk of Docker's images and volumes has {machine.disk_free / 1e9:.1f} GB left and the server needs "
            f"{disk_needed // 10**9} GB; free some, for example with docker system prune"
        )
    found.extend(
        f"port {port} of 127.0.0.1 is taken by another program; stop that, or name another port in [docker] of "
        "settings.toml"
        for port in machine.taken
    )
    return found


def _engine_down(said: str) -> str:
    if "not on PATH" in said or "no answer within" in said or "not JSON" in said:
        return said
    if "permission denied" in said.lower():
        return (
            "this user may not use the Docker engine; add the user to the group docker (and log in again), "
            "or use rootless Docker"
        )
    return "the Docker engine does not answer; start Docker (Docker Desktop, or: sudo systemctl start docker)"


def _check_compose() -> None:
    wanted = ".".join(map(str, COMPOSE_NEEDED))
    advice = "install the plugin docker-compose-plugin (https://docs.docker.com/compose/install/)"
    try:
        said = docker_command.ask("compose", "version", "--short", to="run compose")
    except FlowsError:
        raise FlowsError(f"Docker has no compose plugin; {advice}") from None
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    if version < COMPOSE_NEEDED:
        raise FlowsError(f"Docker's compose plugin is {said.strip()} and {wanted} is needed; {advice}")


def _is_local() -> bool:
    """Return whether the engine in use (context or DOCKER_HOST) is on this machine."""
    host = docker_command.ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}", to="find its engine")
    return host.partition(":")[0] in ("unix", "npipe")


def _map_count() -> int | None:
    try:
        return int(MAP_COUNT.read_text("ascii"))
    except (OSError, ValueError):
        # macOS and Windows have none.
        return None


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            # A server can bind a port that was closed a moment ago. On Windows this option has another meaning.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
