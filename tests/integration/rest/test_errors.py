import asyncio
import json
import re

import pytest

TOKEN = "t" * 40


@pytest.fixture
def database_url(shared_database_url):
    return shared_database_url


@pytest.fixture
def client(shared_client):
    return shared_client


def issue(answer):
    tree = answer.json()
    assert tree["resourceType"] == "OperationOutcome"
    return tree["issue"][0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "structure"),
        (b"{", "structure"),
        (b"[]", "structure"),
        (b"null", "structure"),
        (b'{"resourceType":"Patient","active":true,"active":false}', "structure"),
        (b'{"resourceType":"Patient","name":[{"family":"a\\u0000b"}]}', "structure"),
        (b'{"resourceType":"Patient","multipleBirthInteger":1e100000}', "structure"),
        (b'{"resourceType":"Patient","multipleBirthInteger":NaN}', "structure"),
        (b'{"resourceType":"Patient","name":[{"family":"\xff"}]}', "structure"),
        (b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}', "structure"),
        (b'{"resourceType":"Patient","extension":' + b"[" * 100 + b"]" * 100 + b"}", "structure"),
        (b"\xef\xbb\xbf{}", "structure"),
    ],
)
async def test_a_body_that_is_no_storable_json_is_refused(client, body, code):
    answer = await client.post(
        "/fhir/Patient", content=body, headers={"Content-Type": "application/fhir+json"}
    )
    assert answer.status_code == 400
    assert issue(answer)["code"] == code


async def test_every_issue_of_a_resource_is_told(client, fhir):
    answer = await client.post(
        "/fhir/Patient", **fhir({"resourceType": "Patient", "active": "x", "gender": "y"})
    )
    assert answer.status_code == 400
    named = {expression for found in answer.json()["issue"] for expression in found["expression"]}
    assert named == {"Patient.active", "Patient.gender"}


@pytest.mark.parametrize(
    "path",
    ["/fhir/Foo", "/fhir/Foo/1", "/fhir/patient/1", "/fhir/Patient/1/_history/1/2", "/fhir/Patient/$nothing",
     "/fhir/Patient/1/$nothing", "/fhir/$nothing", "/fhir/Patient/a_b", f"/fhir/Patient/{'x' * 65}",
     "/fhir/Patient/..%2f..%2fetc", "/fhir//Patient"],
)  # fmt: skip
async def test_an_address_that_nothing_is_at_is_not_found(client, path):
    answer = await client.get(path)
    assert answer.status_code == 404
    assert issue(answer)["code"] == "not-found"


async def test_an_address_that_nothing_is_at_is_told_as_it_was_sent(client):
    answer = await client.get("/fhir/Patient/p1/$nothing")
    assert "/Patient/p1/$nothing" in issue(answer)["diagnostics"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("TRACE", "/fhir/Patient/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("POST", "/fhir/Patient/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("DELETE", "/fhir/metadata", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/fhir/Patient/_search", {"POST", "OPTIONS"}),
        ("POST", "/fhir/_history", {"GET", "HEAD", "OPTIONS"}),
        ("PROPFIND", "/fhir/Patient", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}),
    ],
)
async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(client, method, path, allowed):
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert issue(answer)["code"] == "not-supported"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/devices", "GET, HEAD, POST"),
        ("OPTIONS", "/api/devices", "GET, HEAD, POST"),
        ("PUT", "/oauth/login", "GET, HEAD, POST"),
        ("HEAD", "/oauth/token", "POST"),
        ("POST", "/.well-known/openid-configuration", "GET, HEAD"),
    ],
)
async def test_beside_fhir_too_the_methods_are_told_that_an_address_takes(client, method, path, allowed):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_head_is_served_wherever_get_is(shared_app, client):
    paths = [
        path
        for path, methods in shared_app.openapi()["paths"].items()
        if "get" in methods and "$" not in path
    ]
    beside = [re.sub(r"\{.*?\}", "1", path) for path in paths if not path.startswith("/fhir/")]
    beside += ["/fhir/.well-known/smart-configuration", "/openapi.json", "/nowhere"]

    assert len(beside) > 20
    for path in beside:
        got, head = await client.get(path), await client.head(path)
        assert (path, head.status_code, head.content) == (path, got.status_code, b"")
        assert head.headers.get("content-type") == got.headers.get("content-type")


@pytest.mark.parametrize("path", ["/fhir/Patient?name=%ZZ", "/fhir/Patient?name=%ff", "/fhir/Patient?name=a%00b",
                                  "/fhir/Patient/%ff", "/fhir/Patient/%zz"])  # fmt: skip
async def test_an_address_that_cannot_be_decoded_is_refused(shared_app, client, path):
    answer = await _raw(shared_app, path)
    assert answer["status"] == 400


async def test_a_long_address_is_refused(client):
    answer = await client.get("/fhir/Patient?name=" + "x" * 20_000)
    assert answer.status_code == 414


@pytest.mark.parametrize("host", ["a b", "evil.example/path", "<script>", ""])
async def test_a_host_that_is_none_is_refused(client, host):
    answer = await client.get("/fhir/Patient/1", headers={"Host": host})
    assert answer.status_code == 400


async def test_a_large_body_is_refused_without_being_read_whole(client, patient):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 100_000_000:
            sent += 100_000
            yield b" " * 100_000

    answer = await client.post(
        "/fhir/Patient", content=endless(), headers={"Content-Type": "application/fhir+json"}
    )
    assert answer.status_code == 413
    assert issue(answer)["code"] == "too-long"
    assert sent < 6_000_000


async def test_a_body_announced_too_large_is_refused_at_once(shared_app, client):
    answer = await _raw(shared_app, "/fhir/Patient", "POST", [(b"content-length", b"5000001")])
    assert answer["status"] == 413


async def test_beyond_its_capacity_the_server_says_when_to_come_back(serving):
    async with serving(max_waiting=1) as client:
        begun, release = asyncio.Event(), asyncio.Event()

        async def slow():
            yield b"{"
            begun.set()
            await release.wait()
            yield b"}"

        headers = {"Content-Type": "application/fhir+json"}
        waiting = asyncio.create_task(client.post("/fhir/Patient", content=slow(), headers=headers))
        await begun.wait()
        answer = await client.get("/fhir/Patient/1")
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        assert issue(answer)["code"] == "throttled"
        assert (await client.get("/health")).status_code == 200
        release.set()
        assert (await waiting).status_code == 400
        assert (await client.get("/fhir/Patient/1")).status_code == 404


async def test_without_its_database_the_server_says_so_and_lives(serving):
    nowhere = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"
    async with serving(database_url=nowhere, pool_size=2) as client:
        ready = await client.get("/ready")
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
        assert (await client.get("/health")).status_code == 200
        read = await client.get("/fhir/Patient/1", timeout=30)
        assert (read.status_code, issue(read)["code"]) == (503, "transient")
        assert "retry-after" in read.headers


class _Broken:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            raise ValueError("Chalmers was born 1974-12-25")
        await self.app(scope, receive, send)


async def test_an_unforeseen_failure_tells_and_logs_nothing_clinical(serving, tmp_path):
    async with serving(_Broken, log_file=tmp_path / "log") as client:
        answer = await client.get("/elsewhere")
    assert answer.status_code == 500
    assert issue(answer)["code"] == "exception"
    assert "Chalmers" not in answer.text
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    failures = [line for line in lines if line["event"] == "unexpected"]
    assert [line["exception"] for line in failures] == ["builtins.ValueError"]
    assert failures[0]["request_id"] == answer.headers["x-request-id"]
    assert "Chalmers" not in (tmp_path / "log").read_text()


async def test_outside_fhir_errors_are_json_too(client):
    for answer in (await client.get("/nowhere"), await client.post("/health")):
        assert answer.status_code in (404, 405)
        assert answer.headers["content-type"].startswith("application/")
        assert answer.json()


async def _raw(app, path, method="GET", headers=()):
    """The status of a request whose address no client library would send."""
    raw, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": raw, "raw_path": raw.encode("latin-1"), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"server.example"), (b"authorization", f"Bearer {TOKEN}".encode()),
                    (b"content-type", b"application/fhir+json"), *headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    answer = {}

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": True}

    async def send(message):
        if message["type"] == "http.response.start":
            answer["status"] = message["status"]

    await app(scope, receive, send)
    return answer
