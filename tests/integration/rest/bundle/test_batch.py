"""A batch: each entry stands or falls for itself.

https://hl7.org/fhir/R4/http.html#brules
"""

import asyncio

from tests.integration.rest.bundle.content import entry, identified, observation, patch, patient, urn


def statuses(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == "batch-response"
    return [each["response"]["status"] for each in answer.json()["entry"]]


async def test_every_entry_has_its_own_status_and_the_others_stand(put, send, count, read):
    await put(patient("k", id="k"))
    await put(patient(id="gone"))

    answer = await send(
        "batch",
        entry("POST", "Patient", patient("new")),
        entry("POST", "Observation", {"resourceType": "Observation", "status": "bogus"}),
        entry("PUT", "Patient/k", patient("k", id="k"), ifMatch='W/"9"'),
        entry("PUT", "Patient/k2", patient(id="other")),
        entry("POST", "Patient", patient("k"), ifNoneExist=identified("k")),
        entry("PATCH", "Patient/k", patch({"op": "remove", "path": "/nothing"})),
        entry("GET", "Patient/none"),
        entry("GET", "Patient/k"),
        entry("DELETE", "Patient/gone"),
        entry("POST", "Nonsense", patient()),
        entry("GET", "Patient?nonsense=1"),
        entry("GET", f"Patient?{identified('new')}"),
    )

    assert statuses(answer) == [
        "201", "400", "412", "400", "200", "422", "404", "200", "204", "404", "400", "200",
    ]  # fmt: skip
    entries = answer.json()["entry"]
    bad = entries[1]["response"]["outcome"]
    assert bad["resourceType"] == "OperationOutcome"
    assert [each["expression"][0] for each in bad["issue"]] == [
        "Bundle.entry[1].resource.status",
        "Bundle.entry[1].resource.code",
    ] or {each["expression"][0] for each in bad["issue"]} == {
        "Bundle.entry[1].resource.status",
        "Bundle.entry[1].resource.code",
    }
    assert len(entries[11]["resource"]["entry"]) == 1
    assert await count("Patient") == 2
    assert await read("Patient/gone") == 410


async def test_a_reference_to_what_another_entry_makes_fails_the_entry_that_has_it(send, count):
    source = "http://source.example/fhir/Patient/1"
    answer = await send(
        "batch",
        entry("POST", "Patient", patient(), urn(1)),
        entry("POST", "Patient", patient(), source),
        entry("POST", "Observation", observation(urn(1))),
        entry("POST", "Observation", observation(source)),
        entry("POST", "Observation", observation("Patient/1")),
    )

    assert statuses(answer) == ["201", "201", "400", "400", "201"]
    issue = answer.json()["entry"][2]["response"]["outcome"]["issue"][0]
    assert issue["expression"] == ["Bundle.entry[2].resource.subject.reference"]
    assert await count("Observation") == 1


async def test_entries_about_one_resource_are_done_one_after_the_other(send, read, count):
    answer = await send(
        "batch",
        entry("PUT", "Patient/p", patient(id="p", gender="male")),
        entry("PUT", "Patient/p", patient(id="p", gender="female")),
        entry("POST", "Patient", patient("n"), ifNoneExist=identified("n")),
        entry("POST", "Patient", patient("n"), ifNoneExist=identified("n")),
    )

    assert statuses(answer) == ["201", "200", "201", "200"]
    assert (await read("Patient/p"))["gender"] == "female"
    assert await count("Patient") == 2


async def test_what_the_database_refuses_fails_alone(send, count):
    unindexable = patient(name=[{"family": "x"}])
    unindexable["identifier"] = [{"system": "s", "value": "v"}]
    use = {
        "resourceType": "DeviceUseStatement",
        "status": "active",
        "subject": {"reference": "Patient/a"},
        "device": {"reference": "Device/d"},
        "timingPeriod": {"start": "2026-01-02", "end": "2026-01-01"},
    }

    answer = await send(
        "batch", entry("POST", "Patient", patient()), entry("POST", "DeviceUseStatement", use)
    )

    assert statuses(answer)[0] == "201"
    assert statuses(answer)[1] in ("400", "422")
    assert await count("Patient") == 1


async def test_64_batches_with_the_same_condition_make_one_resource(send, count):
    async def once():
        entries = [entry("POST", "Patient", patient("raced"), ifNoneExist=identified("raced"))]
        return statuses(await send("batch", *entries, entry("POST", "Patient", patient("other"))))

    answers = await asyncio.gather(*(once() for _ in range(64)))

    assert sorted(first for first, _ in answers) == ["200"] * 63 + ["201"]
    assert await count("Patient", identifier="raced") == 1
