"""The least an ASGI application can do with a request: read it, answer a thousand bytes.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

BODY = b'{"resourceType":"Observation","padding":"' + b"x" * 957 + b'"}'
HEADERS = [(b"content-type", b"application/fhir+json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope, receive, send):
    """Answers HTTP; ignores everything else."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
