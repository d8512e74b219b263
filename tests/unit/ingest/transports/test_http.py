import httpx
import pytest
from fastapi import FastAPI

from ingest.transports.http import router


@pytest.fixture
async def client(bench):
    app = FastAPI()
    app.include_router(router(bench.gateway(), max_body_bytes=2_000))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as opened:
        yield opened


def reading(bench, spo2=97):
    return f'{{"timestamp": "{bench.now.isoformat()}", "data": {{"spo2": {spo2}}}}}'.encode()


def headers(request, **others):
    signed = {
        "X-Device-Id": request.device[0],
        "X-Timestamp": request.timestamp[0],
        "X-Signature": request.signature[0],
        "Content-Type": "application/json",
    }
    return signed | {name.replace("_", "-"): value for name, value in others.items()}


async def post(client, bench, body, path="/ingest/readings", signing=None, **others):
    form = "api" if path.startswith("/api/") else "ingest"
    signed = bench.signed(body, form=form, **(signing or {}))
    return await client.post(path, content=body, headers=headers(signed, **others))


async def test_a_signed_reading_is_answered_200(client, bench):
    answer = await post(client, bench, reading(bench))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["results"][0]["status"] == "created"


async def test_every_refused_signature_looks_the_same(client, bench):
    body = reading(bench)
    await post(client, bench, body)
    stale = str(int(bench.now.timestamp()) - 61)
    answers = [
        await post(client, bench, body, signing={"secret": b"wrong"}),
        await post(client, bench, body, signing={"name": "nobody"}),
        await post(client, bench, body, signing={"timestamp": stale}),
        await client.post("/ingest/readings", content=body, headers={"Content-Type": "application/json"}),
        await client.post(
            "/ingest/readings", content=reading(bench, 96), headers=headers(bench.signed(body))
        ),
        await client.post("/api/device/vitals", content=body, headers=headers(bench.signed(body))),
    ]
    bench.devices.known["pi-001"] = type(bench.device)(
        1, bench.device.id, "pi-001", "pulse-oximeter", True, bench.device.secrets, (), bench.now
    )
    answers.append(await post(client, bench, body))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("HMAC-SHA256")
    assert answers[0].json()["issue"][0]["code"] == "login"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_413(client, bench, announced):
    body = b"[" + b" " * 2_000 + b"]"

    async def chunks():
        yield body

    content = body if announced else chunks()
    answer = await client.post("/ingest/readings", content=content, headers=headers(bench.signed(body)))
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (413, "too-long")


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/ingest/readings", {"Content_Type": "application/x-www-form-urlencoded"}),
        ("/ingest/readings", {"Content_Type": "application/xml"}),
        ("/ingest/readings", {"Content_Encoding": "gzip"}),
        ("/api/device/vitals", {"Content_Type": "application/x-ndjson"}),
    ],
)
async def test_types_and_encodings_that_are_not_taken_are_415(client, bench, path, others):
    answer = await post(client, bench, reading(bench), path, **others)
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (415, "not-supported")


async def test_ndjson_and_parameters_of_a_type_are_taken(client, bench):
    answer = await post(client, bench, reading(bench), Content_Type="Application/X-NDJSON; charset=utf-8")
    assert answer.status_code == 200


async def test_a_limited_device_is_429_with_retry_after(client, bench):
    bench.admissions.limited = True
    answer = await post(client, bench, reading(bench))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


async def test_a_store_that_is_away_is_503_with_retry_after(client, bench):
    bench.sink.away = True
    answer = await post(client, bench, reading(bench))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["issue"][0]["code"] == "transient"


async def test_an_unreadable_body_is_400_with_an_outcome(client, bench):
    answer = await post(client, bench, b"{")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/fhir+json")
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_the_openapi_document_describes_both_addresses(client):
    document = (await client.get("/openapi.json")).json()
    for path in ("/ingest/readings", "/api/device/vitals"):
        operation = document["paths"][path]["post"]
        assert {each["name"] for each in operation["parameters"]} == {
            "X-Device-Id",
            "X-Timestamp",
            "X-Signature",
            "X-Api-Key",
        }
        assert {"200", "400", "401", "413", "415", "429", "503"} <= set(operation["responses"])
        assert operation["requestBody"]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_other_methods_are_405_with_an_outcome(client, method):
    answer = await client.request(method, "/ingest/readings")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or answer.json()["resourceType"] == "OperationOutcome"
