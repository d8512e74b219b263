"""No URL that a client names leads the server to an address that it would not reach for a stranger."""

import asyncio
import socket
import ssl
import threading
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from typing import ClassVar

import httpcore
import pytest

from fhir_server.outbound import Outbound, OutboundError, is_public
from fhir_server.rest.smart.published import Published
from smart_auth.errors import FetchFailed
from tests.certificates import certificate

LOOPBACK = (ip_network("127.0.0.0/8"),)
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncache-control: max-age=60\r\n\r\n{}"


@asynccontextmanager
async def server(answer, context=None):
    """The port of a server that sends `answer` to whatever it is asked, and what it was asked."""
    asked, writers = [], []

    async def serve(reader, writer):
        writers.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        for part in answer if isinstance(answer, list) else [answer]:
            writer.write(part)
            await asyncio.sleep(0.01)
            if writer.is_closing():
                return
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1], asked
    finally:
        listening.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0.05)


@pytest.mark.item("leak-24")
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1",
        "fec0::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", "::127.0.0.1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_of_the_public_internet_is_told(address):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_a_public_address_is_told(address):
    assert is_public(ip_address(address))


@pytest.mark.item("leak-24")
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://127.0.0.1/keys", "public Internet"),
        ("https://[::1]/keys", "public Internet"),
        ("https://[::ffff:127.0.0.1]/keys", "public Internet"),
        ("https://localhost/keys", "public Internet"),
        ("https://2130706433/keys", "public Internet"),
        ("https://0x7f000001/keys", "public Internet"),
        ("https://127.1/keys", "public Internet"),
        ("http://93.184.216.34/keys", "https://"),
        ("ftp://example.org/keys", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https:///keys", "https://"),
        ("https://someone@example.org/keys", "user name"),
        ("https://example.org/ke ys", "ASCII"),
        ("https://ex\u00e4mple.org/", "ASCII"),
        ("https://example.org:99999/", "read"),
        ("https://example.org/" + "x" * 2_000, "ASCII"),
    ],
)
async def test_a_url_that_leads_inside_is_refused(url, why):
    with pytest.raises(OutboundError, match=why):
        await Outbound().request("GET", url)


@pytest.mark.item("leak-24")
@pytest.mark.parametrize("allowed", [(), LOOPBACK])
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_nobody_learns_which_names_there_are_inside(scheme, allowed, monkeypatch):
    def resolve(host, port, **_):
        if host == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(2, 1, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = set()
    for host in ("database.example", "nowhere.example"):
        with pytest.raises(OutboundError) as refused:
            await Outbound(allowed).request("GET", f"{scheme}://{host}/")
        said.add(str(refused.value))
    assert len(said) == 1


async def test_an_allowed_network_is_reached_in_clear_and_answers_whole():
    async with server(PLAIN) as (port, asked):
        reply = await Outbound(LOOPBACK).request(
            "GET", f"http://127.0.0.1:{port}/a?b=c", [(b"accept", b"*/*")]
        )
    assert (reply.status, reply.body, reply.header(b"cache-control")) == (200, b"{}", b"max-age=60")
    assert asked[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert b"host: 127.0.0.1:%d\r\n" % port in asked[0].lower()


async def test_an_allowed_network_permits_no_other_in_clear():
    with pytest.raises(OutboundError, match="https://"):
        await Outbound(LOOPBACK).request("GET", "http://93.184.216.34/")


@pytest.mark.item("leak-24")
async def test_a_redirect_is_an_answer_and_is_not_followed():
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with server(moved) as (port, asked):
        reply = await Outbound(LOOPBACK).request("GET", f"http://127.0.0.1:{port}/")
    assert (reply.status, len(asked)) == (302, 1)


async def test_an_answer_that_is_too_large_is_given_up():
    endless = [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1_000] * 50]
    async with server(endless) as (port, _):
        with pytest.raises(OutboundError, match="larger than 5000"):
            await Outbound(LOOPBACK, most_bytes=5_000).request("GET", f"http://127.0.0.1:{port}/")


async def test_an_answer_that_drips_is_given_up_after_the_time_for_all_of_it():
    dripping = [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 200]
    async with server(dripping) as (port, _):
        with pytest.raises(OutboundError, match=r"within 0\.2 seconds"):
            await Outbound(LOOPBACK, seconds=0.2).request("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"]
)
async def test_an_answer_that_is_no_http_is_told(answer):
    async with server(answer) as (port, _):
        with pytest.raises(OutboundError, match="HTTP server"):
            await Outbound(LOOPBACK).request("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.item("leak-24")
async def test_a_name_is_resolved_once_and_its_connection_goes_where_it_was_judged(monkeypatch):
    """The resolver answers with an allowed address first, then with another one."""
    answers = iter(["127.0.0.1", "127.0.0.2"])

    def resolve(host, port, **_):  # the resolver, which a rebinding attacker controls
        return [(2, 1, 6, "", (next(answers), port))]

    async with server(PLAIN) as (port, asked):
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        only_first = Outbound((ip_network("127.0.0.1/32"),))
        assert (await only_first.request("GET", f"http://rebinding.example:{port}/")).status == 200
        with pytest.raises(OutboundError):
            await only_first.request("GET", f"http://rebinding.example:{port}/")
    assert len(asked) == 1


async def test_tls_is_held_to_the_name_of_the_url(tmp_path):
    ours = certificate(tmp_path, "localhost")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(ours)
    trusting = ssl.create_default_context(cafile=str(ours))
    async with server(PLAIN, served) as (port, _):
        outbound = Outbound((*LOOPBACK, ip_network("::1/128")), tls=trusting)
        assert (await outbound.request("GET", f"https://localhost:{port}/")).status == 200
        with pytest.raises(OutboundError):
            await outbound.request("GET", f"https://127.0.0.1:{port}/")


@pytest.mark.item("smart-B6")
@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"cache-control: max-age=60\r\n", 60),
        (b"cache-control: public, MAX-AGE=5, immutable\r\n", 5),
        (b"cache-control: no-store, max-age=60\r\n", 0),
        (b"cache-control: s-maxage=9\r\n", None),
        (b"", None),
    ],
)
async def test_a_key_set_is_fetched_with_how_long_it_may_be_kept(line, seconds):
    async with server(b"HTTP/1.1 200 OK\r\n" + line + b"content-length: 2\r\n\r\n{}") as (port, asked):
        fetched = await Published(Outbound(LOOPBACK)).json(f"http://127.0.0.1:{port}/jwks")
    assert (fetched.body, fetched.max_age) == (b"{}", seconds)
    assert b"accept: application/json\r\n" in asked[0].lower()


@pytest.mark.item("smart-B6")
async def test_a_key_set_that_is_not_there_or_may_not_be_asked_for_is_told():
    with pytest.raises(FetchFailed, match="public Internet"):
        await Published(Outbound()).json("https://127.0.0.1/jwks")
    async with server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}") as (port, _):
        with pytest.raises(FetchFailed, match="404"):
            await Published(Outbound(LOOPBACK)).json(f"http://127.0.0.1:{port}/jwks")


@asynccontextmanager
async def lasting(ends_after=1_000):
    """The port of a server that answers so many requests on each connection, and how many each was asked."""
    connections = []

    async def serve(reader, writer):
        connections.append(0)
        number = len(connections) - 1
        while connections[number] < ends_after:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            connections[number] += 1
            writer.write(PLAIN)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], connections
    finally:
        listening.close()
        await asyncio.sleep(0.05)


async def test_a_line_asks_again_over_the_connection_that_it_has():
    async with lasting() as (port, connections):
        line = Outbound(LOOPBACK).line(f"http://127.0.0.1:{port}/", kept_seconds=5)
        for path in ("a", "b", "c"):
            assert (await line.request("GET", f"http://127.0.0.1:{port}/{path}")).status == 200
        await line.close()
    assert connections == [3]


@pytest.mark.item("leak-24")
@pytest.mark.item("sub-G8")
async def test_a_line_to_a_name_that_leads_elsewhere_by_now_is_not_opened_again(monkeypatch):
    answers = iter(["127.0.0.1", "127.0.0.2"])

    def resolve(host, port, **_):  # the resolver, which a rebinding attacker controls
        return [(2, 1, 6, "", (next(answers), port))]

    async with lasting(ends_after=1) as (port, connections):
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        url = f"http://rebinding.example:{port}/"
        line = Outbound((ip_network("127.0.0.1/32"),)).line(url, kept_seconds=5)
        assert (await line.request("GET", url)).status == 200
        with pytest.raises(OutboundError):
            await line.request("GET", url)
        await line.close()
    assert connections == [1]


async def test_a_line_cuts_an_answer_that_nobody_wants_to_read():
    endless = [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1_000] * 50]
    async with server(endless) as (port, _):
        line = Outbound(LOOPBACK).line(f"http://127.0.0.1:{port}/", kept_seconds=5)
        reply = await line.request("POST", f"http://127.0.0.1:{port}/", most=100)
        await line.close()
    assert (reply.status, reply.is_cut, reply.body) == (200, True, b"x" * 100)


@pytest.mark.item("sub-G4")
async def test_names_that_nobody_answers_for_delay_no_others(monkeypatch):
    released = threading.Event()

    def resolve(host, port, **_):
        if host != "quick.example":
            released.wait(30)
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    async with server(PLAIN) as (port, _):
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        outbound = Outbound(LOOPBACK, seconds=20)
        slow = [
            asyncio.create_task(outbound.request("GET", f"http://s{each}.example:1/")) for each in range(50)
        ]
        await asyncio.sleep(0)
        assert (await outbound.request("GET", f"http://quick.example:{port}/")).status == 200
        assert not any(task.done() for task in slow)
        released.set()
        assert all(
            isinstance(one, OutboundError) for one in await asyncio.gather(*slow, return_exceptions=True)
        )


class Wire(httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream):
    """A network on which every request is answered; `sent` is what left at once each time."""

    sent: ClassVar[list[bytes]] = []

    async def connect_tcp(self, *_, **__):
        return self

    async def write(self, buffer, timeout=None):  # noqa: ASYNC109 - httpcore's signature
        self.sent.append(buffer)

    async def read(self, max_bytes, timeout=None):  # noqa: ASYNC109 - httpcore's signature
        return PLAIN

    async def aclose(self):
        pass


@pytest.mark.parametrize(("size", "times"), [(10, 1), (200_000, 2)])
async def test_head_and_body_of_a_request_leave_together_and_much_at_once(size, times, monkeypatch):
    monkeypatch.setattr(httpcore, "AnyIOBackend", Wire)
    monkeypatch.setattr(Wire, "sent", [])
    reply = await Outbound(LOOPBACK).request("POST", "http://127.0.0.1/", body=b"x" * size)
    assert reply.status == 200
    assert b"".join(Wire.sent).endswith(b"\r\n\r\n" + b"x" * size)
    assert len(Wire.sent) <= times
