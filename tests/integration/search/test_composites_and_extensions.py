"""Composites and extensions where more than a page is asked: totals, chains, reverse chains, paging."""

import pytest

from fhir_server.errors import InvalidSearch

UCUM, LOINC = "http://unitsofmeasure.org", "http://loinc.org"
EXTENSIONS = "http://hl7.org/fhir/StructureDefinition"


def coded(code: str) -> dict:
    return {"coding": [{"system": LOINC, "code": code}]}


def pressure(systolic: float, diastolic: float, unit: str = "mm[Hg]") -> dict:
    parts = (("8480-6", systolic), ("8462-4", diastolic))
    return {
        "code": coded("85354-9"),
        "valueQuantity": None,
        "component": [
            {
                "code": coded(code),
                "valueQuantity": {"value": value, "unit": "x", "system": UCUM, "code": unit},
            }
            for code, value in parts
        ],
    }


@pytest.fixture
async def pressures(store, observation):
    made = (
        observation("high", **pressure(150, 80)),
        observation("low-over-high", **pressure(120, 150)),
        observation("in-kilopascal", **pressure(20, 10, "kPa")),
        observation("elsewhere", **pressure(150, 80), subject={"reference": "Patient/p2"}),
    )
    await store(
        *({name: value for name, value in one.items() if value is not None} for one in made),
        {"resourceType": "Patient", "id": "p1"},
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Patient", "id": "p3"},
        {
            "resourceType": "DiagnosticReport",
            "id": "report",
            "status": "final",
            "code": coded("1"),
            "result": [{"reference": "Observation/in-kilopascal"}],
        },
    )


SYSTOLIC = "component-code-value-quantity", f"8480-6$gt140|{UCUM}|mm[Hg]"


async def test_a_composite_is_counted_as_exactly_as_it_is_found(pressures, find):
    found = await find("Observation", SYSTOLIC, ("_total", "accurate"))

    assert (set(found.ids), found.bundle["total"]) == ({"high", "in-kilopascal", "elsewhere"}, 3)


async def test_number_and_unit_without_system_must_be_of_one_component(pressures, find):
    found = await find(
        "Observation", ("component-value-quantity", "150||mm[Hg],20||mm[Hg]"), ("_total", "accurate")
    )

    assert (set(found.ids), found.bundle["total"]) == ({"high", "low-over-high", "elsewhere"}, 3)


async def test_a_composite_stands_at_the_end_of_a_chain_and_of_a_reverse_one(pressures, find):
    name, value = SYSTOLIC

    assert (await find("DiagnosticReport", (f"result.{name}", value))).ids == ["report"]
    assert (await find("DiagnosticReport", (f"result.{name}", value.replace("8480", "1")))).ids == []
    assert set((await find("Patient", (f"_has:Observation:patient:{name}", value))).ids) == {"p1", "p2"}
    assert (
        set((await find("Patient", (f"_has:Observation:patient:{name}", value.replace("140", "155")))).ids)
        == set()
    )


async def test_pages_of_a_composite_neither_lose_nor_repeat(pressures, find):
    page = await find("Observation", SYSTOLIC, ("_count", "1"))
    seen = list(page.ids)
    while page.next:
        page = await find("Observation", *page.next)
        seen += page.ids

    assert sorted(seen) == ["elsewhere", "high", "in-kilopascal"]


@pytest.mark.parametrize(
    ("type", "name", "value", "resource"),
    [
        (
            "Patient",
            "mothersMaidenName",
            "ruiz",
            {"extension": [{"url": f"{EXTENSIONS}/patient-mothersMaidenName", "valueString": "Ruíz"}]},
        ),
        (
            "Patient",
            "mothersMaidenName:exact",
            "Ruíz",
            {
                "extension": [
                    {
                        "url": f"{EXTENSIONS}/patient-extensions-Patient-mothersMaidenName",
                        "valueString": "Ruíz",
                    }
                ]
            },
        ),
        (
            "Device",
            "din",
            "http://d|7",
            {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/SearchParameter/device-extensions-Device-din",
                        "valueIdentifier": {"system": "http://d", "value": "7"},
                    }
                ]
            },
        ),
        (
            "Observation",
            "gene-identifier",
            "http://g|12014",
            {
                "extension": [
                    {
                        "url": f"{EXTENSIONS}/observation-geneticsGene",
                        "valueCodeableConcept": {"coding": [{"system": "http://g", "code": "12014"}]},
                    }
                ]
            },
        ),
        (
            "Observation",
            "gene-amino-acid-change",
            "tyr",
            {
                "extension": [
                    {
                        "url": f"{EXTENSIONS}/observation-geneticsAminoAcidChangeName",
                        "valueCodeableConcept": {"text": "Tyr24Cys"},
                    }
                ]
            },
        ),
        (
            "DiagnosticReport",
            "assessed-condition",
            "c1",
            {
                "extension": [
                    {
                        "url": f"{EXTENSIONS}/DiagnosticReport-geneticsAssessedCondition",
                        "valueReference": {"reference": "Condition/c1"},
                    }
                ]
            },
        ),
        (
            "QuestionnaireResponse",
            "item-subject",
            "Patient/p1",
            {
                "item": [
                    {
                        "linkId": "1",
                        "extension": [
                            {"url": "http://other"},
                            {"url": f"{EXTENSIONS}/questionnaireresponse-isSubject", "valueBoolean": True},
                        ],
                        "answer": [{"valueReference": {"reference": "Patient/p1"}}],
                    }
                ]
            },
        ),
        ("Consent", "source-reference", "Contract/1", {"sourceReference": {"reference": "Contract/1"}}),
    ],
)
async def test_parameters_beyond_plain_elements_find_their_values(store, find, type, name, value, resource):
    other = {"extension": [{"url": "http://other", "valueString": "Ruíz"}]} if "extension" in resource else {}
    await store(
        {"resourceType": type, "id": "found", **resource}, {"resourceType": type, "id": "other", **other}
    )

    assert (await find(type, (name, value))).ids == ["found"]
    code = name.partition(":")[0]
    assert (await find(type, (f"{code}:missing", "true"))).ids == ["other"]
    if code != "source-reference":
        assert (await find(type, ("_sort", code))).ids == ["found", "other"]


@pytest.mark.parametrize("sort", ["component-code-value-quantity", "-code-value-concept"])
async def test_a_composite_has_no_order(find, sort):
    with pytest.raises(InvalidSearch, match="a composite has no order"):
        await find("Observation", ("_sort", sort))
