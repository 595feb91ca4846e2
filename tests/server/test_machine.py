"""What is looked at before the server is started."""

import shutil
import socket

import pytest

from clearml_flows.server import machine
from clearml_flows.server.machine import DISK_NEEDED, Machine
from tests.server.conftest import Docker

FIT = Machine(memory=16 * 2**30, disk_free=10**12, map_count=262_144, taken=())
GIB = 2**30


def test_a_fit_machine_has_no_problems() -> None:
    assert machine.problems(FIT, DISK_NEEDED) == []
    assert machine.problems(Machine(None, None, None, ()), DISK_NEEDED) == []


def test_every_problem_is_a_sentence_with_what_to_do() -> None:
    found = machine.problems(Machine(7 * GIB, 3 * 10**9, 65530, (8008, 8080)), DISK_NEEDED)
    assert [sentence.split(";")[0] for sentence in found] == [
        "Docker has 7.0 GB of memory and the server needs 8 GB",
        "vm.max_map_count is 65530 and Elasticsearch needs 262144",
        "the disk of Docker's images and volumes has 3.0 GB left and the server needs 10 GB",
        "port 8008 of 127.0.0.1 is taken by another program",
        "port 8080 of 127.0.0.1 is taken by another program",
    ]
    assert all(len(sentence.split("; ")[1]) > 10 for sentence in found)


@pytest.mark.parametrize("memory", [8 * 10**9, int(7.6 * GIB)])
def test_a_machine_of_8_gb_never_quite_has_them(memory: int) -> None:
    assert machine.problems(Machine(memory, None, None, ()), DISK_NEEDED) == []


def test_of_an_engine_elsewhere_only_its_memory_is_known(docker: Docker) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert machine.look({"MemTotal": GIB, "DockerRootDir": "/"}, (port,)).taken == (port,)
        docker.plan(host="ssh://ada@build.example.com")
        assert machine.look({"MemTotal": GIB, "DockerRootDir": "/"}, (port,)) == Machine(GIB, None, None, ())


def test_docker_desktop_has_a_kernel_and_a_disk_of_its_own(docker: Docker) -> None:
    info = {"OperatingSystem": "Docker Desktop", "DockerRootDir": "/"}
    assert machine.look(info, ()) == Machine(None, None, None, ())


@pytest.mark.skipif(shutil.which("docker") is None, reason="the command docker is not installed")
def test_the_real_client_tells_where_the_engine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://ada@build.example.com")
    assert machine.look({"MemTotal": GIB, "DockerRootDir": "/"}, (1,)) == Machine(GIB, None, None, ())
