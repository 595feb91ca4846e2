"""Select, remember and bind the API and file ports of a data directory."""

import errno
import hashlib
import json
import logging
import os
import socket
from pathlib import Path
from typing import Any

from clearml_flows.localserver.state import PORTS, Failure, read_json, write_text

FIRST_PORT, LAST_PORT = 8900, 9899
_HOST = "127.0.0.1"
_TAKEN = (errno.EADDRINUSE, errno.EACCES)

log = logging.getLogger(__name__)


def bind(data_dir: Path, api_port: int, files_port: int) -> tuple[socket.socket, socket.socket]:
    """Return the listening sockets for the API and the file server.

    Port 0 selects the remembered port of this directory. Without one, or if it is in use, the first free port is used.

    Raises:
        Failure: A given port cannot be used, or no port is free.
    """
    remembered = read_remembered(data_dir)
    api = _bind_one(data_dir, "api", api_port, remembered)
    try:
        files = _bind_one(data_dir, "files", files_port, remembered)
    except BaseException:
        api.close()
        raise
    return api, files


def read_remembered(data_dir: Path) -> dict[str, Any]:
    """Return the remembered ports of a directory by name: `api` and `files`."""
    return read_json(data_dir / PORTS)


def remember(data_dir: Path, api_port: int, files_port: int) -> None:
    """Store the ports of a directory for its next start."""
    ports = {"api": api_port, "files": files_port}
    if ports != read_remembered(data_dir):
        write_text(data_dir / PORTS, json.dumps(ports) + "\n")


def first_port(data_dir: Path) -> int:
    """Return the port where the search for a free port starts, derived from the path.

    Different directories start at different ports, so they seldom take each other's port.
    """
    digest = hashlib.sha256(os.path.normcase(data_dir).encode()).digest()
    pairs = (LAST_PORT - FIRST_PORT + 1) // 2
    return FIRST_PORT + 2 * (int.from_bytes(digest[:8]) % pairs)


def _bind_one(data_dir: Path, name: str, given: int, remembered: dict[str, Any]) -> socket.socket:
    if given:
        return _bind_given(name, given)
    port = remembered.get(name, 0)
    if not isinstance(port, int) or not 0 <= port < 65536:
        raise Failure(f"expected a port in {data_dir / PORTS}, got {port}; remove this file to select new ports")
    if port:
        try:
            return _listen(port)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            log.warning("Port %s of %s is in use by another program; using another port.", port, data_dir)
    return _bind_first_free(first_port(data_dir))


def _bind_given(name: str, port: int) -> socket.socket:
    try:
        return _listen(port)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        said = "is not permitted for this account" if error.errno == errno.EACCES else "is in use by another program"
        raise Failure(f"port {port} {said}; select another with --{name}-port") from None


def _bind_first_free(start: int) -> socket.socket:
    for port in (*range(start, LAST_PORT + 1), *range(FIRST_PORT, start)):
        try:
            return _listen(port)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
    raise Failure(f"no port from {FIRST_PORT} to {LAST_PORT} is free; select ports with --api-port and --files-port")


def _listen(port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only if the protocol is given. With Nagle, each answer takes 40 ms longer.
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
