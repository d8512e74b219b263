"""The least an ASGI application can do to pass on what it is sent: each body to all who are connected for the same device.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio

ANSWER = [(b"content-type", b"application/json"), (b"content-length", b"2")]
EVENTS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
PADDING = b"x" * 1_500
"""As much as an Observation has beside the reading."""

listeners: dict[bytes, set["asyncio.Queue[bytes]"]] = {}


async def app(scope, receive, send):
    """A stream for GET, to all streams of the device for POST; ignores everything but HTTP."""
    if scope["type"] != "http":
        return
    if scope["method"] == "GET":
        await _stream(scope["path"].rpartition("/")[2].encode(), receive, send)
    else:
        await _pass_on(dict(scope["headers"]).get(b"x-device-id", b""), receive)
        await send({"type": "http.response.start", "status": 200, "headers": ANSWER})
        await send({"type": "http.response.body", "body": b"{}"})


async def _stream(device, receive, send):
    queue = asyncio.Queue()
    listeners.setdefault(device, set()).add(queue)
    left = asyncio.create_task(_left(receive, queue))
    await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
    await send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
    while body := await queue.get():
        await send({"type": "http.response.body", "body": body, "more_body": True})
    listeners[device].discard(queue)
    await left


async def _left(receive, queue):
    while (await receive())["type"] != "http.disconnect":
        pass
    queue.put_nowait(b"")


async def _pass_on(device, receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    for queue in listeners.get(device, ()):
        queue.put_nowait(b"data: %b%b\n\n" % (body, PADDING))
