"""Requests to addresses that clients name: resolved once, held to the public Internet, and bounded in size and time.

https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html

A name is resolved here and the connection goes to the very address that was judged, so that a second answer of the
resolver decides nothing. TLS is held to the name. Redirects are not followed.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple, TypeAlias

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from fhir_server.packets import Together
from fhir_server.resolving import Address, addresses

Network: TypeAlias = IPv4Network | IPv6Network
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

SECONDS: Final = 10.0
MOST_BYTES: Final = 1_000_000
MOST_URL: Final = 2_000

_MOST_KNOWN: Final = 1_000

_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOW_32_BITS: Final = 0xFFFF_FFFF
_TIMEOUTS: Final = ("connect", "read", "write", "pool")


class OutboundError(Exception):
    """The request was not made, or not answered as it must be; the text says why and is fit for the client."""


class Reply(NamedTuple):
    """What was answered, the body perhaps `is_cut`; the names of headers are in lower case."""

    status: int
    headers: Headers
    body: bytes
    is_cut: bool = False

    def header(self, name: bytes) -> bytes | None:
        """The first header of this name, in lower case; None where there is none."""
        return next((value for key, value in self.headers if key == name), None)


class Outbound:
    """Makes requests to public addresses, and to those within `allowed`, which the operator trusts and may be without TLS."""

    def __init__(
        self,
        allowed: Iterable[Network] = (),
        *,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._allowed = tuple(allowed)
        self._tls = tls or _publicly_trusted()
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._target = lru_cache(maxsize=_MOST_KNOWN)(self._judged)

    def check(self, url: str) -> None:
        """Nothing; raises OutboundError for an address that no request would be made to, as far as its text tells."""
        self._target(url)

    async def request(self, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Reply:
        """The answer to one request, whatever its status.

        Raises OutboundError for an address that may not be asked, an answer that is too large or takes too long in
        all, and one that never came.
        """
        line = self.line(url)
        try:
            reply = await line.request(
                method, url, headers, body, seconds=self._seconds, most=self._most_bytes
            )
        finally:
            await line.close()
        if reply.is_cut:
            raise OutboundError(f"the answer is larger than {self._most_bytes} bytes.")
        return reply

    def line(self, url: str, *, kept_seconds: float = 0) -> "Line":
        """A line to where `url` leads, of which a connection stays open for so long after a request.

        Raises OutboundError for an address that may not be asked.
        """
        target = self._target(url)
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._tls,
            network_backend=self._guard(target),
            max_keepalive_connections=1 if kept_seconds else 0,
            keepalive_expiry=kept_seconds,
        )
        return Line(self._target, pool, target)

    def _judged(self, url: str) -> httpcore.URL:
        if not (url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_URL):
            raise OutboundError("the URL is not plain ASCII of at most 2,000 characters.")
        try:
            target = httpcore.URL(url)
        except (ValueError, httpcore.LocalProtocolError) as error:
            raise OutboundError("the URL cannot be read.") from error
        if target.scheme not in (b"https", b"http") or not target.host:
            raise OutboundError("the URL does not begin with https:// and a host.")
        if b"@" in url.partition("://")[2].partition("/")[0].encode():
            raise OutboundError("the URL holds a user name.")
        if target.scheme == b"http" and not self._allowed:
            raise OutboundError("the URL does not begin with https://.")
        self._guard(target).check_literal(target.host)
        return target

    def _guard(self, target: httpcore.URL) -> "_Guard":
        return _Guard(self._allowed, in_clear=target.scheme == b"http")


class Line:
    """Requests to one host; each connection that is made for them is judged, also the second to the same name."""

    def __init__(
        self,
        checked: Callable[[str], httpcore.URL],
        pool: httpcore.AsyncConnectionPool,
        place: httpcore.URL,
    ) -> None:
        self._checked = checked
        self._pool = pool
        self._origin = place.origin

    def leads_to(self, url: str) -> bool:
        """Whether requests to `url` can go by this line; raises OutboundError for what may not be asked."""
        return self._checked(url).origin == self._origin

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        seconds: float = SECONDS,
        most: int = MOST_BYTES,
    ) -> Reply:
        """The answer within so many seconds, whatever its status, cut to so many bytes; `url` is on this line's host.

        Raises OutboundError for an address that may not be asked, an answer that takes too long in all, and one that
        never came.
        """
        target = self._checked(url)
        assert target.origin == self._origin, "another host has another line"
        try:
            async with asyncio.timeout(seconds):
                return await self._answered(method, target, headers, body, seconds, most)
        except TimeoutError as error:
            raise OutboundError(f"there was no answer within {seconds:g} seconds.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise OutboundError("it did not answer as an HTTP server does.") from error

    async def close(self) -> None:
        """Closes what is open of it."""
        await self._pool.aclose()

    async def _answered(
        self,
        method: str,
        target: httpcore.URL,
        headers: Headers,
        body: bytes,
        seconds: float,
        most: int,
    ) -> Reply:
        timeouts = {"timeout": dict.fromkeys(_TIMEOUTS, seconds)}
        lines = [(b"host", _host_line(target)), (b"content-length", b"%d" % len(body)), *headers]
        async with self._pool.stream(
            method, target, headers=lines, content=body, extensions=timeouts
        ) as answer:
            received = bytearray()
            async for part in answer.aiter_stream():
                received += part
                if len(received) > most:
                    break
            names = [(name.lower(), value) for name, value in answer.headers]
            return Reply(answer.status, names, bytes(received[:most]), len(received) > most)


class _Guard(AsyncNetworkBackend):
    """Connects to names all of whose addresses are public or allowed, and to no other; in clear only to those allowed."""

    def __init__(self, allowed: tuple[Network, ...], *, in_clear: bool) -> None:
        self._allowed = allowed
        self._in_clear = in_clear
        self._backend = httpcore.AnyIOBackend()

    def check_literal(self, host: bytes) -> None:
        """Nothing; raises OutboundError where the host is itself an address that is refused."""
        try:
            literal = ip_address(host.decode().strip("[]"))
        except ValueError:
            return
        self._admitted([literal])

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """A connection to the first address of `host` that answers; refused when any of them is not public."""
        admitted = self._admitted(await addresses(host, port))
        failure: Exception | None = None
        for address in admitted:
            try:
                stream = await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
                return Together(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "there is an address"
        raise failure

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore's signature
    ) -> AsyncNetworkStream:
        """Never."""
        raise OutboundError("it is no address on a network.")

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await self._backend.sleep(seconds)

    def _admitted(self, addresses: Sequence[Address]) -> Sequence[Address]:
        """The addresses; raises OutboundError in the same words for no address and for one inside, so that names tell nothing."""
        if addresses and all(map(self._is_admitted, addresses)):
            return addresses
        if self._in_clear:
            raise OutboundError("the host is in no network that may be asked without https://.")
        raise OutboundError("the host is not on the public Internet.")

    def _is_admitted(self, address: Address) -> bool:
        return self._is_allowed(address) or (not self._in_clear and is_public(address))

    def _is_allowed(self, address: Address) -> bool:
        inner = _inner(address) or address
        return any(inner in network for network in self._allowed)


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public Internet, by itself and by the IPv4 address it may carry."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address end up at; None where they do not."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _host_line(target: httpcore.URL) -> bytes:
    usual = {b"https": 443, b"http": 80}[target.scheme]
    return target.host if target.port in (None, usual) else b"%b:%d" % (target.host, target.port)


@cache
def _publicly_trusted() -> ssl.SSLContext:
    """The one of this process: to read this machine's authorities takes longer than all else of a start."""
    return ssl.create_default_context()
