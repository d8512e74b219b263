import pytest

from fhir_server.definitions.files import entries
from fhir_server.definitions.generate.invariants import Unsupported, condition

TYPES = entries("structure")


@pytest.mark.parametrize(
    ("expression", "type_name", "expected"),
    [
        ("data.empty() or contentType.exists()", "Attachment", ["or", ["not", ["exists", "data"]], ["exists", "contentType"]]),
        ("total.empty() or (type = 'searchset')", "Bundle", ["or", ["not", ["exists", "total"]], ["equals", "type", ["searchset"]]]),
        ("mode in ('fixed' | 'other-map')", "ConceptMap.group.unmapped", ["equals", "mode", ["fixed", "other-map"]]),
        ("code.exists().not()", "Quantity", ["not", ["exists", "code"]]),
        ("(identifier.count() + name.count()) > 0", "Organization", ["count", ["identifier", "name"], 1, None]),
        ("item.count()>1", "Linkage", ["count", ["item"], 2, None]),
        ("duration.exists() implies duration >= 0", "Timing.repeat", ["or", ["not", ["exists", "duration"]], ["least", "duration", 0]]),
        ("system = %ucum", "Quantity", ["equals", "system", ["http://unitsofmeasure.org"]]),
        ("Appointment.status='no-show'", "Appointment", ["equals", "status", ["no-show"]]),
        (
            "verificationStatus.coding.where(system='http://x.org' and code='a').empty()",
            "Condition",
            ["not", ["coding", "verificationStatus", "http://x.org", ["a"]]],
        ),
    ],
)  # fmt: skip
def test_an_expression_becomes_a_condition(expression: str, type_name: str, expected: list[object]):
    assert condition(expression, type_name, TYPES) == expected


def test_and_binds_closer_than_or_and_implies_loosest():
    parsed = condition(
        "value.exists() or unit.exists() and code.exists() implies system.exists()", "Quantity", TYPES
    )

    value, unit, code, system = (["exists", name] for name in ("value", "unit", "code", "system"))
    assert parsed == ["or", ["and", ["not", value], ["or", ["not", unit], ["not", code]]], system]


@pytest.mark.parametrize(
    "expression",
    [
        "bogus.exists()",
        "code.matches('[a-z]+')",
        "entry.all(code.exists())",
        "descendants().code.isDistinct()",
        "value <= 'a' + 'b'",
        "code.exists() code.exists()",
        "(code.exists()",
    ],
)
def test_what_the_conditions_cannot_say_is_left_out(expression: str):
    with pytest.raises(Unsupported):
        condition(expression, "Quantity", TYPES)
