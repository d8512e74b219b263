"""A transaction does what its requests do one by one, in the order that R4 gives.

https://hl7.org/fhir/R4/http.html#trules
"""

import base64
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.rest.bundle.content import entry, identified, patch, patient

FHIR = {"Content-Type": "application/fhir+json"}
GENDERS = ("male", "female")
PLACES = st.sampled_from("abcdefgh")


def _entry(kind, world, place, gender):
    """An entry about the resource at `place` in a world of its own, which other examples do not touch."""
    id, value = f"{world}-{place}", f"{world}-{place}"
    body = patient(value, gender=gender)
    set_gender = {"op": "add", "path": "/gender", "value": gender}
    return {
        "delete": entry("DELETE", f"Patient/{id}"),
        "delete-if": entry("DELETE", f"Patient?{identified(value)}"),
        "create": entry("POST", "Patient", body),
        "create-if": entry("POST", "Patient", body, ifNoneExist=identified(value)),
        "update": entry("PUT", f"Patient/{id}", {**body, "id": id}),
        "update-if": entry("PUT", f"Patient?{identified(value)}", body),
        "patch": entry("PATCH", f"Patient/{id}", patch(set_gender)),
        "read": entry("GET", f"Patient?{identified(value)}"),
    }[kind]


CHANGES = st.tuples(
    st.sampled_from(("delete", "delete-if", "create", "create-if", "update", "update-if", "patch", "read")),
    st.sampled_from(GENDERS),
)
STEPS = st.dictionaries(PLACES, CHANGES, min_size=1, max_size=8)
THERE = st.sets(PLACES)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(there=THERE, steps=STEPS, number=st.integers(min_value=0))
async def test_a_transaction_equals_its_requests_one_by_one(client, there, steps, number):
    together, alone = f"t{number}", f"a{number}"
    for world in (together, alone):
        for place in "abcdefgh":
            await client.delete(f"/fhir/Patient?{identified(f'{world}-{place}')}")
            await client.delete(f"/fhir/Patient/{world}-{place}")
        for place in there:
            id = f"{world}-{place}"
            await client.put(f"/fhir/Patient/{id}", content=json.dumps(patient(id, id=id)), headers=FHIR)

    bundle = [_entry(kind, together, place, gender) for place, (kind, gender) in steps.items()]
    answer = await client.post(
        "/fhir",
        content=json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": bundle}),
        headers=FHIR,
    )
    wanted = [_fails(place, kind, there) for place, (kind, _) in steps.items()]
    if any(wanted):
        assert answer.status_code >= 400, answer.text
        assert await _state(client, together) == dict.fromkeys(there, (1, None))
        return
    statuses = {}
    for place, (kind, gender) in sorted(steps.items(), key=lambda step: _rank(step[1][0])):
        statuses[place] = await _one(client, _entry(kind, alone, place, gender))
    assert answer.status_code == 200, answer.text
    given_ = [each["response"]["status"] for each in answer.json()["entry"]]
    assert given_ == [statuses[place] for place in steps]
    assert await _state(client, together) == await _state(client, alone)


def _rank(kind):
    methods = {"delete": 0, "create": 1, "update": 2, "patch": 2, "read": 3}
    return methods[kind.removesuffix("-if")]


def _fails(place, kind, there):
    """Whether this entry would be refused by itself."""
    return kind == "patch" and place not in there


async def _one(client, one):
    """The status of the entry's request, sent by itself."""
    request, resource = one["request"], one.get("resource")
    headers = {"If-None-Exist": request["ifNoneExist"]} if "ifNoneExist" in request else {}
    content = None
    if request["method"] == "PATCH":
        content = base64.b64decode(resource["data"])
        headers["Content-Type"] = "application/json-patch+json"
    elif resource:
        content = json.dumps(resource)
        headers |= FHIR
    answer = await client.request(
        request["method"], f"/fhir/{request['url']}", content=content, headers=headers
    )
    return str(answer.status_code)


async def _state(client, world):
    """By place: how many resources have its identifier, and the gender of the first."""
    found = {}
    for place in "abcdefgh":
        answer = await client.get(f"/fhir/Patient?{identified(f'{world}-{place}')}")
        entries = answer.json().get("entry", [])
        if entries:
            found[place] = (len(entries), entries[0]["resource"].get("gender"))
    return found
