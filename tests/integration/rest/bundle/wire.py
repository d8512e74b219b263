"""Between a server and its database: everything is passed on, and the statements are counted on their way.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from urllib.parse import urlencode

from psycopg.conninfo import conninfo_to_dict

_RUN = frozenset({b"Q", b"B"})  # a simple query; the values for a parsed one, which then runs once


class Wire:
    """`url` is the address to give the server, `statements` how many it has sent by each connection."""

    def __init__(self, url: str) -> None:
        self._to = conninfo_to_dict(url)
        self.url = ""
        self.statements = Counter[int]()
        self._numbers = count()
        self._open = set[asyncio.Task[None]]()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begins to pass a connection on."""
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def ended(self) -> None:
        """Returns when every connection has ended."""
        await asyncio.gather(*self._open)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = str(self._to["host"]), int(self._to.get("port") or 5432)
        there = (
            asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
            if host.startswith("/")
            else asyncio.open_connection(host, port)
        )
        back, forth = await there
        both = (
            asyncio.create_task(_answers(back, writer)),
            asyncio.create_task(self._asked(reader, forth, next(self._numbers))),
        )
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        for end in (writer, forth):
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            kind = b""  # the first message of a connection has none
            while True:
                length = await reader.readexactly(4)
                rest = await reader.readexactly(int.from_bytes(length) - 4)
                self.statements[number] += kind in _RUN
                writer.write(kind + length + rest)
                await writer.drain()
                kind = await reader.readexactly(1)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[Wire]:
    """A wire to the database at `url`."""
    made = Wire(url)
    server = await asyncio.start_server(made.accept, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    rest = {name: value for name, value in conninfo_to_dict(url).items() if name not in ("host", "port")}
    more = {"sslmode": "disable", "gssencmode": "disable", "host": "127.0.0.1", "port": port}
    made.url = f"postgresql:///?{urlencode({**rest, **more})}"
    try:
        yield made
    finally:
        server.close()
        await made.ended()
