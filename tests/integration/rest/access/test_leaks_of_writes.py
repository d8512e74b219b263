"""What a caller writes stays in their reach, before and after, and tells them nothing that they may not read."""

import pytest

from smart_auth.principal import CareOf, Everything, Patients
from tests.integration.rest.access.world import BASE, CATEGORY, coded, new, observation, resource, to

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("leaks-of-writes")]

VITALS = f"category={CATEGORY}|vital-signs"
READING = "0198c2e4-9a2b-8abc-9def-0123456789ab"


def bundle(kind: str, *entries: tuple[str, str, dict | None]) -> dict:
    asked = [
        {"request": {"method": method, "url": url}} | ({"resource": tree} if tree else {})
        for method, url, tree in entries
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": asked}


@pytest.fixture
def app(server):
    """An app that may do everything with the record of Patient/a."""
    return server.caller("patient/*.cruds", patient="a")


@pytest.fixture
async def mine(server, request):
    """The id of a new Observation of Patient/a."""
    await server.store(observation(f"a-{request.node.name[:50].strip('_').replace('_', '-')}", "a"))
    return f"a-{request.node.name[:50].strip('_').replace('_', '-')}"


@pytest.mark.item("access-create")
async def test_a_new_resource_is_in_the_record_or_it_is_not_stored(server, app):
    inside = await app.ask("POST", "Observation", new(observation("x", "a")))
    outside = await app.ask(
        "POST", "Observation", new(observation("x", "b", identifier=[{"value": "outside"}]))
    )
    nobodys = await app.ask("POST", "Observation", new(observation("x", "a", subject=to("Location/1"))))
    there = to("http://elsewhere.example/fhir/Patient/a")
    elsewhere = await app.ask("POST", "Observation", new(observation("x", "a", subject=there)))

    assert (inside.status_code, outside.status_code, nobodys.status_code) == (201, 403, 403)
    assert elsewhere.status_code == 403
    assert outside.json()["issue"][0]["expression"] == ["Observation"]
    assert await server.operator().found("Observation?identifier=outside") == set()
    assert (await app.ask("POST", "Patient", {"resourceType": "Patient"})).status_code == 403
    assert (await app.ask("POST", "Practitioner", {"resourceType": "Practitioner"})).status_code == 403


@pytest.mark.item("access-create")
async def test_nothing_is_written_about_a_patient_who_was_deleted(server):
    appointment = resource(
        "Appointment",
        "gone-1",
        status="proposed",
        participant=[{"actor": to("Patient/gone"), "status": "accepted"}],
    )
    await server.store(resource("Patient", "gone"), observation("gone-1", "gone"), appointment)
    assert (await server.operator().ask("DELETE", "Patient/gone")).status_code == 204
    both = Patients(frozenset({"gone", "a"}))
    for app in (
        server.caller("patient/*.cruds", patient="gone"),
        server.caller("user/*.cruds", reach=both),
    ):
        written = [
            await app.ask("POST", "Observation", new(observation("x", "gone"))),
            await app.ask("PUT", "Observation/gone-1", observation("gone-1", "gone")),
            await app.ask("POST", "Appointment", new(appointment)),
            await app.ask("PUT", "Patient/gone", resource("Patient", "gone")),
        ]
        assert {answer.status_code for answer in written} <= {403, 404}
        await app.ask("DELETE", "Observation/gone-1")
        assert await app.status("Observation/gone-1") == 200
    told = await server.caller("user/*.cruds", reach=both).ask(
        "POST", "Observation", new(observation("x", "a"))
    )
    assert told.status_code == 201


@pytest.mark.item("access-create")
async def test_a_new_resource_meets_the_filter_of_the_scope(server):
    app = server.caller(f"patient/Observation.c?{VITALS}", patient="a")

    assert (await app.ask("POST", "Observation", new(observation("x", "a")))).status_code == 201
    assert (await app.ask("POST", "Observation", new(observation("x", "a", "laboratory")))).status_code == 403
    assert (await app.ask("POST", "Observation", new(observation("x", "a", category=[])))).status_code in (
        400,
        403,
    )


@pytest.mark.item("access-create")
async def test_a_conditional_create_needs_the_search_and_finds_what_it_shows(server, app):
    await server.store(
        observation("b-taken", "b", identifier=[{"value": "taken"}], implicitRules="urn:secret-of-b")
    )
    tree = new(observation("x", "a", identifier=[{"value": "taken"}]))
    blind = server.caller("patient/Observation.c", patient="a")

    assert (await blind.ask("POST", "Observation", tree, If_None_Exist="identifier=taken")).status_code == 403
    made = await app.ask("POST", "Observation", tree, If_None_Exist="identifier=taken")
    again = await app.ask("POST", "Observation", tree, If_None_Exist="identifier=taken")
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == made.json()["id"]


@pytest.mark.item("access-update")
async def test_nothing_is_moved_out_of_a_record_or_into_it(server, app, mine):
    out = await app.ask("PUT", f"Observation/{mine}", observation(mine, "b"))
    into = await app.ask("PUT", "Observation/b-vital", observation("b-vital", "a"))
    patched = await app.ask(
        "PATCH", f"Observation/{mine}", [{"op": "replace", "path": "/subject/reference", "value": "Patient/b"}],
        Content_Type="application/json-patch+json",
    )  # fmt: skip

    assert (out.status_code, into.status_code, patched.status_code) == (403, 403, 403)
    assert (
        await app.ask("PUT", f"Observation/{mine}", observation(mine, "a", "laboratory"))
    ).status_code == 200
    kept = (await server.operator().get("Observation/b-vital")).json()
    assert (kept["subject"]["reference"], kept["meta"]["versionId"]) == ("Patient/b", "1")


@pytest.mark.item("access-update")
async def test_an_update_stays_within_the_filter(server, mine):
    app = server.caller("patient/Observation.r", f"patient/Observation.u?{VITALS}", patient="a")

    assert (
        await app.ask("PUT", f"Observation/{mine}", observation(mine, "a", "laboratory"))
    ).status_code == 403
    assert (await app.ask("PUT", "Observation/a-lab", observation("a-lab", "a"))).status_code == 403
    assert (await app.ask("PUT", f"Observation/{mine}", observation(mine, "a"))).status_code == 200


@pytest.mark.item("leak-30")
async def test_an_id_that_is_taken_looks_like_one_that_is_free(server, app):
    user = server.caller("user/*.cruds", reach=Everything())
    answers = [
        await app.ask("PUT", f"Observation/{id}", observation(id, "a"), **headers)
        for headers in ({}, {"If_Match": 'W/"1"'}, {"If_None_Match": "*"})
        for id in ("b-vital", "free", "a-free")
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1
    assert (await user.ask("PUT", "Observation/free", observation("free", "a"))).status_code == 403
    assert (
        await server.operator().ask("PUT", "Observation/a-free", observation("a-free", "a"))
    ).status_code == 201


@pytest.mark.item("leak-15")
async def test_a_conditional_update_overwrites_nothing_that_its_condition_does_not_find(server, app):
    taken = await app.ask("PUT", "Observation?identifier=unheard-of", observation("b-vital", "a"))
    free = await app.ask("PUT", "Observation?identifier=unheard-of", observation("n-vital", "a"))
    found = await app.ask("PUT", "Observation?_id=b-vital", new(observation("x", "b")))
    by_system = await server.caller("system/*.cruds").ask(
        "PUT", "Observation?identifier=unheard-of", observation("b-vital", "a")
    )

    assert (taken.status_code, free.status_code, found.status_code, by_system.status_code) == (
        403,
        403,
        403,
        412,
    )
    assert taken.text == free.text
    assert (await server.operator().get("Observation/b-vital")).json()["meta"]["versionId"] == "1"


@pytest.mark.item("access-delete")
async def test_what_is_hidden_is_deleted_no_more_than_what_is_absent(server, app, mine):
    one, other = [await app.ask("DELETE", f"Observation/{id}") for id in ("b-vital", "n-vital")]
    matched = await app.ask("DELETE", "Observation?_id=b-vital")
    demanded = [
        await app.ask("DELETE", f"Observation/{id}", If_Match='W/"1"') for id in ("b-vital", "n-vital")
    ]

    assert (one.status_code, one.text, dict(one.headers).get("etag")) == (other.status_code, other.text, None)
    assert matched.status_code == 204
    assert demanded[0].text == demanded[1].text
    assert await server.operator().status("Observation/b-vital") == 200
    assert (await app.ask("DELETE", f"Observation/{mine}")).status_code == 204
    assert await app.status(f"Observation/{mine}") == 410
    assert (
        await server.caller("patient/*.crus", patient="a").ask("DELETE", "Observation/a-lab")
    ).status_code == 403


@pytest.mark.item("leak-22")
async def test_to_write_is_not_to_read(server, mine):
    app = server.caller("patient/Observation.cu", patient="a")
    made = await app.ask("POST", "Observation", new(observation("x", "a")), Prefer="return=representation")
    put = await app.ask("PUT", f"Observation/{mine}", observation(mine, "a"), Prefer="return=representation")
    stale = await app.ask("PUT", f"Observation/{mine}", observation(mine, "a"), If_Match='W/"1"')
    patch = [{"op": "test", "path": "/status", "value": "final"}]
    asked = await app.ask("PATCH", f"Observation/{mine}", patch, Content_Type="application/json-patch+json")
    labels = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}],
    }

    assert (made.status_code, made.content, put.status_code, put.content) == (201, b"", 200, b"")
    assert stale.status_code == 412
    assert 'W/"2"' not in stale.text
    assert asked.status_code == 403
    assert (await app.ask("POST", f"Observation/{mine}/$meta-add", labels)).status_code == 403
    assert await app.status(f"Observation/{mine}") == 403
    both = await server.caller("patient/Observation.cru", patient="a").ask(
        "POST", "Observation", new(observation("x", "a"))
    )
    assert both.json()["resourceType"] == "Observation"


@pytest.mark.item("leak-22")
async def test_what_a_filter_hides_is_written_without_being_told(server):
    app = server.caller("patient/Observation.cu", f"patient/Observation.r?{VITALS}", patient="a")
    answers = [
        await app.ask(
            "POST", "Observation", new(observation("x", "a", category)), Prefer="return=representation"
        )
        for category in ("vital-signs", "laboratory")
    ]
    entries = [
        ("POST", "Observation", new(observation("x", "a", category)))
        for category in ("vital-signs", "laboratory")
    ]
    told = (await app.ask("POST", "", bundle("transaction", *entries), Prefer="return=representation")).json()

    assert [bool(answer.content) for answer in answers] == [True, False]
    assert ["resource" in entry for entry in told["entry"]] == [True, False]
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    hidden = await app.ask("PATCH", "Observation/a-lab", patch, Content_Type="application/json-patch+json")
    assert hidden.status_code == 404


@pytest.mark.item("access-batch")
async def test_one_denied_entry_fails_a_transaction_and_stands_alone_in_a_batch(server, app):
    entries = [
        ("POST", "Observation", new(observation("x", "a", identifier=[{"value": "first"}]))),
        ("POST", "Observation", new(observation("x", "b", identifier=[{"value": "second"}]))),
        ("PUT", "Observation/b-vital", observation("b-vital", "a")),
        ("DELETE", "Group/both", None),
        ("GET", "Observation/b-vital", None),
    ]
    together = await app.ask("POST", "", bundle("transaction", *entries[:2]))
    alone = (await app.ask("POST", "", bundle("batch", *entries))).json()
    read = await app.ask("POST", "", bundle("transaction", entries[0], entries[4]))

    assert together.status_code == 403
    assert together.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource"]
    assert read.status_code == 404
    assert [entry["response"]["status"] for entry in alone["entry"]] == ["201", "403", "403", "403", "404"]
    assert len(await server.operator().found("Observation?identifier=first,second")) == 1


@pytest.mark.item("access-batch")
async def test_a_conditional_reference_needs_the_search_and_finds_what_it_shows(server, app):
    def referring(query: str) -> dict:
        return bundle(
            "transaction",
            ("POST", "Observation", new(observation("x", "a", hasMember=[to(f"Observation?{query}")]))),
        )

    assert (await app.ask("POST", "", referring("_id=a-lab"))).status_code == 200
    hidden, absent = [await app.ask("POST", "", referring(f"_id={id}")) for id in ("b-lab", "n-lab")]
    assert (hidden.status_code, hidden.text.replace("b-lab", "n-lab")) == (absent.status_code, absent.text)
    blind = server.caller("patient/Observation.c", patient="a")
    assert (await blind.ask("POST", "", referring("_id=a-lab"))).status_code == 403


async def test_a_reference_opens_nothing_that_was_not_open(server, app):
    by_name = [
        {"performer": [to("Practitioner/b-gp")]}, {"performer": [to("Practitioner/nobody")]}, {"device": to("Device/b-device")},
    ]  # fmt: skip
    for elements in by_name:
        answer = await app.ask("POST", "Observation", new(observation("x", "a", **elements)))
        assert answer.status_code == 403, elements
    document = new(resource("DocumentReference", "x", status="current", subject=to("Patient/a")))
    for file in ("b-file", "nobodys", "n-file"):
        content = [{"attachment": {"url": f"Binary/{file}"}}]
        assert (
            await app.ask("POST", "DocumentReference", document | {"content": content})
        ).status_code == 403, file
        assert (
            await app.ask(
                "POST", "", bundle("batch", ("POST", "DocumentReference", document | {"content": content}))
            )
        ).json()["entry"][0]["response"]["status"] == "403"
        assert await app.status(f"Binary/{file}") == 404
    known = await app.ask(
        "POST", "Observation", new(observation("x", "a", performer=[to("Practitioner/a-gp")]))
    )
    assert known.status_code == 201


@pytest.mark.item("access-binary")
@pytest.mark.parametrize(
    ("file", "named"),
    [("taken-1", "Binary/{}"), ("taken-2", "Binary/{}/_history/1"), ("taken-3", BASE + "/Binary/{}")],
)
async def test_no_name_brings_back_a_file_that_was_taken_out_of_a_record(server, app, file, named):
    def filed(id, patient):
        about = to(f"Patient/{patient}")
        content = [{"attachment": {"url": named.format(file)}}]
        return resource("DocumentReference", id, status="current", subject=about, content=content)

    await server.store(
        resource("Binary", file, contentType="text/plain", data="QUFB"), filed(f"m-{file}", "a")
    )
    copy = await app.ask("POST", "DocumentReference", new(filed("x", "a")))
    assert copy.status_code == 201  # as long as the record has it
    kept = copy.json()
    assert (await app.ask("PUT", f"DocumentReference/{kept['id']}", kept)).status_code == 200
    for id in (f"m-{file}", kept["id"]):
        await server.operator().ask("PUT", f"DocumentReference/{id}", filed(id, "b"))
    assert await app.status(f"Binary/{file}") == 404

    assert (await app.ask("POST", "DocumentReference", new(filed("x", "a")))).status_code == 403
    assert await app.status(f"Binary/{file}") == 404
    for id in (f"DocumentReference/m-{file}", f"DocumentReference/{kept['id']}", f"Binary/{file}"):
        await server.operator().ask("DELETE", id)


@pytest.mark.item("access-binary")
async def test_a_practitioners_app_for_one_patient_opens_no_other_file(server):
    app = server.caller("patient/*.cruds", "user/Patient.rs", patient="a", reach=Everything())
    content = [{"attachment": {"url": "Binary/b-file"}}]
    document = resource("DocumentReference", "x", status="current", subject=to("Patient/a"), content=content)
    assert (await app.ask("POST", "DocumentReference", new(document))).status_code == 403
    assert await app.status("Binary/b-file") == 404


@pytest.mark.item("access-binary")
async def test_a_document_is_written_with_its_file(server, app):
    file = resource("Binary", "x", contentType="text/plain", data="QUFB", securityContext=to("Patient/a"))
    made = await app.ask("POST", "Binary", new(file))
    open_ = await app.ask("POST", "Binary", new(file) | {"securityContext": to("Patient/b")})
    none = await app.ask(
        "POST", "Binary", {name: value for name, value in new(file).items() if name != "securityContext"}
    )
    document = {"resourceType": "DocumentReference", "status": "current", "subject": to("Patient/a")}
    named = document | {"content": [{"attachment": {"url": f"Binary/{made.json()['id']}"}}]}

    assert (made.status_code, open_.status_code, none.status_code) == (201, 403, 403)
    assert (await app.ask("POST", "DocumentReference", named)).status_code == 201
    assert (await app.get(f"Binary/{made.json()['id']}", Accept="*/*")).content == b"AAA"
    assert await server.caller("patient/*.rs", patient="b").status(f"Binary/{made.json()['id']}") == 404


async def test_practitioners_write_for_the_patients_in_their_care(server):
    gp = server.caller("user/*.cruds", reach=CareOf("a-gp"))
    tree = new(observation("x", "a", performer=[to("Practitioner/a-gp"), to("Practitioner/b-gp")]))

    assert (await gp.ask("POST", "Observation", tree)).status_code == 201
    assert (await gp.ask("POST", "Observation", new(observation("x", "b")))).status_code == 403
    assert (await gp.ask("PUT", "Patient/b", resource("Patient", "b"))).status_code == 403


async def test_a_practitioner_puts_no_strangers_into_their_own_care(server):
    gp = server.caller("user/*.cruds", reach=CareOf("a-gp"))
    member = [{"member": to("Practitioner/a-gp")}]
    teams = [
        {"resourceType": "CareTeam", "status": "active", "subject": to(f"Patient/{p}"), "participant": member}
        for p in "ab"
    ]
    made = [await gp.ask("POST", "CareTeam", team) for team in teams]
    moved = await gp.ask("PUT", f"CareTeam/{made[0].json()['id']}", teams[1] | {"id": made[0].json()["id"]})
    together = await gp.ask(
        "POST",
        "",
        bundle(
            "transaction", ("POST", "CareTeam", teams[1]), ("POST", "Observation", new(observation("x", "b")))
        ),
    )

    assert [answer.status_code for answer in (*made, moved, together)] == [201, 403, 403, 403]
    assert await gp.found("Patient") == {"Patient/a"}
    newborn = {"resourceType": "Patient", "generalPractitioner": [to("Practitioner/a-gp")]}
    assert (await gp.ask("POST", "Patient", newborn)).status_code == 201


async def test_what_devices_measured_is_changed_by_no_scope(server):
    await server.store(observation(READING, "a", identifier=[{"value": "reading"}]))
    user = server.caller("user/*.cruds", reach=Everything())
    system = server.caller("system/*.cruds")
    patch = [{"op": "replace", "path": "/status", "value": "amended"}]
    changed = observation(READING, "a", status="entered-in-error")

    for caller in (user, system):
        refused = [
            await caller.ask("PUT", f"Observation/{READING}", changed),
            await caller.ask(
                "PATCH", f"Observation/{READING}", patch, Content_Type="application/json-patch+json"
            ),
            await caller.ask("DELETE", f"Observation/{READING}"),
            await caller.ask("PUT", "Observation?identifier=reading", new(changed)),
            await caller.ask("DELETE", "Observation?identifier=reading"),
            await caller.ask("POST", "", bundle("transaction", ("DELETE", f"Observation/{READING}", None))),
            await caller.ask(
                "POST", "", bundle("transaction", ("PUT", "Observation?identifier=reading", new(changed)))
            ),
            await caller.ask("PUT", f"Observation/{READING[:-1]}0", observation(f"{READING[:-1]}0", "a")),
        ]
        assert {answer.status_code for answer in refused} == {403}
        assert (await caller.get(f"Observation/{READING}")).json()["meta"]["versionId"] == "1"
    assert (await server.operator().ask("PUT", f"Observation/{READING}", changed)).status_code == 200
    assert (await server.operator().ask("DELETE", f"Observation/{READING}")).status_code == 204


async def test_labels_are_changed_on_what_is_the_callers(server, app, mine):
    labels = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}],
    }
    tagged = server.caller("patient/Observation.ru?_tag=seen", patient="a")
    await server.store(observation("a-tagged", "a", meta={"tag": [{"code": "seen"}]}))
    taken = {
        "resourceType": "Parameters",
        "parameter": [{"name": "meta", "valueMeta": {"tag": [{"code": "seen"}]}}],
    }

    assert (await app.ask("POST", f"Observation/{mine}/$meta-add", labels)).status_code == 200
    hidden, absent = [
        await app.ask("POST", f"Observation/{id}/$meta-add", labels) for id in ("b-vital", "n-vital")
    ]
    assert (hidden.status_code, hidden.text.replace("b-v", "n-v")) == (404, absent.text)
    assert (await tagged.ask("POST", "Observation/a-tagged/$meta-delete", taken)).status_code == 403
    assert (await app.get("Observation?_tag=seen")).json()["entry"][0]["resource"]["id"] == "a-tagged"


@pytest.mark.item("access-operations")
async def test_validation_tells_nothing_of_what_is_there(server, app):
    for mode, tree in (("delete", None), ("update", observation("{}", "a")), ("profile", None)):
        answers = []
        for id in ("b-vital", "n-vital"):
            parameters = [{"name": "mode", "valueCode": mode}]
            if tree:
                parameters.append({"name": "resource", "resource": tree | {"id": id}})
            if mode == "profile":
                parameters.append(
                    {"name": "profile", "valueUri": "http://hl7.org/fhir/StructureDefinition/Observation"}
                )
            asked = {"resourceType": "Parameters", "parameter": parameters}
            answer = await app.ask("POST", f"Observation/{id}/$validate", asked, If_Match='W/"1"')
            answers.append((answer.status_code, answer.text.replace("b-vital", "n-vital")))
        assert answers[0] == answers[1], mode


async def test_patients_with_a_filter_on_a_code_get_it_across_a_set_of_codings(server):
    app = server.caller("patient/Observation.crus?code=http://loinc.org|85354-9", patient="a")
    panel = observation("x", "a", code={"coding": [*coded("85354-9")["coding"], *coded("8867-4")["coding"]]})

    made = await app.ask("POST", "Observation", new(panel))
    assert made.status_code == 201
    assert await app.found("Observation") == {f"Observation/{made.json()['id']}"}
    assert await app.status(f"Observation/{made.json()['id']}/_history/1") == 200
