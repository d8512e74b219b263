import httpx
import pytest
from fastapi import FastAPI

from ingest.transports.http_direct import Direct


@pytest.fixture
async def client(bench):
    app = Direct(FastAPI(), gateway=bench.gateway(), max_body_bytes=2_000)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as opened:
        yield opened


async def post(client, bench, path):
    body = f'{{"timestamp": "{bench.now.isoformat()}", "data": {{"spo2": 97}}}}'.encode()
    request = bench.signed(body, form="ingest", path=path)
    return await client.post(
        path,
        content=body,
        headers={
            "X-Device-Id": request.device[0],
            "X-Timestamp": request.timestamp[0],
            "X-Signature": request.signature[0],
            "Content-Type": "application/json",
        },
    )


@pytest.mark.parametrize("path", ["/ingest/readings", "/api/devices/pi-001/readings"])
async def test_a_signed_reading_is_answered_without_the_application(client, bench, path):
    answer = await post(client, bench, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["results"][0]["status"] == "created"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/ingest/readings"), ("POST", "/ingest/files"), ("POST", "/api/devices/a/b/readings")],
)
async def test_all_other_requests_go_to_the_application(client, method, path):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
