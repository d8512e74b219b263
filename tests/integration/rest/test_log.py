import json

MARKERS = ["Zweigelt", "zw-secret-id", "1974-12-25", "t" * 40, "urn:zwmrn"]


async def test_the_log_has_a_line_for_each_request_and_nothing_clinical(serving, tmp_path, fhir):
    tree = {
        "resourceType": "Patient",
        "id": "zw-secret-id",
        "name": [{"family": "Zweigelt"}],
        "birthDate": "1974-12-25",
        "identifier": [{"system": "urn:zwmrn", "value": "1"}],
    }
    async with serving(log_file=tmp_path / "log", log_level="debug") as client:
        requests = [
            await client.put("/fhir/Patient/zw-secret-id", **fhir(tree)),
            await client.put("/fhir/Patient/zw-secret-id", **fhir(tree | {"gender": "Zweigelt"})),
            await client.put("/fhir/Patient/zw-secret-id", **fhir(tree | {"id": "Zweigelt"})),
            await client.get("/fhir/Patient/zw-secret-id"),
            await client.get("/fhir/Patient?name=Zweigelt&birthdate=1974-12-25"),
            await client.get("/fhir/Patient?Zweigelt=1"),
            await client.get("/fhir/Zweigelt/1974-12-25"),
            await client.get("/Zweigelt"),
            await client.request("ZWEIGELT", "/fhir/Patient/zw-secret-id"),
            await client.get("/fhir/Patient/1", headers={"X-Request-Id": "Zweigelt, Anna"}),
        ]
    text = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    answered = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in answered] == [answer.status_code for answer in requests]
    assert [line["request_id"] for line in answered] == [
        answer.headers["x-request-id"] for answer in requests
    ]
    assert set(answered[0]) == {
        "event", "level", "timestamp", "method", "interaction", "type", "status", "milliseconds", "request_id",
    }  # fmt: skip
    for marker in MARKERS:
        assert marker.lower() not in text.lower(), marker
