"""The two ports of a data directory: chosen once, remembered, bound before anything is served."""

import errno
import json
import os
import socket
from pathlib import Path

from localserver.state import PORTS, Failure, read_json, write_text

FIRST_PORT = 8900
_LAST_PORT = 9900
_HOST = "127.0.0.1"


def bind(data_dir: Path, api_port: int, files_port: int) -> tuple[socket.socket, socket.socket]:
    """Return two listening sockets, for the API and for files, and remember their ports.

    A port of 0 means the one remembered for this directory, else the first free one. Raises Failure when a given or
    remembered port is taken.
    """
    remembered = read_json(data_dir / PORTS)
    api = _bind_one(data_dir, "api", api_port, remembered)
    try:
        files = _bind_one(data_dir, "files", files_port, remembered)
    except BaseException:
        api.close()
        raise
    chosen = {"api": api.getsockname()[1], "files": files.getsockname()[1]}
    if chosen != remembered:
        write_text(data_dir / PORTS, json.dumps(chosen) + "\n")
    return api, files


def _bind_one(data_dir: Path, name: str, given: int, remembered: dict[str, int]) -> socket.socket:
    port = given or remembered.get(name, 0)
    if not port:
        return _bind_first_free()
    if not isinstance(port, int) or not 0 < port < 65536:
        raise Failure(f"{port} in {data_dir / PORTS} is not a port; remove that file to have new ports chosen.")
    try:
        return _listen(port)
    except PermissionError:
        raise Failure(f"Port {port} may not be used by this account; name another with --{name}-port.") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    if given:
        raise Failure(f"Port {port} is in use by another program; name another with --{name}-port.")
    raise Failure(
        f"Port {port}, which {data_dir} has used so far, is in use by another program; "
        f"stop that one, or move this server with --{name}-port (links to stored files keep naming the old port)."
    )


def _bind_first_free() -> socket.socket:
    for port in range(FIRST_PORT, _LAST_PORT):
        try:
            return _listen(port)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise Failure(f"No port from {FIRST_PORT} to {_LAST_PORT} is free; name one with --api-port and --files-port.")


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "nt":
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009  (Windows only)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener
