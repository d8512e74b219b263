"""A patient's record with what their devices sent, and where that came from."""


async def test_a_record_has_the_readings_and_the_provenance_of_each_message_once(client, register, send):
    await client.put("/fhir/Patient/p1", json={"resourceType": "Patient", "id": "p1"})
    enrolled = (await register()).json()
    for second in range(5):
        reading = {"timestamp": f"2026-03-01T12:00:0{second}Z", "data": {"spo2": 97}}
        assert (await send(enrolled, reading)).status_code == 200

    found, url = [], "/fhir/Patient/p1/$everything?_count=3&_type=Patient,Observation,Provenance"
    while url:
        page = (await client.get(url)).json()
        found += [entry["resource"] for entry in page["entry"] if entry["search"]["mode"] == "match"]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)

    kinds = [each["resourceType"] for each in found]
    assert (kinds.count("Patient"), kinds.count("Observation"), kinds.count("Provenance")) == (1, 5, 5)
    assert len({(each["resourceType"], each["id"]) for each in found}) == 11
