"""What others' servers told of patients to those who must not know them: none of it is told here."""

import asyncio
import re

import pytest

from smart_auth.principal import CareOf, Everything, Patients
from tests.integration.rest.access.world import BASE, CATEGORY, RECORD, names, new, observation, resource, to

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("leaks-of-reads")]

IN_COMPARTMENT = RECORD - {"Provenance/a-provenance", "Binary/a-secured"}
VITALS = f"category={CATEGORY}|vital-signs"


@pytest.fixture
def app(server):
    """An app that may read and search all of Patient/a."""
    return server.caller("patient/*.rs", patient="a")


@pytest.mark.item("access-include")
@pytest.mark.item("leak-1")
async def test_an_include_does_not_lead_into_another_record(server, app):
    assert await app.found("Coverage?_id=a-cover&_include=Coverage:subscriber") == {"Coverage/a-cover"}
    assert await app.found("Coverage?_id=a-cover&_include=Coverage:beneficiary") == {
        "Coverage/a-cover",
        "Patient/a",
    }
    assert await app.found("Patient?_id=a&_include=Patient:link") == {"Patient/a"}


@pytest.mark.item("leak-2")
async def test_what_refers_to_a_record_from_another_is_not_included(server, app):
    assert await app.found("Observation?_id=a-lab&_revinclude=DiagnosticReport:result") == {
        "Observation/a-lab",
        "DiagnosticReport/a-report",
    }
    assert await app.found("Observation?_id=a-vital&_include=Observation:focus") == {"Observation/a-vital"}
    assert await app.found("Observation?_id=a-vital&_revinclude=Observation:focus") == {"Observation/a-vital"}


@pytest.mark.item("leak-3")
async def test_wildcards_and_iteration_include_granted_types_of_the_record_only(server, app):
    narrow = server.caller("patient/Observation.rs", "patient/Practitioner.r", patient="a")
    every = "_include=*:*&_revinclude=*:*&_include:iterate=*:*&_revinclude:iterate=*:*"

    assert await narrow.found(f"Observation?_id=a-vital&{every}") == {
        "Observation/a-vital",
        "Practitioner/a-nurse",
    } | {one for one in await narrow.found(f"Observation?_id=a-vital&{every}") if one == "Practitioner/a-gp"}
    assert await app.found(f"Observation?_id=a-vital&{every}") <= RECORD


@pytest.mark.item("leak-4")
async def test_a_reverse_chain_tells_nothing_of_what_may_not_be_searched(server, app):
    blind = server.caller("patient/Patient.rs", patient="a")
    narrow = server.caller("patient/Patient.rs", f"patient/Observation.rs?{VITALS}", patient="a")

    assert await blind.status("Patient?_has:Observation:patient:value-quantity=gt3") == 403
    assert await narrow.found("Patient?_has:Observation:patient:code=8867-4") == {"Patient/a"}
    assert await narrow.found("Patient?_has:Observation:patient:code=718-7") == set()
    assert await app.found("Observation?_has:DiagnosticReport:result:_id=b-report") == set()


@pytest.mark.item("access-chain")
@pytest.mark.item("leak-5")
async def test_a_chain_needs_the_search_of_what_it_leads_to(server):
    caller = server.caller("patient/Observation.rs", "patient/List.rs", patient="a")

    for path in (
        "Observation?subject:Patient.name=Family-a", "Observation?subject.name=x", "Observation?patient.birthdate=1970-01-01",
        "Observation?_sort=subject.name", "Observation?_filter=subject.name eq x", "Observation?performer:Practitioner.name=x",
    ):  # fmt: skip
        assert await caller.status(path) in (400, 403), path
    assert await caller.found("Observation?_list=a-list") == {"Observation/a-vital"}
    assert await caller.found("Observation?_list=b-list") == set()


@pytest.mark.item("access-order")
@pytest.mark.item("leak-6")
@pytest.mark.item("leak-29")
async def test_hidden_and_absent_answer_alike(server, app):
    nothing = server.caller("patient/Goal.rs", patient="a")
    pairs = [
        ("Observation/b-vital", "Observation/n-vital"), ("Observation?subject=Patient/b", "Observation?subject=Patient/n"),
        ("Observation?_id=b-vital", "Observation?_id=n-vital"), ("Patient/b/Observation", "Patient/n/Observation"),
        ("Observation/b-vital/_history", "Observation/n-vital/_history"),
        ("Observation/$stats?subject=Patient/b&code=c&statistic=count", "Observation/$stats?subject=Patient/n&code=c&statistic=count"),
        ("Observation/b-vital/_history/1", "Observation/n-vital/_history/1"), ("Patient/b/$everything", "Patient/n/$everything"),
        ("Observation?device=DeviceMetric/b-metric", "Observation?device=DeviceMetric/n-metric"),
        ("Observation/$lastn?patient=b&code=8867-4", "Observation/$lastn?patient=n&code=8867-4"),
        ("Binary/b-file", "Binary/n-file"), ("Practitioner/b-gp", "Practitioner/n-gp"),
        ("Observation/b-vital/$meta", "Observation/n-vital/$meta"), ("Patient/b/$record", "Patient/n/$record"),
    ]  # fmt: skip

    for hidden, absent in pairs:
        one, other = await app.get(hidden), await app.get(absent)
        assert _masked(one.text) == _masked(other.text), hidden
        assert await nothing.status(hidden) == await nothing.status(absent), hidden


def _masked(text: str) -> str:
    """The text without whom it was asked about."""
    return re.sub("(?<=[/=])[bn](?![A-Za-z])", "-", text)


@pytest.mark.item("access-history")
@pytest.mark.item("leak-7")
async def test_histories_of_types_and_of_all_show_the_record_only(server, app):
    assert await app.found("_history") == RECORD
    assert await app.found("Patient/_history") == {"Patient/a"}
    assert await app.found("Observation/_history?_count=1") == {"Observation/a-vital", "Observation/a-lab"}
    assert await app.status("Group/_history") == 403
    assert await server.caller("openid").status("_history") == 403


@pytest.mark.item("access-everything")
@pytest.mark.item("access-search")
@pytest.mark.item("leak-11")
async def test_every_way_to_a_record_shows_the_same(server, app):
    entries = [{"request": {"method": "GET", "url": url}} for url in ("?_count=1000", "_history?_count=1000")]
    batch = await app.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    read = [names(one["resource"]) for one in batch.json()["entry"]]

    assert await app.found("?_count=500") == RECORD
    assert read == [RECORD, RECORD]
    assert await app.found("Patient/a/$everything") == IN_COMPARTMENT
    assert names((await app.get("Patient/a/$record")).json()) == IN_COMPARTMENT
    assert await app.found("Patient/$everything") == IN_COMPARTMENT
    assert await app.status("Patient/b/$everything") == 404


@pytest.mark.item("access-operations")
@pytest.mark.item("leak-11")
async def test_operations_work_on_what_the_caller_sees(server, app):
    stats = "$stats?subject=Patient/{}&code=8867-4&system=http://loinc.org&statistic=count"
    blind = server.caller("patient/Patient.rs", patient="a")
    urls = {
        "live": "http://server.example/api/patients/{}/live-data",
        "devices": "http://server.example/api/patients/{}/devices",
    }

    mine = (await app.get(f"Observation/{stats.format('a')}")).json()
    assert '"valueInteger":1' in str(mine).replace("'", '"').replace(" ", "")
    assert len((await app.get("Observation/$lastn?patient=a&code=8867-4")).json()["entry"]) == 1
    assert await blind.status("Observation/$lastn?patient=a&code=8867-4") == 403
    assert [
        len((await app.get(urls["live"].format("a"))).json()["metrics"]),
        await app.status(urls["live"].format("b")),
    ] == [2, 404]
    assert [await app.status(urls["devices"].format("a")), await app.status(urls["devices"].format("b"))] == [
        200,
        404,
    ]
    assert await blind.status(urls["live"].format("a")) == 403


@pytest.mark.item("leak-14")
async def test_what_is_not_understood_is_refused_and_never_no_filter(server, app):
    for path in (
        "Observation?unheard-of=1",
        "Observation?code:nonsense=1",
        "Observation?subject:Nothing.name=x",
    ):
        assert await app.status(path) == 400, path
    lenient = await app.get("Observation?unheard-of=1", Prefer="handling=lenient")
    assert names(lenient.json()) == {"Observation/a-vital", "Observation/a-lab"}
    assert (
        await server.caller("patient/Observation.rs?unheard-of=1", patient="a").status("Observation") == 403
    )


@pytest.mark.item("access-binary")
@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (("patient/Binary.rs",), 404),
        (("patient/Binary.rs", "patient/DocumentReference.cs"), 404),
        (("patient/Binary.rs", "patient/DocumentReference.r?status=superseded"), 404),
        (("patient/Binary.rs", "patient/DocumentReference.r?status=current"), 200),
        (("patient/Binary.rs", "patient/DocumentReference.r"), 200),
    ],
)
async def test_a_file_is_shown_to_who_may_read_the_document_that_names_it(server, scopes, status):
    assert await server.caller(*scopes, patient="a").status("Binary/a-file") == status


@pytest.mark.item("access-binary")
@pytest.mark.item("leak-8")
async def test_a_file_goes_with_its_document_when_that_was_in_the_wrong_record(server, app):
    def filed(patient: str) -> dict:
        content = [{"attachment": {"url": "Binary/misfiled"}}]
        return resource(
            "DocumentReference",
            "misfiled",
            status="current",
            subject=to(f"Patient/{patient}"),
            content=content,
        )

    await server.store(resource("Binary", "misfiled", contentType="text/plain", data="QUFB"), filed("a"))
    assert await app.status("Binary/misfiled") == 200
    await server.operator().ask("PUT", "DocumentReference/misfiled", filed("b"))

    for path in ("Binary/misfiled", "Binary/misfiled/_history", "Binary/misfiled/_history/1"):
        assert await app.status(path) == 404, path
    assert (
        await app.found("Binary")
        == await app.found("Binary/_history")
        == {"Binary/a-file", "Binary/a-secured"}
    )
    assert await server.caller("patient/*.rs", patient="b").status("Binary/misfiled") == 200
    await server.operator().ask("DELETE", "DocumentReference/misfiled")
    assert await server.caller("patient/*.rs", patient="b").status("Binary/misfiled") == 404
    await server.operator().ask("DELETE", "Binary/misfiled")


@pytest.mark.item("leak-17")
async def test_a_linked_record_is_not_read(server, app):
    assert await app.status("Patient/b") == 404
    assert await app.found("Patient?link=Patient/b") == {"Patient/a"}
    assert await app.found("Patient?link=Patient/a") == set()
    assert "Patient/b" not in await app.found("Patient/a/$everything")


@pytest.mark.item("leak-18")
async def test_what_names_several_patients_is_of_no_ones_record(server, app):
    for path in ("Appointment/both", "Account/both"):
        assert await app.status(path) == 404, path
    assert await app.found("Appointment") == {"Appointment/a-appointment"}
    assert await app.found("Patient/a/Appointment") == {"Appointment/a-appointment"}
    for path in ("Group/both", "Person/both", "Group?member=Patient/a", "Person?patient=Patient/a"):
        assert await app.status(path) == 403, path


@pytest.mark.item("leak-18")
async def test_a_patient_is_another_however_they_are_named(server, app):
    others = {
        "typed": {"type": "Patient", "identifier": {"value": "1"}},
        "typed-by-url": {"type": "http://hl7.org/fhir/StructureDefinition/Patient", "display": "Family-b"},
        "typed-with-urn": {"type": "Patient", "reference": "urn:uuid:0b1f0c66-4d3c-4d6e-9f35-0c5f6a1b2c3d"},
        "elsewhere": {"reference": "http://elsewhere.example/fhir/Patient/b"},
        "of-this-id-elsewhere": to("http://elsewhere.example/fhir/Patient/a"),
        "of-this-id-elsewhere-versioned": to("http://elsewhere.example/fhir/Patient/a/_history/1"),
        "relative-of-this-id-elsewhere": to("http://elsewhere.example/fhir/RelatedPerson/a-mother"),
        "versioned": {"reference": "Patient/b/_history/1"},
        "relative": to("RelatedPerson/b-mother"),
        "relative-nobody-knows": to("RelatedPerson/unheard-of"),
        "contained": to("#someone"),
        "by-identifier": {"identifier": {"value": "1"}},
        "by-name": {"display": "Family-b"},
        "typed-otherwise": {"type": "Practitioner", "reference": "Patient/b"},
    }
    for id, other in others.items():
        participants = [{"actor": actor, "status": "accepted"} for actor in (to("Patient/a"), other)]
        await server.store(resource("Appointment", id, status="proposed", participant=participants))

    assert {id: await app.status(f"Appointment/{id}") for id in others} == dict.fromkeys(others, 404)


@pytest.mark.item("leak-18")
async def test_who_is_no_patient_or_a_relative_of_this_one_takes_no_appointment_away(server, app):
    actors = {
        "with-doctor": to("Practitioner/b-gp"),
        "with-mother": to("RelatedPerson/a-mother"),
        "with-url-of-this-server": to(f"{BASE}/Patient/a/_history/1"),
        "with-doctor-elsewhere": to("http://elsewhere.example/fhir/Practitioner/b-gp"),
        "with-known-role": {"type": "PractitionerRole", "identifier": {"value": "1"}},
        "with-contained-place": {"type": "Location", "reference": "#room"},
    }
    for id, other in actors.items():
        participants = [{"actor": actor, "status": "accepted"} for actor in (to("Patient/a"), other)]
        await server.store(resource("Appointment", id, status="proposed", participant=participants))

    assert {id: await app.status(f"Appointment/{id}") for id in actors} == dict.fromkeys(actors, 200)
    for id in actors:
        assert (await server.operator().ask("DELETE", f"Appointment/{id}")).status_code == 204


async def test_who_has_the_same_id_on_another_server_is_somebody_else(server, app):
    there = to("http://elsewhere.example/fhir/Patient/a")
    await server.store(
        observation("of-elsewhere", "a", subject=there),
        resource("Provenance", "of-elsewhere", recorded="2026-01-01T00:00:00Z", target=[there]),
        resource("Binary", "of-elsewhere", contentType="text/plain", data="QUFB", securityContext=there),
        resource("Schedule", "of-elsewhere", actor=[there]),
    )

    for type in ("Observation", "Provenance", "Binary", "Schedule"):
        assert await app.status(f"{type}/of-elsewhere") == 404, type
        assert f"{type}/of-elsewhere" not in await app.found(f"{type}?_count=100"), type
        await server.operator().ask("DELETE", f"{type}/of-elsewhere")
    assert await app.found("Observation?subject=http://elsewhere.example/fhir/Patient/a") == set()


@pytest.mark.item("leak-19")
async def test_a_provenance_is_shown_when_all_that_it_is_about_is(server, app):
    assert await app.found("Provenance") == {"Provenance/a-provenance"}
    assert await app.status("Provenance/both") == 404
    assert await app.found("Observation?_id=a-vital&_revinclude=Provenance:target") == {
        "Observation/a-vital",
        "Provenance/a-provenance",
    }
    assert await app.status("AuditEvent?patient=Patient/a") == 403


@pytest.mark.item("leak-20")
async def test_totals_count_what_is_shown_and_pages_are_the_callers(server, app):
    page = (await app.get("Observation?_count=1&_total=accurate")).json()
    link = next(one["url"] for one in page["link"] if one["relation"] == "next")
    history = (await app.get("Observation/_history?_count=1")).json()
    before = next(one["url"] for one in history["link"] if one["relation"] == "next")
    record = (await app.get("Patient/a/$everything?_count=1")).json()
    further = next(one["url"] for one in record["link"] if one["relation"] == "next")

    assert page["total"] == 2
    assert [
        (await app.get(f"Observation?{how}")).json()["total"]
        for how in ("_summary=count", "_count=0", "_total=estimate")
    ] == [2, 2, 2]
    others = [
        server.caller("patient/*.rs", patient="b"), server.caller("patient/*.rs", patient="a", name="other"),
        server.caller("patient/Observation.rs", patient="a"), server.operator(),
    ]  # fmt: skip
    for url in (link, before, further):
        assert await app.status(url) == 200
        refused = [await other.status(url) for other in others]
        assert refused == [403, 403, 403, 403], url


@pytest.mark.item("leak-21")
@pytest.mark.parametrize(
    "scopes",
    [[], ["openid"], ["openid", "profile", "launch/patient", "offline_access"], ["patient/Nothing.rs", "patient/*.rr"],
     ["patient/Observation.read?x=y", "*/*.rs", "PATIENT/*.rs"]],
)  # fmt: skip
async def test_without_a_scope_on_resources_there_is_no_access(server, scopes):
    caller = server.caller(*scopes, patient="a", reach=Everything())
    for path in (
        "", "_history", "Patient", "Patient/a", "Patient/a/_history", "Patient/a/_history/1", "Patient/a/$everything",
        "Observation/$lastn?patient=a&code=x", "Binary/a-file", "$meta", "Patient/a/*", "Patient/a/Observation",
        "http://server.example/api/patients/a/live-data", "http://server.example/api/devices",
    ):  # fmt: skip
        assert await caller.status(path) == 403, path
    assert (await caller.ask("POST", "Observation", observation("x", "a"))).status_code == 403


@pytest.mark.item("access-elements")
@pytest.mark.item("leak-23")
async def test_a_filter_of_a_scope_holds_on_every_way(server):
    app = server.caller(
        "patient/Patient.rs", "patient/DiagnosticReport.rs", f"patient/Observation.rs?{VITALS}", patient="a"
    )
    seen = {"Observation/a-vital"}

    for path in ("Observation", "Observation/_history", "Observation?category:not=x", "Observation?value-quantity:missing=false",
                 "Observation?_type:missing=x", "Patient/a/Observation", "Observation?_id=a-vital,a-lab", "Observation?_elements=id", "Observation?_summary=text"):  # fmt: skip
        if await app.status(path) != 400:
            assert await app.found(path) == seen, path
    assert [await app.status(f"Observation/{id}") for id in ("a-vital", "a-lab")] == [200, 404]
    assert [await app.status(f"Observation/{id}/_history/1") for id in ("a-vital", "a-lab")] == [200, 404]
    assert await app.found("DiagnosticReport?_include=DiagnosticReport:result") == {
        "DiagnosticReport/a-report"
    }
    assert await app.found("Patient?_id=a&_revinclude=Observation:subject") == {"Patient/a", *seen}
    assert await app.found("Patient/a/$everything") == {"Patient/a", "DiagnosticReport/a-report", *seen}
    assert await app.found("Patient?_has:Observation:patient:_id=a-lab") == set()


@pytest.mark.item("leak-23")
async def test_filters_of_one_scope_hold_together_and_scopes_add_up(server):
    both = server.caller(f"patient/Observation.rs?{VITALS}&code=http://loinc.org|718-7", patient="a")
    either = server.caller(
        f"patient/Observation.rs?{VITALS}", "patient/Observation.rs?code=718-7", patient="a"
    )

    assert await both.found("Observation") == set()
    assert await either.found("Observation") == {"Observation/a-vital", "Observation/a-lab"}


@pytest.mark.item("leak-28")
async def test_what_a_resource_contains_opens_no_record(server, app):
    inside = [resource("Patient", "p", identifier=[{"value": "1"}])]
    await server.store(
        observation("contained", "a", contained=inside, subject=to("#p"), implicitRules="urn:secret-of-b")
    )

    assert await app.status("Observation/contained") == 404
    assert await app.status("Observation?_contained=true") == 400
    assert await app.found("Observation") == {"Observation/a-vital", "Observation/a-lab"}


@pytest.mark.item("leak-30")
async def test_conditions_and_deletions_tell_nothing_of_what_is_hidden(server, app):
    for headers in (
        {"If_None_Match": 'W/"1"'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
    ):
        assert (await app.get("Observation/b-vital", **headers)).status_code == 404
        assert (await app.get("Observation/a-vital", **headers)).status_code == 304
    assert (await app.ask("HEAD", "Observation/b-vital")).status_code == 404


async def test_users_see_the_records_of_their_reach(server):
    of_both = server.caller("user/Observation.rs", "user/Patient.rs", reach=Patients(frozenset("ab")))
    gp = server.caller("user/*.rs", reach=CareOf("a-gp"))
    clinic = server.caller("user/*.rs", reach=CareOf("nobody", frozenset({"b-org"})))
    all_of_us = server.caller("user/Observation.rs", reach=Everything())

    assert await of_both.found("Patient") == {"Patient/a", "Patient/b"}
    assert await gp.found("Patient") == {"Patient/a"}
    assert await gp.found("Observation") == {"Observation/a-vital", "Observation/a-lab"}
    assert await gp.found("Appointment") == {"Appointment/a-appointment"}
    assert await gp.found("Binary") == {"Binary/a-file", "Binary/a-secured"}
    assert await gp.found("Practitioner?_id=a-gp,b-gp") == {"Practitioner/a-gp", "Practitioner/b-gp"}
    assert await clinic.found("Patient") == {"Patient/b"}
    assert await clinic.status("Observation/a-vital") == 404
    assert {"Observation/a-vital", "Observation/b-vital"} <= await all_of_us.found("Observation")
    assert await server.caller("user/Observation.rs").status("Observation") == 403


async def test_a_member_of_an_active_care_team_reaches_its_patient(server):
    team = resource(
        "CareTeam",
        "team",
        status="active",
        subject=to("Patient/b"),
        participant=[{"member": to("Practitioner/surgeon")}],
    )
    past = team | {"id": "past", "status": "inactive", "subject": to("Patient/a")}
    await server.store(team, past)

    assert await server.caller("user/Patient.rs", reach=CareOf("surgeon")).found("Patient") == {"Patient/b"}


async def test_an_app_for_one_patient_sees_them_as_long_as_its_practitioner_does(server):
    await server.store(resource("Patient", "moving", generalPractitioner=[to("Practitioner/a-gp")]))
    await server.store(observation("moving-vital", "moving"))
    app, other = (
        server.caller("patient/*.cruds", patient="moving", reach=CareOf(one)) for one in ("a-gp", "b-gp")
    )
    ways = (
        "Patient/moving",
        "Observation/moving-vital",
        "Patient/moving/_history",
        "Observation/moving-vital/_history/1",
    )
    assert [await app.status(way) for way in ways] == [200] * 4
    assert await app.found("?_type=Patient,Observation") == {"Patient/moving", "Observation/moving-vital"}
    assert [await other.status(way) for way in ways] == [404] * 4

    await server.operator().ask("PUT", "Patient/moving", resource("Patient", "moving"))

    assert [await app.status(way) for way in ways] == [404] * 4
    assert await app.found("?_type=Patient,Observation") == set()
    member = [{"member": to("Practitioner/a-gp")}]
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": to("Patient/moving"),
        "participant": member,
    }
    for tree in (team, new(observation("x", "moving"))):
        assert (await app.ask("POST", tree["resourceType"], tree)).status_code == 403
    for id in ("Observation/moving-vital", "Patient/moving"):
        await server.operator().ask("DELETE", id)


async def test_many_callers_at_once_are_told_apart(server):
    callers = {id: server.caller("patient/Patient.rs", patient=id) for id in ("a", "b")}
    found = await asyncio.gather(*(callers[id].found("Patient") for id in "ab" * 10))

    assert found == [{f"Patient/{id}"} for id in "ab" * 10]


@pytest.mark.item("access-read")
@pytest.mark.item("leak-8")
async def test_a_version_from_when_it_was_somebody_elses_is_not_shown(server):
    operator = server.operator()
    for patient in ("b", "a", "b", "a"):
        rules = {} if patient == "a" else {"implicitRules": "urn:secret-of-b"}
        await operator.ask("PUT", "Observation/moved", observation("moved", patient, **rules))
    app = server.caller("patient/Observation.rs", patient="a")

    assert [await app.status(f"Observation/moved/_history/{n}") for n in (1, 2, 3, 4)] == [404, 200, 404, 200]
    history = (await app.get("Observation/moved/_history")).json()
    assert [one["resource"]["meta"]["versionId"] for one in history["entry"]] == ["4", "2"]
    await operator.ask("PUT", "Observation/moved", observation("moved", "b", implicitRules="urn:secret-of-b"))
    assert await app.status("Observation/moved/_history/4") == 404
    assert await app.status("Observation/moved/_history") == 404
    assert "Observation/moved" not in await app.found("_history")
    await operator.ask("DELETE", "Observation/moved")


@pytest.mark.item("leak-8")
async def test_a_deletion_is_shown_to_those_who_might_see_what_was_deleted(server):
    operator, app = server.operator(), server.caller("patient/Observation.rs", patient="a")
    for patient in ("a", "b"):
        await operator.ask("PUT", f"Observation/{patient}-gone", observation(f"{patient}-gone", patient))
        await operator.ask("DELETE", f"Observation/{patient}-gone")

    assert await app.status("Observation/a-gone") == 410
    assert await app.status("Observation/b-gone") == 404
    assert len((await app.get("Observation/a-gone/_history")).json()["entry"]) == 2
    assert await app.status("Observation/b-gone/_history") == 404
    gone = [one["request"]["url"] for one in (await app.get("Observation/_history")).json()["entry"]]
    assert gone.count("Observation/a-gone") == 2
    assert "Observation/b-gone" not in gone


@pytest.mark.item("leak-20")
async def test_no_page_of_a_history_hints_at_deletions_that_are_hidden(server):
    operator, app = server.operator(), server.caller("patient/Observation.rs", patient="a")
    ids = [f"b-hidden-{number}" for number in range(60)]
    await server.store(*(observation(id, "b") for id in ids))
    entries = [{"request": {"method": "DELETE", "url": f"Observation/{id}"}} for id in ids]
    await operator.ask("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})

    for path in ("Observation/_history", "_history"):
        page = (await app.get(f"{path}?_count=1")).json()
        assert len(page["entry"]) == 1
