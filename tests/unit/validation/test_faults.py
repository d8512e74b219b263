"""What is refused and where it is named, one fault a row."""

import json
from typing import Any

import pytest

from fhir_server.errors import InvalidResource
from fhir_server.validation.structure import check

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def observation(**elements: object) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "SpO2"}, **elements}


def patient(**elements: object) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def bundle(type: str, *entries: object) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def issues(resource: dict[str, Any]) -> list[tuple[str, str | None]]:
    try:
        check(resource["resourceType"], json.dumps(resource).encode())
    except InvalidResource as refused:
        return [(issue.code, issue.expression) for issue in refused.issues]
    return []


FAULTS = [
    # JSON kinds
    (observation(valueInteger=5.0), "value", "Observation.value.ofType(integer)"),
    (observation(valueInteger="5"), "structure", "Observation.value.ofType(integer)"),
    (observation(valueInteger=True), "structure", "Observation.value.ofType(integer)"),
    (observation(valueInteger=2**31), "value", "Observation.value.ofType(integer)"),
    (observation(valueBoolean="true"), "structure", "Observation.value.ofType(boolean)"),
    (observation(valueQuantity={"value": "97"}), "structure", "Observation.value.ofType(Quantity).value"),
    (observation(category={"text": "x"}), "structure", "Observation.category"),
    (observation(code=[{"text": "x"}]), "structure", "Observation.code"),
    (observation(issued=None), "structure", "Observation.issued"),
    (observation(subject="Patient/1"), "structure", "Observation.subject"),
    # cardinality and names
    ({"resourceType": "Observation", "status": "final"}, "required", "Observation.code"),
    (observation(extension=[{"valueString": "x"}]), "required", "Observation.extension[0].url"),
    (observation(bogus=1), "structure", "Observation.bogus"),
    (observation(_valueQuantity={"id": "a"}), "structure", "Observation._valueQuantity"),
    (observation(valueString="a", valueInteger=1), "structure", "Observation.value"),
    (observation(valueString="a", _valueInteger={"id": "a"}), "structure", "Observation.value"),
    # nothing where something must be
    (observation(category=[]), "structure", "Observation.category"),
    (observation(category=[{}]), "structure", "Observation.category[0]"),
    (observation(category=[None]), "structure", "Observation.category[0]"),
    (observation(method={"id": "only"}), "invariant", "Observation.method"),
    # codes of required bindings
    (observation(status="bogus"), "code-invalid", "Observation.status"),
    (patient(gender="Male"), "code-invalid", "Patient.gender"),
    (
        {
            "resourceType": "Condition",
            "subject": {"reference": "Patient/1"},
            "clinicalStatus": {"coding": [{"system": "http://example.org", "code": "active"}]},
        },
        "code-invalid",
        "Condition.clinicalStatus",
    ),
    (
        {"resourceType": "Invoice", "status": "draft", "totalNet": {"value": 1, "currency": "ZZZ"}},
        "code-invalid",
        "Invoice.totalNet.currency",
    ),
    ({"resourceType": "Binary", "contentType": "foo"}, "code-invalid", "Binary.contentType"),
    # grammar of primitives
    (observation(effectiveDateTime="2024-02-30"), "value", "Observation.effective.ofType(dateTime)"),
    (observation(effectiveDateTime="1900-02-29"), "value", "Observation.effective.ofType(dateTime)"),
    (observation(effectiveDateTime="2024-02-20T10:00:00"), "value", "Observation.effective.ofType(dateTime)"),
    (
        observation(effectiveDateTime="2024-02-20T24:00:00Z"),
        "value",
        "Observation.effective.ofType(dateTime)",
    ),
    (observation(issued="2024-02-20"), "value", "Observation.issued"),
    (patient(birthDate="0000-01-01"), "value", "Patient.birthDate"),
    (observation(id="a_b"), "value", "Observation.id"),
    (observation(id="a" * 65), "value", "Observation.id"),
    (observation(implicitRules="a b"), "value", "Observation.implicitRules"),
    (observation(code={"text": "a\u0001b"}), "value", "Observation.code.text"),
    ({"resourceType": "Binary", "contentType": "text/plain", "data": "AAA"}, "value", "Binary.data"),
    ({"resourceType": "Binary", "contentType": "text/plain", "data": "A*AA"}, "value", "Binary.data"),
    (observation(code={"coding": [{"code": " padded "}]}), "value", "Observation.code.coding[0].code"),
    # references
    (observation(subject={"reference": "Unknown/1"}), "value", "Observation.subject.reference"),
    (observation(subject={"reference": "Patient/"}), "value", "Observation.subject.reference"),
    (observation(subject={"reference": "Patient/a b"}), "value", "Observation.subject.reference"),
    (observation(subject={"reference": "#nowhere"}), "invariant", "Observation.subject.reference"),
    (observation(subject={"reference": "Patient/1", "type": "Group"}), "value", "Observation.subject.type"),
    (observation(subject={"display": "x", "type": "Organization"}), "value", "Observation.subject.type"),
    (
        observation(
            contained=[{"resourceType": "Organization", "id": "o", "name": "x"}], subject={"reference": "#o"}
        ),
        "value",
        "Observation.subject.reference",
    ),
    # primitives with extensions
    (patient(name=[{"given": ["A", None]}]), "structure", "Patient.name[0].given[1]"),
    (patient(name=[{"given": ["A"], "_given": [None, {"id": "a"}]}]), "structure", "Patient.name[0].given"),
    (patient(birthDate="2024", _birthDate={}), "structure", "Patient.birthDate"),
    (patient(birthDate="2024", _birthDate={"bogus": 1}), "structure", "Patient.birthDate.bogus"),
    (patient(_birthDate={"id": "a"}), "invariant", "Patient.birthDate"),
    # extensions and ids of elements
    (observation(extension=[{"url": "http://example.org/e"}]), "invariant", "Observation.extension[0]"),
    (observation(extension=[{"url": "e", "valueString": "x"}]), "value", "Observation.extension[0].url"),
    (
        observation(method={"id": "a", "text": "m"}, bodySite={"id": "a", "text": "b"}),
        "invariant",
        "Observation.bodySite.id",
    ),
    # contained resources
    (
        observation(
            contained=[{"resourceType": "Patient", "id": "p", "gender": "x"}], subject={"reference": "#p"}
        ),
        "code-invalid",
        "Observation.contained[0].gender",
    ),
    (observation(contained=[patient(id="p", active=True)]), "invariant", "Observation.contained[0]"),
    (
        observation(contained=[patient(id="p", meta={"versionId": "1"})], subject={"reference": "#p"}),
        "invariant",
        "Observation.contained[0].meta.versionId",
    ),
    (observation(contained=[{"resourceType": "Bogus"}]), "value", "Observation.contained[0].resourceType"),
    # bundles and parameters
    (
        bundle("collection", {"resource": patient(gender="x")}),
        "code-invalid",
        "Bundle.entry[0].resource.gender",
    ),
    (bundle("transaction", {"resource": patient(active=True)}), "invariant", "Bundle.entry[0].request"),
    (bundle("message", {"resource": patient(active=True)}), "invariant", "Bundle.entry[0].resource"),
    (
        {"resourceType": "Parameters", "parameter": [{"name": "a", "part": [{"name": "b", "resource": {}}]}]},
        "required",
        "Parameters.parameter[0].part[0].resource.resourceType",
    ),
    # invariants
    (
        observation(valueString="a", dataAbsentReason={"text": "x"}),
        "invariant",
        "Observation",
    ),
    (
        observation(
            code={"coding": [{"code": "a"}]},
            valueString="a",
            component=[{"code": {"coding": [{"code": "a"}]}}],
        ),
        "invariant",
        "Observation.component[0].code",
    ),
    (observation(valueQuantity={"code": "%"}), "invariant", "Observation.value.ofType(Quantity)"),
    (
        observation(referenceRange=[{"appliesTo": [{"text": "x"}]}]),
        "invariant",
        "Observation.referenceRange[0]",
    ),
    (
        observation(referenceRange=[{"low": {"value": 1, "comparator": "<"}}]),
        "structure",
        "Observation.referenceRange[0].low.comparator",
    ),
    (
        observation(effectivePeriod={"start": "2024-01-02", "end": "2024-01-01"}),
        "invariant",
        "Observation.effective.ofType(Period)",
    ),
    (
        observation(
            effectivePeriod={"start": "2024-01-01T10:00:00.001Z", "end": "2024-01-01T11:00:00+01:00"}
        ),
        "invariant",
        "Observation.effective.ofType(Period)",
    ),
    (
        observation(valueRange={"low": {"value": 2.5}, "high": {"value": 2.25}}),
        "invariant",
        "Observation.value.ofType(Range)",
    ),
    *(
        (
            observation(
                valueSampledData={"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": text}
            ),
            "invariant",
            "Observation.value.ofType(SampledData).data",
        )
        for text in ("1 x", "NaN", "Infinity", "1e999", "1_0", "1 \u0663", "1,5", " ")
    ),
    (
        patient(text={"status": "generated", "div": "<div>no namespace</div>"}),
        "invariant",
        "Patient.text.div",
    ),
    (patient(text={"status": "generated", "div": DIV.format("<script/>")}), "invariant", "Patient.text.div"),
    (patient(text={"status": "generated", "div": DIV.format("<p>open")}), "invariant", "Patient.text.div"),
    (patient(text={"status": "generated", "div": DIV.format("a&nbsp;b")}), "invariant", "Patient.text.div"),
    (
        patient(text={"status": "generated", "div": DIV.format('<p onclick="x"/>')}),
        "invariant",
        "Patient.text.div",
    ),
    ({"resourceType": "Organization", "active": True}, "invariant", "Organization"),
    (
        {"resourceType": "Organization", "name": "x", "telecom": [{"use": "home"}]},
        "invariant",
        "Organization.telecom[0].use",
    ),
]


@pytest.mark.parametrize(("resource", "code", "expression"), FAULTS)
def test_a_fault_is_named_once_at_its_element(resource: dict[str, Any], code: str, expression: str):
    named = issues(resource)

    assert (code, expression) in named
    assert len({where for _, where in named}) == len(named)


VALID = [
    observation(effectiveDateTime="2024-02-29"),
    observation(effectiveDateTime="2000-02-29T23:59:60Z"),
    observation(effectiveDateTime="2024"),
    observation(valueInteger=-(2**31)),
    observation(valueQuantity={"value": 97}),
    observation(subject={"reference": "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"}),
    observation(subject={"reference": "https://example.org/fhir/Patient/1/_history/2"}),
    observation(subject={"reference": "Patient/1", "type": "Patient"}),
    observation(effectivePeriod={"start": "2024-01-02T10:00:00Z", "end": "2024-01-02"}),
    observation(effectivePeriod={"start": "2024-01-02", "end": "2024-01"}),
    observation(contained=[patient(id="p", active=True)], subject={"reference": "#p"}),
    observation(method={"id": "a", "text": "m"}),
    observation(_issued={"extension": [{"url": "http://example.org/e", "valueCode": "unknown"}]}),
    observation(
        extension=[{"url": "http://example.org/e", "extension": [{"url": "part", "valueInteger": 1}]}]
    ),
    patient(
        name=[
            {
                "given": ["A", None],
                "_given": [
                    {"id": "a"},
                    {"id": "b", "extension": [{"url": "http://e.x/", "valueString": "b"}]},
                ],
            }
        ]
    ),
    patient(name=[{"_given": [{"extension": [{"url": "http://example.org/e", "valueString": "b"}]}]}]),
    patient(birthDate="2024", _birthDate={"id": "a"}),
    patient(text={"status": "generated", "div": DIV.format("a&#160;b &lt; c<!-- d --><br/>")}),
    {"resourceType": "Binary", "contentType": "text/plain; charset=utf-8", "data": "QUJD RA=="},
    {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": patient(active=True)}]},
    bundle("collection", {"resource": patient(id="a")}, {"resource": patient(id="a")}),
]


@pytest.mark.parametrize("resource", VALID)
def test_what_r4_allows_is_accepted(resource: dict[str, Any]):
    assert issues(resource) == []


def test_a_resource_of_another_type_than_asked_is_refused():
    with pytest.raises(InvalidResource) as refused:
        check("Observation", b'{"resourceType": "Patient"}')

    assert [issue.expression for issue in refused.value.issues] == ["Observation.resourceType"]


def test_a_resource_without_its_type_is_refused():
    with pytest.raises(InvalidResource) as refused:
        check("Observation", b'{"status": "final"}')

    assert [issue.expression for issue in refused.value.issues] == ["Observation.resourceType"]


def test_no_more_than_fifty_issues_are_told():
    assert len(issues(observation(category=[{}] * 99))) == 50


def test_every_issue_says_what_is_wrong_and_what_to_do():
    with pytest.raises(InvalidResource) as refused:
        check("Observation", json.dumps(observation(status="bogus", statu="final")).encode())

    unknown, wrong = refused.value.issues
    assert unknown.diagnostics == "Observation.statu: is not an element of Observation. Did you mean status?"
    assert wrong.diagnostics.startswith(
        "Observation.status: 'bogus' is not a code of http://hl7.org/fhir/ValueSet/"
    )
    assert "Use one of amended, cancelled" in wrong.diagnostics
