"""The relay of agents' containers: real connections."""

import asyncio

from clearml_flows.server import relay


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def all_closed() -> None:
    """Every connection of this loop has come to its end."""
    me = asyncio.current_task()
    while others := [task for task in asyncio.all_tasks() if task is not me]:
        await asyncio.wait(others)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def send(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_port_leads_to_another_host_and_back() -> None:
    async def story() -> None:
        async with (
            await asyncio.start_server(echo, "127.0.0.1", 0) as target,
            await relay.listen(0, "127.0.0.1", port_of(target)) as door,
        ):
            big = b"x" * 1_000_000
            answers = await asyncio.gather(send(port_of(door), b"abc"), send(port_of(door), big))
            assert list(answers) == [b"ABC", big.upper()]
            assert await asyncio.to_thread(relay.leads_on, port_of(door))
            await all_closed()

    asyncio.run(story())


def test_a_port_that_leads_nowhere_is_told() -> None:
    async def story() -> None:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as target:
            nowhere = port_of(target)
        async with await relay.listen(0, "127.0.0.1", nowhere) as door:
            assert not await asyncio.to_thread(relay.leads_on, port_of(door))
            await all_closed()
        assert not relay.leads_on(nowhere)

    asyncio.run(story())


def test_routes() -> None:
    assert relay.route("8008=apiserver:8008") == (8008, ("apiserver", 8008))
