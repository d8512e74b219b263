"""Files over HTTP: from administrators, from devices that sign, whole and broken."""

import asyncio
import hashlib
import io
import os
import resource
import zipfile
from contextlib import contextmanager

import pytest

from tests.data.resmed_card import card
from tests.integration.rest.api.conftest import signed

PATH = "/ingest/files"


def reading(second):
    return f'{{"timestamp": "2024-01-01T00:00:{second:02}Z", "data": {{"spo2": 97}}}}'


def lines(*seconds):
    return "\n".join(map(reading, seconds)).encode()


@contextmanager
def files_of_at_most(size):
    """As on a full disk: no file of this process grows beyond `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
async def disk(serving, tmp_path):
    """A server that writes what comes to a folder of the test's own, with a device: a client, and what lies there."""
    async with serving(data_dir=tmp_path) as client:
        device = {
            "device_id": "pi-001",
            "type": "pulse-oximeter",
            "patient": "p1",
            "start": "2020-01-01T00:00:00Z",
        }
        await client.post("/api/devices", json=device)
        yield client, lambda: sorted((tmp_path / "incoming").glob("**/*"))


@pytest.fixture
async def oximeter(register):
    return (await register()).json()


@pytest.fixture
def observations(client):
    async def counted():
        found = await client.get("/fhir/Observation?_summary=count")
        return found.json()["total"]

    return counted


async def test_a_file_is_taken_in_and_told(client, oximeter, observations):
    answer = await client.post(PATH, files={"file": ("a.ndjson", lines(1, 2))}, data={"device": "pi-001"})
    assert answer.status_code == 200, answer.text
    (told,) = answer.json()["files"]
    assert (told["file"], told["format"], told["created"], told["seen"]) == ("a.ndjson", "readings", 2, False)
    assert told["made"][0]["type"] == "Observation"
    assert len(told["references"]) == await observations() == 2


async def test_the_same_file_again_is_told_as_it_was_and_not_read(client, oximeter):
    sent = {"params": {"device": "pi-001", "name": "a.json"}, "content": lines(1)}
    first, second = [(await client.post(PATH, **sent)).json()["files"][0] for _ in range(2)]
    assert second == first | {"seen": True}


@pytest.mark.parametrize("form", [True, False])
async def test_a_full_disk_is_told_and_nothing_is_left_behind(disk, form):
    client, lying = disk
    content = lines(1) + b"\n" * 300_000
    alone = {"params": {"device": "pi-001", "name": "a.json"}, "content": content}
    parts = {"files": {"file": ("a.json", content)}, "data": {"device": "pi-001"}}
    sent = parts if form else alone
    with files_of_at_most(100_000):
        answer = await client.post(PATH, **sent)

    assert (answer.status_code, answer.headers["retry-after"]) == (507, "600")
    assert answer.json()["issue"][0]["code"] == "no-store"
    assert lying() == []
    assert (await client.post(PATH, **sent)).json()["files"][0]["created"] == 1


async def test_an_archive_for_which_there_is_no_room_is_not_called_broken(disk):
    client, lying = disk
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * 300_000 + lines(1))
    with files_of_at_most(100_000):
        answer = await client.post(PATH, params={"device": "pi-001"}, content=packed.getvalue())

    assert (answer.status_code, lying()) == (507, [])


async def test_a_content_for_which_there_is_no_room_is_told_and_not_left_behind(disk, tmp_path):
    client, lying = disk
    for size in (90_000, 3_000_000):  # set aside from memory, and from a file
        with files_of_at_most(80_000):
            answer = await client.post(
                "/fhir/Binary", content=bytes(size), headers={"Content-Type": "image/png"}
            )

        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (507, "no-store")
    assert lying() == []
    assert [each for each in (tmp_path / "blobs").glob("**/*") if each.is_file()] == []


async def test_an_administrator_has_a_file_read_again_and_a_device_has_not(client, oximeter):
    sent = {"params": {"device": "pi-001", "name": "a.json"}, "content": lines(1)}
    await client.post(PATH, **sent)
    sent["params"] |= {"again": "true"}
    (told,) = (await client.post(PATH, **sent)).json()["files"]
    assert (told["seen"], told["unchanged"]) == (False, 1)

    path = f"{PATH}?again=true"
    headers = signed("pi-001", oximeter["secret"], path, lines(2))
    refused = await client.post(path, content=lines(2), headers={**headers, "Authorization": ""})
    assert refused.status_code == 400, refused.text
    assert refused.json()["issue"][0]["expression"] == ["again"]


async def test_files_sent_together_are_each_answered(client, oximeter, observations):
    files = [("file", ("a.json", lines(1))), ("file", ("b.json", lines(2))), ("file", ("c.bin", b"\0\1"))]
    answer = await client.post(PATH, files=files, data={"device": "pi-001"})
    assert answer.status_code == 200
    assert [each["file"] for each in answer.json()["files"]] == ["a.json", "b.json"]
    assert answer.json()["not_read"] == ["c.bin"]
    assert await observations() == 2


async def test_an_archive_is_taken_as_the_files_in_it(client, register):
    await register("cpap-1", "apap")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("card/STR.edf", card())
        archive.writestr("../../card/journal.txt", b"\0")
    answer = await client.post(
        PATH, files={"file": ("card.zip", packed.getvalue())}, data={"device": "cpap-1", "zone": "+01:00"}
    )
    (told,) = answer.json()["files"]
    assert answer.json()["not_read"] == ["card/journal.txt"]
    assert (told["file"], told["format"], told["created"]) == ("card/STR.edf", "resmed-nights", 2)
    assert "+01:00 is assumed" in told["notes"][0]


@pytest.mark.parametrize(
    ("name", "content"),
    [("bomb.zip", b"PK\x03\x04" + b"\0" * 100), ("STR.edf", card()[:-5]), ("a.json", b'{"timestamp": ')],
    ids=["archive", "card", "json"],
)
async def test_a_broken_file_is_refused_by_name(client, oximeter, observations, name, content):
    answer = await client.post(PATH, files={"file": (name, content)}, data={"device": "pi-001"})
    assert answer.status_code == 422
    assert name in answer.json()["issue"][0]["diagnostics"]
    assert await observations() == 0


async def test_a_file_that_breaks_halfway_says_where_and_what_stood_before(client, oximeter, observations):
    sent = {"params": {"device": "pi-001", "name": "a.json"}, "content": lines(1, 2) + b'\n{"time'}
    answer = await client.post(PATH, **sent)
    assert answer.status_code == 422
    broken, before = [each["diagnostics"] for each in answer.json()["issue"]]
    assert broken.startswith("a.json: line 3 (from byte 120 on) is broken")
    assert before == "a.json: what stood before it was taken in: 2 created."
    assert await observations() == 2


async def test_a_file_of_no_known_format_is_refused(client, oximeter):
    answer = await client.post(PATH, content=b"\0\1\2", params={"device": "pi-001", "name": "a.bin"})
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (415, "not-supported")


async def test_a_rejected_reading_is_told_and_kept(client, register):
    await register(patient=None)
    content = lines(1) + b'\n{"timestamp": 5, "data": {"nonsense": 1}}'
    answer = await client.post(PATH, content=content, params={"device": "pi-001", "patient": "p1"})
    assert answer.status_code == 207
    (told,) = answer.json()["files"]
    errors = {(each["where"], each["status"]) for each in told["issues"] if each["severity"] == "error"}
    assert (told["created"], told["rejected"], errors) == (1, 1, {("line 2", "rejected")})


async def test_a_device_brings_its_own_files(client, oximeter, observations):
    content, path = lines(1), f"{PATH}?name=a.json"
    headers = signed("pi-001", oximeter["secret"], path, content) | {"Authorization": ""}
    first, again = [await client.post(path, content=content, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()["files"][0]["created"]) == (200, 1)
    assert again.content == first.content
    assert await observations() == 1


async def test_the_query_of_a_device_is_signed(client, oximeter, observations):
    content = lines(1)
    headers = signed("pi-001", oximeter["secret"], f"{PATH}?zone=Z", content)
    answer = await client.post(f"{PATH}?zone=%2B01:00", content=content, headers=headers)
    assert answer.status_code == 401
    assert await observations() == 0


async def test_a_device_brings_no_other_devices_files(client, oximeter):
    content, path = lines(1), f"{PATH}?device=pi-002"
    headers = signed("pi-001", oximeter["secret"], path, content)
    answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["device"])


@pytest.mark.parametrize(
    ("params", "status", "element"),
    [
        ({}, 400, "device"),
        ({"device": "nobody"}, 404, None),
        ({"device": "pi-001", "zone": "CET"}, 400, "zone"),
        ({"device": "pi-001", "start": "soon"}, 400, "start"),
        ({"device": "pi-001", "whose": "p1"}, 400, "whose"),
        ({"device": "pi-001", "patient": "../p1"}, 400, "patient"),
    ],
)
async def test_what_is_wrong_beside_the_file_is_named(client, oximeter, params, status, element):
    answer = await client.post(PATH, content=lines(1), params=params)
    assert answer.status_code == status
    assert answer.json()["issue"][0].get("expression") == (None if element is None else [element])


@pytest.mark.parametrize("token", ["", "Bearer wrong"])
async def test_who_is_neither_device_nor_administrator_brings_nothing(client, oximeter, token):
    answer = await client.post(
        PATH, content=lines(1), params={"device": "pi-001"}, headers={"Authorization": token}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body", [b"--x\r\n", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc', b"y"]
)
async def test_a_form_that_breaks_off_is_refused(client, oximeter, body):
    answer = await client.post(
        PATH, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 400


async def test_too_large_a_file_is_refused_and_nothing_is_left_behind(serving, tmp_path):
    async with serving(max_file_bytes=1_000, data_dir=tmp_path) as client:
        answer = await client.post(PATH, content=b"[" + b" " * 2_000, params={"device": "pi-001"})
    assert answer.status_code == 413
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_a_start_sweeps_up_after_killed_uploads_and_minds_none_that_vanishes(serving, tmp_path):
    folder = tmp_path / "incoming"
    for name in ("upload-old", "upload-new"):
        (folder / name).mkdir(parents=True)
    os.utime(folder / "upload-old", (0, 0))
    (folder / "upload-gone").symlink_to(tmp_path / "nowhere")  # as one that another process removes meanwhile
    async with serving(data_dir=tmp_path):
        left = {each.name for each in folder.iterdir()}
    assert left == {"upload-new", "upload-gone"}


async def test_other_requests_go_on_while_a_large_file_is_read(client, oximeter):
    content = b"\n".join(
        b'{"timestamp": %d, "data": {"spo2": 97}}' % (1_704_067_200 + number) for number in range(4_000)
    )
    reading_it = asyncio.create_task(client.post(PATH, content=content, params={"device": "pi-001"}))
    answered = 0
    while not reading_it.done():
        assert (await client.get("/health")).status_code == 200
        answered += 1
        await asyncio.sleep(0)
    assert (await reading_it).json()["files"][0]["created"] == 4_000
    assert answered > 20


async def test_those_who_wait_are_bounded_and_come_back(serving):
    async with serving(files_at_once=1) as client:
        hold = asyncio.Event()

        async def slow():
            await hold.wait()
            yield b"{}"

        waiting = [asyncio.create_task(client.post(PATH, content=slow())) for _ in range(8)]
        await asyncio.sleep(0.5)
        answer = await client.post(PATH, content=b"{}")
        hold.set()
        assert {(await each).status_code for each in waiting} == {400}
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


async def test_a_form_of_many_blocks_is_the_files_that_were_sent(client, oximeter):
    content = b"".join(b"%s\n" % reading(number % 60).encode() for number in range(60)) + b" " * 3_000_000
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="device"\r\n\r\npi-001\r\n--x\r\n'
    body += (
        b'Content-Disposition: form-data; name="file"; filename="a\\b.ndjson"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    )

    async def blocks():
        for start in range(0, len(body), 65_521):
            yield body[start : start + 65_521]

    (told,) = (await client.post(PATH, content=blocks(), headers=boundary)).json()["files"]
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert (told["file"], told["created"]) == ("a/b.ndjson", 60)


async def test_a_warning_that_all_readings_share_is_said_three_times_and_counted(client, oximeter):
    sent = {"params": {"device": "pi-001"}, "content": lines(*range(10))}
    (told,) = (await client.post(PATH, **sent)).json()["files"]
    assert (told["created"], len(told["issues"]), told["issues_left_out"]) == (10, 3, 7)
