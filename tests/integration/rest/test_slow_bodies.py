"""Bodies that come too slowly, to every address that reads one."""

import asyncio

import pytest

JSON = {"Content-Type": "application/fhir+json"}


@pytest.fixture
async def hasty(serving, tmp_path):
    async with serving(body_seconds=0.2, data_dir=tmp_path) as client:
        yield client, lambda: list((tmp_path / "incoming").glob("**/*"))


async def halted(first):
    yield first
    await asyncio.sleep(5)
    yield b"}"


@pytest.mark.parametrize(
    ("path", "headers", "first"),
    [
        ("/fhir/Patient", JSON, b"{"),
        ("/fhir", JSON, b"{"),
        ("/fhir/Patient/_search", {"Content-Type": "application/x-www-form-urlencoded"}, b"name="),
        ("/fhir/Binary", {"Content-Type": "image/png"}, bytes(1_000)),
        ("/ingest/readings", {"Content-Type": "application/json"}, b"{"),
        ("/ingest/files?device=pi-001", {}, b"{"),
        ("/api/devices", {"Content-Type": "application/json"}, b"{"),
    ],
)
async def test_a_body_that_halts_is_given_up_and_nothing_of_it_is_left(hasty, path, headers, first):
    client, lying = hasty
    answer = await asyncio.wait_for(client.post(path, content=halted(first), headers=headers), 3)

    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (408, "timeout")
    assert answer.headers["connection"] == "close"
    assert lying() == []


async def test_a_body_that_is_slow_and_keeps_coming_is_taken(hasty):
    async def steady():
        yield b'{"resourceType": "Patient"'
        for _ in range(6):
            await asyncio.sleep(0.06)
            yield b" " * 1_000
        yield b"}"

    client, _ = hasty
    assert (await client.post("/fhir/Patient", content=steady(), headers=JSON)).status_code == 201
