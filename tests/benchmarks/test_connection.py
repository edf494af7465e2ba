import asyncio
from contextlib import closing

import pytest

from benchmarks.connection import Connection, ConnectionLost, Reply
from benchmarks.load import run
from benchmarks.requests import get, post_image
from tests.benchmarks.tiny_server import Answer, Request, tiny_server


def _said(request: Request) -> Answer:
    return Answer(200 + request.number, str(len(request.body)).encode(), {"X-Number": str(request.number)})


def test_several_things_are_asked_on_one_connection() -> None:
    async def main(port: int) -> list[Reply]:
        with closing(await Connection.open(port)) as connection:
            requests = [post_image(b"x" * 10), post_image(b"x" * 500_000), get("/livez")]
            return [await connection.ask(request) for request in requests]

    with tiny_server(_said) as port:
        first, second, third = run(main(port))
    assert [first.status, second.status, third.status] == [200, 201, 202]
    assert int(second.body) - int(first.body) == 499_990
    assert (third.header("x-number"), third.header("retry-after")) == ("2", None)


def test_an_answer_that_comes_in_pieces_is_one_answer() -> None:
    connection = Connection()

    async def main() -> Reply:
        connection._answer = asyncio.get_running_loop().create_future()
        for piece in (b"HTTP/1.1 50", b"3 No\r\nRetry-After: 1\r\nContent-Len", b"gth: 4\r\n", b"\r\nab", b"cd"):
            assert not connection._answer.done()
            connection.data_received(piece)
        return connection._answer.result()

    reply = asyncio.run(main())
    assert (reply.status, reply.body, reply.header("Retry-After")) == (503, b"abcd", "1")


def test_a_connection_that_will_be_closed_is_not_used_again() -> None:
    async def main(port: int) -> tuple[int, bool]:
        with closing(await Connection.open(port)) as connection:
            reply = await connection.ask(get("/"))
            with pytest.raises(ConnectionLost):
                await connection.ask(get("/"))
            return reply.status, connection.usable

    with tiny_server(lambda _: Answer(503, headers={"Connection": "close"})) as port:
        assert run(main(port)) == (503, False)


def test_an_answer_that_never_comes_is_an_error() -> None:
    async def main(port: int) -> None:
        with closing(await Connection.open(port)) as connection:
            await connection.ask(get("/"))

    with tiny_server(lambda _: Answer(0)) as port, pytest.raises(ConnectionLost):
        run(main(port))
