import asyncio
import json
import socket

import pytest
import uvicorn

from fhir_server.serve.protocol import Protocol, SocketProtocol

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
SOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


async def echo(scope, receive, send):
    if scope["path"] == "/ws/open":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["type"] == "websocket":
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no "})
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = b"%s %s %s" % (scope["method"].encode(), scope["path"].encode(), body)
    lines = [(b"content-length", b"%d" % len(told))]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture
async def server():
    config = uvicorn.Config(echo, http=Protocol, port=0, lifespan="off", ws=SocketProtocol, log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server
    await server.shutdown()


@pytest.fixture
def port(server):
    return server.servers[0].sockets[0].getsockname()[1]


async def spoken(port, *parts):
    """What the server answers to `parts`, sent one after the other, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.02)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\n" + UPGRADE
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"Content-Length: 5\r\n\r\nabcde" + LAST,),
        (HEAD + b"Content-Length: 5\r\n\r\n", b"abc", b"de", LAST),
        (HEAD[:60], HEAD[60:] + b"Content-Length: 5\r\n\r\nab", b"cde" + LAST),
        (CHUNKED + LAST,),
        (CHUNKED[:-12], CHUNKED[-12:], LAST),
    ],
)
async def test_a_request_that_asks_for_another_protocol_keeps_its_body(port, parts):
    answer = await spoken(port, *parts)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"POST /a abcde" in answer
    assert answer.endswith(b"GET /last ")


async def test_a_request_without_a_body_may_ask_for_another_protocol(port):
    answer = await spoken(port, b"GET /a HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n" + LAST)
    assert b"GET /a " in answer
    assert answer.endswith(b"GET /last ")


async def test_a_request_for_a_websocket_where_there_is_none_is_answered_over_http(port):
    answer = await spoken(port, b"GET /fhir/Patient HTTP/1.1\r\nHost: x\r\n" + SOCKET + b"\r\n" + LAST)
    assert b"GET /fhir/Patient " in answer
    assert answer.endswith(b"GET /last ")


async def test_a_text_that_is_no_utf_8_closes_a_websocket_and_is_no_error_of_the_server_s(port, caplog):
    opening = b"GET /ws/open HTTP/1.1\r\nHost: x\r\n" + SOCKET + b"\r\n"
    whole, parts = (
        b"\x81\x82" + bytes(4) + b"\xc3\x28",
        b"\x01\x81" + bytes(4) + b"\xc3\x80\x81" + bytes(4) + b"(",
    )
    for text in (whole, parts):
        answer = await spoken(port, opening, text)
        assert answer.partition(b"\r\n\r\n")[2][:4] == b"\x88\x02" + (1007).to_bytes(2)
    assert caplog.records == []


async def test_a_client_that_pings_and_does_not_read_fills_no_memory(server, port):
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=line)
    writer.write(b"GET /ws/open HTTP/1.1\r\nHost: x\r\n" + SOCKET + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    for _ in range(100):
        writer.write(ping * 1000)
        await writer.drain()
        await asyncio.sleep(0)

    (connection,) = server.server_state.connections
    waiting = connection.transport.get_write_buffer_size()
    writer.transport.abort()
    assert waiting < 1_000_000


async def test_that_a_websocket_is_refused_is_no_error_of_the_server(port, caplog):
    answer = await spoken(port, b"GET /ws/a HTTP/1.1\r\nHost: x\r\n" + SOCKET + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"\r\n\r\nno ")
    assert not caplog.records


@pytest.mark.parametrize(
    "text",
    [b"\x16\x03\x01\r\n\r\n", b"GET /Patient?name=\xc3\xbc HTTP/1.1\r\n\r\n", b"NO /a HTTP/1.1\r\n\r\n"],
)
async def test_what_is_no_http_is_told_so_by_an_operation_outcome(port, text):
    head, _, body = (await spoken(port, text)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["issue"][0]["code"] == "structure"
