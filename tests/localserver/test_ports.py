import asyncio
import socket
from pathlib import Path

from localserver import ports


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
