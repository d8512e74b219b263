"""Modifiers over HTTP, by address and by form."""


async def test_a_code_is_found_by_its_text_after_the_text_was_changed(client, fhir):
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/1"}}
    for text in ("Migraine", "Headache, chronic"):
        sent = await client.put("/fhir/Condition/c1", **fhir({**condition, "code": {"text": text}}))
        assert sent.status_code in {200, 201}

    async def found(text: str) -> int:
        by_form = await client.post("/fhir/Condition/_search", data={"code:text": text})
        by_address = await client.get("/fhir/Condition", params={"code:text": text})
        assert by_form.json().get("entry") == by_address.json().get("entry")
        return len(by_address.json().get("entry", ()))

    assert (await found("head"), await found("HEADACHE chronic"), await found("migraine")) == (1, 1, 0)


async def test_a_value_set_that_no_service_can_expand_is_refused_with_the_reason(client):
    for name in ("code:in", "code:not-in", "combo-code:in", "patient.language:in"):
        answer = await client.get("/fhir/Observation", params={name: "http://vs/x"})

        (issue,) = answer.json()["issue"]
        assert (answer.status_code, issue["code"]) == (400, "not-supported")
        assert "There is no terminology service to say what http://vs/x contains" in issue["diagnostics"]


async def test_a_condition_on_what_codes_mean_changes_nothing(client, fhir):
    patient = {"resourceType": "Patient", "language": "de"}
    answer = await client.post(
        "/fhir/Patient", **with_header(fhir(patient), "If-None-Exist", "language:not-in=http://vs/x")
    )

    assert answer.status_code == 400
    assert "No terminology service is asked about value set http://vs/x" in answer.text
    assert "entry" not in (await client.get("/fhir/Patient")).json()


def with_header(request: dict, name: str, value: str) -> dict:
    return {**request, "headers": {**request["headers"], name: value}}
