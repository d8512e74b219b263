"""HEAD is GET without its content."""

from fhir_server.rest.middleware.head import Head


async def test_what_would_be_a_stream_ends_with_its_head():
    sent, met = [], []

    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not met:
            await send({"type": "http.response.body", "body": b"data: 1", "more_body": True})
            met.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"end"})

    async def send(message):
        sent.append(message)

    await Head(stream)({"type": "http", "method": "HEAD", "headers": []}, None, send)

    assert met == ["http.disconnect"]
    assert sent[1:] == [{"type": "http.response.body", "body": b""}]
