import asyncio
import logging
import socket
from pathlib import Path

import pytest

from clearml_flows.localserver import ports
from clearml_flows.localserver.state import Failure


def test_small_answers_are_sent_at_once(tmp_path: Path) -> None:
    api, files = ports.bind(tmp_path, 0, 0)
    assert [asyncio.run(_sends_at_once(listener)) for listener in (api, files)] == [True, True]


async def _sends_at_once(listener: socket.socket) -> bool:
    found: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def look(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        found.set_result(bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    async with await asyncio.start_server(look, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        answer = await asyncio.wait_for(found, 5)
        writer.close()
        await writer.wait_closed()
        return answer


def bound(data_dir: Path, api: int = 0, files: int = 0) -> tuple[int, int]:
    """The ports that a directory gets, free again."""
    sockets = ports.bind(data_dir, api, files)
    found = sockets[0].getsockname()[1], sockets[1].getsockname()[1]
    for listener in sockets:
        listener.close()
    return found


@pytest.mark.parametrize(
    ("path", "port"), [("/data/a", 9378), ("/data/b", 9188), ("/home/somebody/churn/.flows", 9318)]
)
def test_a_path_stands_for_a_port(path: str, port: int) -> None:
    assert ports.first_port(Path(path)) == port


def test_a_resting_directory_keeps_its_ports(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert ports.first_port(first) != ports.first_port(second)
    found = bound(first)
    assert set(found).isdisjoint(bound(second))
    assert bound(first) == found


def test_ports_are_probed_upwards_and_from_the_start_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = ports.first_port(tmp_path)
    tried = []

    def listen(port: int) -> socket.socket:
        tried.append(port)
        if port != start - 1:
            raise OSError(ports._TAKEN[0], "taken")
        return socket.socket()

    monkeypatch.setattr(ports, "_listen", listen)
    ports._bind_first_free(start).close()
    assert tried == [*range(start, 9900), *range(8900, start)]


def test_a_remembered_port_that_is_taken_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        ports.remember(tmp_path, taken, taken)
        with caplog.at_level(logging.WARNING):
            found = bound(tmp_path)
    assert taken not in found
    said = f"Port {taken} of {tmp_path} is in use by another program; using another port."
    assert caplog.messages == [said, said]


def test_a_given_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(Failure, match=f"port {taken} is in use .*; select another with --files-port"):
            ports.bind(tmp_path, 0, taken)
