import asyncio

import pytest
import uvicorn

from clearml_flows.localserver import connections
from clearml_flows.localserver.connections import Protocol


async def app(_scope: object, _receive: object, send: object) -> None:
    raise AssertionError("no request was complete")


async def talk(first_bytes: bytes) -> bytes:
    """Send the beginning of a request and return what comes until the server closes."""
    config = uvicorn.Config(app, http=Protocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Protocol(config=config, server_state=server.server_state, app_state={}), "127.0.0.1", 0
    )
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(first_bytes)
        received = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
    return received


@pytest.mark.parametrize("first_bytes", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_client_that_never_ends_its_head_is_let_go(monkeypatch: pytest.MonkeyPatch, first_bytes: bytes) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    assert asyncio.run(talk(first_bytes)) == b""
