"""Ten thousand requests that no client would send on purpose."""

import json
import random
from collections import Counter

import pytest

REQUESTS = 10_000

_METHODS = (
    ["GET"] * 6 + ["POST"] * 4 + ["PUT"] * 3 + ["DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "", "G\xcbT"]
)
_ELSEWHERE = [
    "", "/ingest/readings", "/api/device/vitals", "/fhirx", "/metrics", "/oauth/authorize", "/oauth/login", "/oauth/patient",
    "/oauth/token", "/oauth/introspect", "/oauth/revoke", "/.well-known", "/api/users", "/api/clients", "/api/launches",
]  # fmt: skip
_SEGMENTS = [
    "Patient", "Observation", "Binary", "Bundle", "Basic", "Foo", "patient", "metadata", "_history", "_search", "$op", "1", "2",
    "p1", "x" * 64, "x" * 65, "..", ".", "", "%00", "%zz", "%ff", "%2e%2e", "%2f", "%F0%9F%98%80", "a b", "'", '"',
    "1;DROP TABLE resource", "-1", "0", "99999999999999999999", "\u0661", "null", "{type}", "{0}", "%s", "%(x)s",
]  # fmt: skip
_NAMES = [
    "_id", "_lastUpdated", "_count", "_sort", "_summary", "_elements", "_total", "_format", "_pretty", "_since", "_at",
    "_before", "_cursor", "_tag", "_include", "_has", "mode", "patient", "subject", "code", "date", "value-quantity",
    "name", "identifier", "name:exact", "code:not", "code:missing", "subject:Patient", "subject.name", "x:y:z", "",
    "birthdate", "combo-value-quantity", "component-code", "_security", "_profile", "_source", "_text",
]  # fmt: skip
_VALUES = [
    "", "1", "0", "-1", "p1", "true", "false", "json", "xml", "count", "text", "_id", "-date", "date,-code", "2026",
    "2026-02-30", "ge2026-01-01T00:00:00Z", "sa9999-12-31", "eb0001-01-01", "lt0000", "ap2026-01", "gt5.4", "5.4|a|b",
    "|", "a|", "|b", "a|b|c", "http://loinc.org|8867-4", "1e400", "1e-400", "NaN", "9" * 400, ",", ",,", "\\", "\\,",
    "Patient/p1", "Patient/", "/", "urn:uuid:x", "http://x/Patient/1/_history/2", "x" * 3000, "%", "%00", "%ff", "\x7f",
    "\xe9", "%ED%A0%80", "'--", "%s", "%(a)s", "{}", "$1", "ge", "+", "2026-01-01T00:00:00+14:00", "AAAA", "*",
]  # fmt: skip
_HEADERS = [
    (b"accept", [b"*/*", b"application/fhir+json", b"text/html", b"a/b;q=x", b";;;", b"\xff", b"application/json;q=9"]),
    (b"content-type", [b"application/fhir+json", b"application/json", b"application/x-www-form-urlencoded", b"", b"\xff",
                       b"multipart/form-data", b"image/png", b"application/fhir+json; charset=utf-16", b"text/json;;;=", b";"]),
    (b"prefer", [b"return=minimal", b"handling=lenient", b"handling=strict,return=OperationOutcome", b"\xff=;", b"=,="]),
    (b"if-match", [b'W/"1"', b"*", b"x", b"", b'W/"99999999999999999999"', b'W/"-1"', b"\xff"]),
    (b"if-none-match", [b'W/"1"', b"*", b"x", b""]),
    (b"range", [b"bytes=0-0", b"bytes=-1", b"bytes=9-", b"bytes=--", b"bytes=99999999999999999999-", b"\xff"]),
    (b"if-range", [b'"1"', b'W/"1"', b"x", b"\xff"]),
    (b"x-security-context", [b"Patient/p1", b"x", b"", b"\xff"]),
    (b"if-modified-since", [b"Fri, 01 Jan 2100 00:00:00 GMT", b"x", b"", b"Fri, 99 Jan 9999 99:99:99 GMT", b"\xff",
                            b"Mon, 01 Jan 0001 00:00:00 +2359"]),
    (b"if-none-exist", [b"identifier=1", b"_id=p1", b"", b"?", b"%zz", b"\xff", b"_count=1", b"name=\xc3\xa9", b"a=%00"]),
    (b"content-encoding", [b"gzip", b"identity", b"br", b"\xff"]),
    (b"content-length", [b"5", b"-1", b"x", b"99999999999", b"\xb2"]),
    (b"accept-encoding", [b"gzip", b"gzip;q=0", b"*", b"\xff"]),
    (b"authorization", [b"Bearer x", b"\xff", b""]),
    (b"x-request-id", [b"a", b"\xff", b"x" * 100]),
    (b"host", [b"localhost", b"server.example", b"", b"a b", b"[::1]:80", b"\xff"]),
    (b"origin", [b"https://x.example", b"null", b"\xff"]),
    (b"x-device-id", [b"d", b"\xff"]), (b"x-timestamp", [b"1", b"x", b"\xff"]), (b"x-signature", [b"a", b"\xff"]),
]  # fmt: skip
_BODIES = [
    {"resourceType": "Patient", "id": "p1", "name": [{"family": "F"}], "birthDate": "2000-01-01"},
    {"resourceType": "Observation", "id": "1", "status": "final", "code": {"coding": [{"system": "s", "code": "c"}]},
     "subject": {"reference": "Patient/p1"}, "effectivePeriod": {"start": "2026-01-01"}, "valueQuantity": {"value": 1.5}},
    {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Basic"}}]},
    {"resourceType": "Basic", "id": "x" * 64, "code": {"text": "t"}, "contained": [{"resourceType": "Patient", "id": "c"}]},
]  # fmt: skip
_LEAVES = [
    None,
    True,
    0,
    -1,
    1.5,
    10**50,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    {},
    [[]],
    [None],
    {"": 1},
    "9999-99-99",
    "x" * 500,
]


class Fuzzer:
    """Requests from a seed: the same every time."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def request(self):
        return self.plausible() if self.random.random() < 0.5 else self.wild()

    def plausible(self):
        """A request that goes past the first checks: the right address and media type, one thing strange."""
        choose, chance = self.random.choice, self.random.random
        body = self.mutated(choose(_BODIES), 0.01)
        type, id = choose(["Patient", "Observation", "Bundle", "Basic"]), choose(["p1", "1", "x"])
        if isinstance(body, dict) and isinstance(body.get("resourceType"), str):
            type = body["resourceType"].encode("ascii", "ignore").decode()
            body = body | ({"id": id} if chance() < 0.8 else {})
        method, path = choose(
            [("POST", type), ("PUT", f"{type}/{id}"), ("GET", f"{type}/{id}"), ("DELETE", f"{type}/{id}"), ("GET", type),
             ("GET", f"{type}/{id}/_history"), ("GET", f"{type}/_history"), ("PUT", type), ("POST", f"{type}/_search"),
             ("GET", f"{type}/{id}/_history/1"), ("GET", type), ("GET", type)]
        )  # fmt: skip
        query = f"{choose(_NAMES)}={choose(_VALUES)}" if chance() < 0.6 else ""
        headers = [(name, choose(values)) for name, values in _HEADERS[2:7] if chance() < 0.15]
        form = path.endswith("_search")
        headers.append(
            (b"content-type", b"application/x-www-form-urlencoded" if form else b"application/json")
        )
        text = f"{choose(_NAMES)}={choose(_VALUES)}" if form else json.dumps(body)
        return method, f"/fhir/{path}".encode(), query.encode(), headers, text.encode()

    def wild(self):
        """A request that may be anything."""
        choose, chance = self.random.choice, self.random.random
        elsewhere = chance() < 0.1
        prefix, lengths = (
            (choose(_ELSEWHERE), [0, 0, 1]) if elsewhere else ("/fhir", [0, 1, 1, 2, 2, 2, 3, 4, 6])
        )
        path = "/".join([prefix, *(choose(_SEGMENTS) for _ in range(choose(lengths)))])
        query = "&".join(
            choose(_NAMES) + choose(["=", "=", "=", "", "=="]) + choose(_VALUES)
            for _ in range(choose([0, 0, 1, 1, 2, 4]))
        )
        headers = [(name, choose(values)) for name, values in _HEADERS if chance() < 0.15]
        body = self.body()
        if body and chance() < 0.8:
            headers = [pair for pair in headers if pair[0] not in (b"content-type", b"content-encoding")]
            headers.append(
                (b"content-type", choose([b"application/fhir+json", b"application/x-www-form-urlencoded"]))
            )
        return choose(_METHODS), path.encode("utf-8"), query.encode("utf-8"), headers, body

    def body(self):
        kind = self.random.random()
        if kind < 0.4:
            return b""
        if kind < 0.5:
            return self.random.randbytes(self.random.randrange(200))
        text = json.dumps(self.mutated(self.random.choice(_BODIES), 0.08)).encode()
        if kind < 0.7:
            return self.scratched(text)
        return text

    def mutated(self, node, share):
        if self.random.random() < share:
            return self.random.choice(_LEAVES)
        if isinstance(node, dict):
            return {
                name: self.mutated(value, share)
                for name, value in node.items()
                if self.random.random() > share / 3
            }
        return [self.mutated(item, share) for item in node] if isinstance(node, list) else node

    def scratched(self, text):
        changed = bytearray(text)
        for _ in range(self.random.randrange(1, 4)):
            changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        return bytes(changed)


async def answered(app, method, path, query, headers, body):
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query, "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    messages = iter([{"type": "http.request", "body": body[:10], "more_body": True},
                     {"type": "http.request", "body": body[10:], "more_body": False}])  # fmt: skip
    answer = {"status": None, "body": b"", "headers": {}}

    async def receive():
        return next(messages, {"type": "http.disconnect"})

    async def send(message):
        if message["type"] == "http.response.start":
            answer.update({"status": message["status"], "headers": dict(message["headers"])})
        else:
            answer["body"] += message.get("body", b"")

    await app(scope, receive, send)
    return answer


@pytest.mark.parametrize("seed", [20260101])
async def test_no_request_makes_the_server_fail(app, client, seed):
    fuzzer, statuses, failures = Fuzzer(seed), Counter(), []
    for _ in range(REQUESTS):
        request = fuzzer.request()
        answer = await answered(app, *request)
        statuses[answer["status"]] += 1
        if answer["status"] is None or answer["status"] >= 500:
            failures.append((request, answer["status"]))
        elif answer["status"] >= 400 and request[1].startswith(b"/fhir/") and request[0] != "HEAD":
            assert (
                answer["headers"].get(b"content-encoding") == b"gzip" or b"OperationOutcome" in answer["body"]
            ), request
    assert failures == []
    assert {200, 201, 204, 304, 400, 404, 405, 406, 410, 412, 415} <= set(statuses)
