"""The addresses that a name stands for, looked up in a thread of its own.

https://docs.python.org/3/library/socket.html#socket.getaddrinfo
"""

import asyncio
import socket
import threading
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address


async def addresses(host: str, port: int) -> list[Address]:
    """The addresses of a host, none of an unknown one, looked up in a thread of its own: those that nobody answers for delay no others."""
    asked: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    threading.Thread(target=_look_up, args=(host, port, asked), name="resolver", daemon=True).start()
    try:
        found = await asked
    except (OSError, UnicodeError):
        return []
    return [ip_address(one.partition("%")[0]) for one in found]


def _look_up(host: str, port: int, asked: asyncio.Future[list[str]]) -> None:
    found, failure = list[str](), None
    try:
        found = [str(where[0]) for *_, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError) as error:
        failure = error
    with suppress(RuntimeError):  # the process has ended its loop meanwhile
        asked.get_loop().call_soon_threadsafe(_settle, asked, found, failure)


def _settle(asked: asyncio.Future[list[str]], found: list[str], failure: Exception | None) -> None:
    if asked.done():
        return  # nobody waits any more
    if failure is None:
        asked.set_result(found)
    else:
        asked.set_exception(failure)
