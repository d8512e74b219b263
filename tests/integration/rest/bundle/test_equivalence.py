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
    st.sampled_from(("create", "create-if", "update", "update-if", "patch")), st.sampled_from(GENDERS)
)
STEPS = st.dictionaries(PLACES, CHANGES, min_size=1, max_size=6)
ENDS = st.dictionaries(PLACES, st.sampled_from(("delete", "delete-if")), max_size=4)
THERE = st.sets(PLACES, min_size=3)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    there=THERE, steps=STEPS, ends=ENDS, looks=st.sets(PLACES, max_size=3), number=st.integers(min_value=0)
)
async def test_a_transaction_equals_its_requests_one_by_one(client, there, steps, ends, looks, number):
    together, alone = f"t{number}", f"a{number}"
    for world in (together, alone):
        await _begin(client, world, there)
    before = await _state(client, together)
    # what is done last stands first, so that the order of processing is the transaction's own doing
    wanted = [("read", place, "") for place in sorted(looks)]
    wanted += [(kind, place, gender) for place, (kind, gender) in reversed(steps.items())]
    wanted += [(kind, place, "") for place, kind in ends.items()]

    answer = await client.post(
        "/fhir",
        content=json.dumps(
            {
                "resourceType": "Bundle",
                "type": "transaction",
                "entry": [_entry(kind, together, place, gender) for kind, place, gender in wanted],
            }
        ),
        headers=FHIR,
    )

    if any(_fails(place, kind, there, ends) for place, (kind, _) in steps.items()):
        assert answer.status_code in (400, 404, 410), answer.text
        assert await _state(client, together) == before
        return
    expected = {}
    for one in sorted(wanted, key=lambda each: _rank(each[0])):
        expected[one] = await _one(client, _entry(one[0], alone, one[1], one[2]))
    assert answer.status_code == 200, answer.text
    assert [_told(each) for each in answer.json()["entry"]] == [expected[one] for one in wanted]
    assert await _state(client, together) == await _state(client, alone)


async def _begin(client, world, there):
    """Nothing in the world but a Patient at each place that is `there`."""
    for place in "abcdefgh":
        await client.delete(f"/fhir/Patient/{world}-{place}")
        found = await client.get(f"/fhir/Patient?{identified(f'{world}-{place}')}")
        for each in found.json().get("entry", []):
            await client.delete(f"/fhir/Patient/{each['resource']['id']}")
    for place in there:
        id = f"{world}-{place}"
        await client.put(f"/fhir/Patient/{id}", content=json.dumps(patient(id, id=id)), headers=FHIR)


def _rank(kind):
    methods = {"delete": 0, "create": 1, "update": 2, "patch": 2, "read": 3}
    return methods[kind.removesuffix("-if")]


def _fails(place, kind, there, ends):
    """Whether the entry would be refused by itself, or another one deletes what it changes."""
    if kind == "patch" and place not in there:
        return True
    ended = ends.get(place) == "delete" or (place in ends and place in there)
    return kind in ("patch", "update") and ended


def _told(answered):
    """The status of an entry of the response, and whom a search found."""
    return answered["response"]["status"], _found(answered.get("resource"))


def _found(resource):
    """The genders in a searchset; None for what is none."""
    if resource is None or resource["resourceType"] != "Bundle":
        return None
    return sorted(each["resource"].get("gender", "") for each in resource.get("entry", []))


async def _one(client, one):
    """The status of the entry's request, sent by itself, and whom a search found."""
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
    return str(answer.status_code), _found(answer.json() if answer.content else None)


async def _state(client, world):
    """The genders of those who have the identifier of each place."""
    found = {}
    for place in "abcdefgh":
        answer = await client.get(f"/fhir/Patient?{identified(f'{world}-{place}')}")
        found[place] = _found(answer.json())
    return found
