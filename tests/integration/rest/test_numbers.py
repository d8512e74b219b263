import json

import pytest


@pytest.fixture
def client(shared_client):
    return shared_client


def observation(number, code):
    """The text of an Observation whose value is written as `number`."""
    tree = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"code": code}]}}
    return (json.dumps(tree)[:-1] + ',"valueQuantity":{"value":' + number + "}}").encode()


NUMBERS = [
    "1.00", "1e-7", "18446744073709551616", "-" + "9" * 40, "1e250", "1e-250", "0." + "0" * 60 + "12",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_number_that_was_taken_never_stands_in_the_way(client, fhir, number):
    headers = fhir({})["headers"]
    made = await client.post("/fhir/Observation", content=observation(number, f"n{number}"), headers=headers)
    assert made.status_code == 201, made.text
    address = f"/fhir/Observation/{made.json()['id']}"
    read = await client.get(address)
    again = await client.put(address, content=read.content, headers=headers)
    asked = [f"{address}?_pretty=true", f"{address}?_summary=true", f"/fhir/Observation?code=n{number}"]
    asked += [f"{one}&_elements=value" for one in asked[2:]] + [f"{address}/_history?_pretty=true"]
    found = {query: (await client.get(query)).status_code for query in asked}
    assert (again.status_code, found) == (200, dict.fromkeys(asked, 200))


async def test_an_exponent_without_end_is_refused(client, fhir):
    text = observation("1e" + "9" * 5000, "x")
    answer = await client.post("/fhir/Observation", content=text, headers=fhir({})["headers"])
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (400, "structure")
