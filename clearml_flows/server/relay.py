"""Forward ports of a container's loopback to other containers.

`localhost` in the container then means the same as on the host.

python -m clearml_flows.server.relay 8008=apiserver:8008 8081=fileserver:8081      run until it is stopped
python -m clearml_flows.server.relay --check 8008 8081                             check that each port leads to a
server
"""

import asyncio
import contextlib
import socket
import sys

_PIECE = 1 << 16


def main(words: list[str]) -> None:
    """Run the relay or a check. The check exits with 1 if a port leads nowhere."""
    if words[:1] == ["--check"]:
        raise SystemExit(0 if all(leads_on(int(port)) for port in words[1:]) else 1)
    asyncio.run(relay(dict(route(word) for word in words)))


async def relay(routes: dict[int, tuple[str, int]]) -> None:
    """Listen on each port of 127.0.0.1 and forward connections to its host and port."""
    servers = [await listen(port, *target) for port, target in routes.items()]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def listen(port: int, host: str, host_port: int) -> asyncio.Server:
    """Forward one port. 0 means any free port."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_there = await asyncio.open_connection(host, host_port)
        except OSError:
            await _close(writer)
            return
        try:
            await asyncio.gather(_pump(reader, to_there), _pump(there, writer))
        finally:
            await _close(writer)
            await _close(to_there)

    return await asyncio.start_server(carry, "127.0.0.1", port)


def leads_on(port: int) -> bool:
    """Return whether the port's target takes connections. Otherwise the relay closes them."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.settimeout(1)
            return connection.recv(1) != b""
    except TimeoutError:
        # The connection stays open, so a server waits for a request.
        return True
    except OSError:
        return False


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        # Only this direction has ended.
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def route(word: str) -> tuple[int, tuple[str, int]]:
    port, _, target = word.partition("=")
    host, _, host_port = target.rpartition(":")
    return int(port), (host, int(host_port))


if __name__ == "__main__":
    main(sys.argv[1:])
