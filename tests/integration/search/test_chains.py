"""Resources found by what they refer to and by what refers to them."""

import pytest

from fhir_server.errors import Forbidden, InvalidSearch
from fhir_server.search.plan import Limits
from fhir_server.store.predicate import EVERYTHING, NOTHING, Predicate
from tests.integration.search.conftest import BASE, showing


def resource(type: str, id: str, /, **elements: object) -> dict:
    return {"resourceType": type, "id": id, **elements}


def to(reference: str) -> dict:
    return {"reference": reference}


HEART_RATE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}
WEIGHT = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}

WARD = (
    resource("Organization", "north", name="North Clinic"),
    resource("Organization", "south", name="South Clinic", partOf=to("Organization/north")),
    resource("Practitioner", "dr", name=[{"family": "Grey"}], identifier=[{"system": "urn:npi", "value": "7"}]),
    resource(
        "Patient",
        "p1",
        name=[{"family": "Chalmers"}],
        gender="male",
        managingOrganization=to("Organization/south"),
        generalPractitioner=[to("Practitioner/dr")],
        identifier=[{"system": "urn:mrn", "value": "1"}],
    ),
    resource(
        "Patient",
        "p2",
        name=[{"family": "Levin"}],
        gender="female",
        managingOrganization=to(f"{BASE}/Organization/north"),
    ),
    resource("Device", "d1", deviceName=[{"name": "Monitor", "type": "user-friendly-name"}]),
    resource("Device", "d2", identifier=[{"system": "urn:udi", "value": "9"}]),
    resource("Location", "l1", name="Chalmers Wing"),
    resource("Group", "g1", type="person", actual=True, member=[{"entity": to("Patient/p2")}]),
    resource("Observation", "hr1", status="final", code=HEART_RATE, subject=to("Patient/p1"), device=to("Device/d1")),
    resource(
        "Observation",
        "hr2",
        status="final",
        code=HEART_RATE,
        subject=to(f"{BASE}/Patient/p2"),
        device=to("Device/d2/_history/3"),
    ),
    resource("Observation", "w1", status="preliminary", code=WEIGHT, subject=to("Patient/p1")),
    resource("Observation", "room", status="final", code=WEIGHT, subject=to("Location/l1")),
    resource("Observation", "elsewhere", status="final", code=WEIGHT, subject=to("http://other.test/fhir/Patient/p1")),
    resource(
        "Provenance",
        "pv1",
        target=[to("Observation/hr1"), to("Observation/w1/_history/1")],
        recorded="2026-01-01T00:00:00Z",
        agent=[{"who": to("Practitioner/dr")}],
    ),
    resource(
        "Provenance",
        "pv2",
        target=[to(f"{BASE}/Observation/hr2")],
        recorded="2026-01-01T00:00:00Z",
        agent=[{"who": to("Device/d1")}],
    ),
    resource("List", "42", status="current", mode="working", entry=[{"item": to("Patient/p2")}, {"item": to("Device/d1")}]),
    resource("Questionnaire", "q1", status="active", url="http://forms.test/q", version="1", title="Falls"),
    resource("QuestionnaireResponse", "qr1", status="completed", questionnaire="http://forms.test/q|1"),
    resource("QuestionnaireResponse", "qr2", status="completed", questionnaire="http://forms.test/other"),
)  # fmt: skip


@pytest.fixture
async def ward(store):
    await store(*WARD)


FOUND = [
    ("Observation", "patient.name=Chalmers", {"hr1", "w1"}),
    ("Observation", "subject:Patient.name=chal", {"hr1", "w1"}),
    ("Observation", "subject.name=Chalmers", {"hr1", "w1", "room"}),
    ("Observation", "subject:Location.name:contains=wing", {"room"}),
    ("Observation", "patient.name:exact=chalmers", set()),
    ("Observation", "patient.name=Chalmers,Levin", {"hr1", "hr2", "w1"}),
    ("Observation", "patient.gender=male&status=final", {"hr1"}),
    ("Observation", "patient.gender=male&patient.name=Levin", set()),
    ("Observation", "patient.gender:not=male", {"hr2"}),
    ("Observation", "patient.identifier=urn:mrn|1&_sort=-date", {"hr1", "w1"}),
    ("Observation", "patient.identifier:missing=true", {"hr2"}),
    ("Observation", "patient._id=p2", {"hr2"}),
    ("Observation", "patient.organization=Organization/north", {"hr2"}),
    ("Observation", "patient.organization.name=South", {"hr1", "w1"}),
    ("Observation", "patient.organization.partof.name=North", {"hr1", "w1"}),
    ("Observation", "subject.general-practitioner:Practitioner.identifier=urn:npi|7", {"hr1", "w1"}),
    ("Observation", "device.device-name=Monitor", {"hr1"}),
    ("Observation", "device:Device.identifier=urn:udi|9", {"hr2"}),
    ("Observation", "device.identifier=urn:udi|9&patient.name=Levin&code=8867-4", {"hr2"}),
    ("Provenance", "target:Observation.code=8867-4", {"pv1", "pv2"}),
    ("Provenance", "target:Observation.status=preliminary", {"pv1"}),
    ("Provenance", "agent:Device.device-name=mon", {"pv2"}),
    ("Patient", "organization.name:contains=clinic&_sort=_id", {"p1", "p2"}),
    ("Patient", "_has:Observation:patient:code=http://loinc.org|8867-4", {"p1", "p2"}),
    ("Patient", "_has:Observation:patient:code=29463-7", {"p1"}),
    ("Patient", "_has:Observation:subject:status=preliminary,amended", {"p1"}),
    ("Patient", "_has:Observation:patient:code=8867-4&_has:Observation:patient:code=29463-7", {"p1"}),
    ("Patient", "_has:Observation:patient:_has:Provenance:target:agent=Device/d1", {"p2"}),
    ("Patient", "_has:Observation:patient:device.device-name=Monitor", {"p1"}),
    ("Patient", "_has:Group:member:_id=g1", {"p2"}),
    ("Device", "_has:Observation:device:status=final", {"d1", "d2"}),
    ("Device", "_has:Observation:device:patient.name=Levin", {"d2"}),
    ("Observation", "_has:Provenance:target:agent=Practitioner/dr", {"hr1", "w1"}),
    ("Observation", "_has:Provenance:target:agent=Device/d1", {"hr2"}),
    ("Observation", "patient._has:Group:member:_id=g1", {"hr2"}),
    ("Observation", "subject._has:Group:member:_id=g1", {"hr2"}),
    ("Provenance", "target.focus:Patient._id=p1", set()),
    ("Practitioner", "_has:Patient:general-practitioner:_has:Observation:patient:status=final", {"dr"}),
    ("Patient", "_list=42", {"p2"}),
    ("Device", "_list=42,43", {"d1"}),
    ("Patient", "_list=43", set()),
    ("QuestionnaireResponse", "questionnaire.title=Falls", {"qr1"}),
    ("QuestionnaireResponse", "questionnaire:Questionnaire.url=http://forms.test/q", {"qr1"}),
    ("Questionnaire", "_has:QuestionnaireResponse:questionnaire:status=completed", {"q1"}),
]  # fmt: skip


async def test_a_chain_finds_what_its_end_describes(ward, ask):
    for type, asked, ids in FOUND:
        found = await ask(f"{type}?{asked}")
        counted = await ask(f"{type}?{asked}&_total=accurate&_count=0")

        assert sorted(found.ids) == sorted(ids), asked
        assert counted.bundle["total"] == len(ids), asked


async def test_a_deleted_resource_carries_no_chain(database, ward, ask):
    for type, id in (("Patient", "p1"), ("Observation", "hr2")):
        async with database.transaction() as work:
            await work.delete(await work.lock(type, id))

    assert (await ask("Observation?patient.gender=male")).ids == []
    assert (await ask("Device?_has:Observation:device:status=final")).ids == ["d1"]


async def test_chains_are_paged_and_named_by_the_links(store, ask, observation):
    await store(*WARD[:5], *(observation(f"o{n}", effectiveDateTime=f"2026-01-0{n + 1}") for n in range(5)))

    found = await ask("Observation?patient.organization.name=South&_count=2")
    every = [found.ids]
    while found.next:
        found = await ask("Observation", *found.next)
        every.append(found.ids)

    assert every == [["o4", "o3"], ["o2", "o1"], ["o0"]]


FORBIDDEN = [
    ("Observation?patient.name=Chalmers", "Patient"),
    ("Observation?subject:Patient.name=Chalmers", "Patient"),
    ("Observation?patient.organization.name=South", "Organization"),
    ("Patient?_has:Observation:patient:code=8867-4", "Observation"),
    ("Patient?_has:Observation:patient:_has:Provenance:target:agent=Device/d1", "Provenance"),
    ("Patient?_list=42", "List"),
    ("Observation?device:Device.identifier=urn:udi|9", "Device"),
]  # fmt: skip


async def test_a_type_on_the_way_that_may_not_be_searched_is_forbidden_whatever_it_holds(store, ask):
    for resources in ((), WARD):
        await store(*resources)
        for asked, type in FORBIDDEN:
            with pytest.raises(Forbidden, match=type):
                await ask(asked, access=showing(EVERYTHING, **{type: None}))


HIDDEN = [
    ("Observation?patient.name=Chalmers", "Patient"),
    ("Observation?patient.organization.name=South", "Organization"),
    ("Patient?_has:Observation:patient:code=8867-4", "Observation"),
    ("Patient?_list=42", "List"),
    ("Device?_has:Observation:device:status=final", "Observation"),
    ("QuestionnaireResponse?questionnaire.title=Falls", "Questionnaire"),
]  # fmt: skip


async def test_a_chain_does_not_lead_over_what_the_caller_may_not_see(ward, ask):
    for asked, type in HIDDEN:
        assert (await ask(asked)).ids, asked
        assert (await ask(asked, access=showing(EVERYTHING, **{type: NOTHING}))).ids == [], asked


async def test_a_reference_to_several_types_is_followed_to_those_that_may_be_searched(ward, ask):
    only_patients = showing(EVERYTHING, Location=None, Device=None, Group=None)
    one_patient = showing(EVERYTHING, Patient=Predicate("r.id = %s", ("p2",)))

    assert sorted((await ask("Observation?subject.name=Chalmers", access=only_patients)).ids) == ["hr1", "w1"]
    assert (await ask("Observation?subject.name=Chalmers", access=one_patient)).ids == ["room"]


REFUSED = [
    (
        "Observation?subject.colour=red",
        "none of Device, Group, Location, Patient, which Observation.subject",
    ),
    ("Observation?patient.colour=red", "Patient has no search parameter colour"),
    ("Observation?status.name=x", "Observation parameter status is a token and refers to nothing"),
    ("Device?patient.gender.name=x", "Patient parameter gender is a token and refers to nothing"),
    ("Observation?subject.identifier.name=x", "parameter identifier is a token and refers to nothing"),
    ("Observation?colour.name=x", "Observation has no search parameter colour"),
    ("Observation?subject:Practitioner.name=x", "Observation.subject never refers to a Practitioner"),
    ("Observation?patient.birthdate=soon", "patient.birthdate=soon: the value"),
    ("Observation?patient.name:below=x", "modifier :below is not served for patient.name"),
    ("Observation?patient.organization.partof.partof.name=x", "is a chain of 4"),
    ("Patient?_has:Observation:patient=x", "_has is written"),
    ("Patient?_has=x", "_has is written"),
    ("Patient?_has:Observation:code:status=final", "code is a token and refers to nothing"),
    ("Patient?_has:Nothing:patient:status=final", "'Nothing' is no resource type"),
    ("Patient?_has:Observation:device:status=final", "Observation.device never refers to a Patient"),
    ("Observation?subject:.name=x", "a chain is written"),
    ("Provenance?target.identifier=x", "may lead to"),
    ("Patient?_list=$current-problems", "no functional ones"),
    ("Patient?_list=List/42", "_list=List/42: the value is no id"),
    ("Parameters?_has:Provenance:target:agent=x", "never refers to a Parameters. It refers to 145 other types"),
]  # fmt: skip


async def test_a_chain_that_cannot_be_followed_is_refused_with_its_name_and_the_reason(ask):
    for asked, told in REFUSED:
        with pytest.raises(InvalidSearch, match=told) as refused:
            await ask(asked)
        assert refused.value.issues[0].expression in asked


async def test_a_lenient_search_passes_over_the_chain_that_leads_nowhere(ward, ask):
    found = await ask("Observation?subject.colour=red&status=preliminary", handling="lenient")

    assert found.ids == ["w1"]
    assert "subject.colour" in found.bundle["entry"][-1]["resource"]["issue"][0]["diagnostics"]
    assert found.link("self") == f"{BASE}/Observation?status=preliminary"


async def test_how_long_a_chain_may_be_is_a_setting(ward, ask):
    found = await ask("Observation?patient.organization.name=South", limits=Limits(50, 50, max_chain=2))
    assert found.ids
    with pytest.raises(InvalidSearch, match="at most 1"):
        await ask("Observation?patient.organization.name=South", limits=Limits(50, 50, max_chain=1))
