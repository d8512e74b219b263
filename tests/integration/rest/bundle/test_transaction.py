"""A transaction: what it does, in which order, and that it does all or nothing.

https://hl7.org/fhir/R4/http.html#trules
"""

import pytest

from fhir_server.interactions.device_registry import register
from fhir_server.keys import MasterKey
from tests.integration.rest.bundle.content import SYSTEM, entry, identified, observation, patch, patient, urn


def statuses(entries):
    return [each["response"]["status"] for each in entries]


async def test_what_it_makes_is_linked_stored_and_found(client, transact):
    made, person = await transact(
        entry("POST", "Observation", observation(urn(1))), entry("POST", "Patient", patient(), urn(1))
    )

    id = person["resource"]["id"]
    assert statuses([made, person]) == ["201", "201"]
    assert made["resource"]["subject"]["reference"] == f"Patient/{id}"
    assert person["fullUrl"] == f"http://server.example/fhir/Patient/{id}"
    assert person["response"]["location"] == f"http://server.example/fhir/Patient/{id}/_history/1"
    assert person["response"]["etag"] == 'W/"1"'
    assert person["response"]["lastModified"] == person["resource"]["meta"]["lastUpdated"]
    found = await client.get("/fhir/Observation", params={"subject": f"Patient/{id}"})
    assert [each["resource"] for each in found.json()["entry"]] == [made["resource"]]


async def test_every_interaction_is_answered_in_the_order_of_the_request(put, transact, read):
    for id in ("ended", "kept", "patched", "read"):
        await put(patient(id=id))

    entries = await transact(
        entry("GET", "Patient/read"),
        entry("PATCH", "Patient/patched", patch({"op": "add", "path": "/active", "value": True})),
        entry("PUT", "Patient/kept", patient(id="kept", gender="female")),
        entry("PUT", "Patient/new", patient(id="new")),
        entry("POST", "Patient", patient()),
        entry("DELETE", "Patient/ended"),
        entry("DELETE", "Patient/never"),
    )

    assert statuses(entries) == ["200", "200", "200", "201", "201", "204", "204"]
    assert entries[0]["resource"]["id"] == "read"
    assert (await read("Patient/patched"))["active"] is True
    assert (await read("Patient/kept"))["gender"] == "female"
    assert (await read("Patient/new"))["meta"]["versionId"] == "1"
    assert await read("Patient/ended") == 410


async def test_deletes_come_before_creates_and_reads_after_everything(put, transact):
    await put(patient("one", id="old"))

    found, made, ended = await transact(
        entry("GET", f"Patient?{identified('one')}"),
        entry("POST", "Patient", patient("one"), ifNoneExist=identified("one")),
        entry("DELETE", "Patient/old"),
    )

    assert statuses([made, ended]) == ["201", "204"]
    assert [each["resource"]["id"] for each in found["resource"]["entry"]] == [made["resource"]["id"]]


async def test_nothing_stands_when_one_entry_fails(refused, put, count, read):
    await put(patient(id="there"))

    status, (issue,) = await refused(
        entry("POST", "Patient", patient()),
        entry("DELETE", "Patient/there"),
        entry(
            "POST", "Observation", {"resourceType": "Observation", "status": "bogus", "code": {"text": "x"}}
        ),
    )

    assert status == 400
    assert issue["expression"] == ["Bundle.entry[2].resource.status"]
    assert issue["diagnostics"].startswith("Entry 2 (POST Observation): ")
    assert await count("Patient") == 1
    assert (await read("Patient/there"))["id"] == "there"


async def test_a_read_that_finds_nothing_fails_the_whole(refused, count):
    status, (issue,) = await refused(entry("POST", "Patient", patient()), entry("GET", "Patient/none"))

    assert (status, issue["expression"]) == (404, ["Bundle.entry[1]"])
    assert await count("Patient") == 0


async def test_a_transaction_without_entries_is_no_error(client, send):
    assert (await send("transaction")).json() == {"resourceType": "Bundle", "type": "transaction-response"}


@pytest.mark.parametrize(
    ("returns", "members"),
    [
        ("minimal", {"response"}),
        ("representation", {"fullUrl", "resource", "response"}),
        ("OperationOutcome", {"response"}),
    ],
)
async def test_the_preferred_return_holds_for_every_entry(transact, returns, members):
    entries = await transact(entry("POST", "Patient", patient()), Prefer=f"return={returns}")

    assert set(entries[0]) - {"fullUrl"} == members - {"fullUrl"}
    assert ("outcome" in entries[0]["response"]) == (returns == "OperationOutcome")


async def test_reads_inside_are_answered_as_they_would_be_alone(client, put, transact):
    await put(patient("one", id="p"))
    await put(patient("one", id="p", active=True))

    current, version, history, search, head, known = await transact(
        entry("GET", "Patient/p"),
        entry("GET", "Patient/p/_history/1"),
        entry("GET", "Patient/p/_history"),
        entry("GET", "Patient?_count=1&_total=accurate"),
        entry("HEAD", "Patient/p"),
        entry("GET", "Patient/p", ifNoneMatch='W/"2"'),
    )

    assert current["resource"]["active"] is True
    assert current["response"]["etag"] == 'W/"2"'
    assert "active" not in version["resource"]
    assert (history["resource"]["type"], len(history["resource"]["entry"])) == ("history", 2)
    assert (search["resource"]["type"], search["resource"]["total"]) == ("searchset", 1)
    assert "resource" not in head
    assert head["response"]["etag"] == 'W/"2"'
    assert (known["response"]["status"], "resource" in known) == ("304", False)


async def test_urls_may_be_absolute_below_the_servers_own_address(transact):
    (made,) = await transact(
        entry("PUT", "http://server.example/fhir/Patient/p", patient(id="p")),
    )
    assert made["response"]["status"] == "201"


async def test_a_deleted_resource_comes_back_under_its_next_version(client, put, transact):
    await put(patient(id="p"))
    await client.delete("/fhir/Patient/p")

    (back,) = await transact(entry("PUT", "Patient/p", patient(id="p")))

    assert (back["response"]["status"], back["response"]["etag"]) == ("201", 'W/"3"')


async def test_versions_demanded_are_held_to(put, refused, transact):
    await put(patient(id="p"))

    status, (issue,) = await refused(
        entry("PUT", "Patient/p", patient(id="p"), ifMatch='W/"7"'), entry("POST", "Patient", patient())
    )
    (done,) = await transact(entry("PUT", "Patient/p", patient(id="p"), ifMatch='W/"1"'))

    assert (status, issue["expression"]) == (412, ["Bundle.entry[0]"])
    assert done["response"]["etag"] == 'W/"2"'


async def test_a_device_is_given_back_and_given_to_another_in_one_transaction(database, client, transact):
    enrolled = await register(
        database, MasterKey(b"k" * 32), name="ox", profile="pulse-oximeter", patient="a"
    )
    use = enrolled.assignment
    statement = (await client.get(f"/fhir/{use}")).json()
    start = statement["timingPeriod"]["start"]
    ended = {
        **statement,
        "status": "completed",
        "timingPeriod": {"start": start, "end": "2099-01-01T00:00:00Z"},
    }
    other = {
        "resourceType": "DeviceUseStatement",
        "status": "active",
        "subject": {"reference": "Patient/b"},
        "device": {"reference": enrolled.device},
        "timingPeriod": {"start": "2099-01-01T00:00:00Z"},
    }

    entries = await transact(entry("POST", "DeviceUseStatement", other), entry("PUT", use, ended))
    assert statuses(entries) == ["201", "200"]


async def test_identifiers_are_indexed_by_what_a_transaction_writes(transact, count):
    await transact(*[entry("POST", "Patient", patient(f"m{n}")) for n in range(3)])
    assert await count("Patient", identifier=f"{SYSTEM}|m1") == 1


async def test_the_capability_statement_lists_batch_and_transaction(client):
    (rest,) = (await client.get("/fhir/metadata")).json()["rest"]
    assert {"code": "transaction"} in rest["interaction"]
    assert {"code": "batch"} in rest["interaction"]
