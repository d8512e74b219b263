"""What is decided before a connection is used, and what is refused."""

from datetime import UTC, datetime

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.access import access
from fhir_server.search.params.escapes import split, unescape
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, patients, plan
from fhir_server.store.predicate import EVERYTHING
from smart_auth.principal import Principal

READING = Reading(datetime(2026, 1, 1, tzinfo=UTC), "http://fhir.test/fhir")


def planned(type, *pairs, handling="strict"):
    return plan(parse(type, pairs), lambda *_: EVERYTHING, handling, Limits(50, 1000), READING)


@pytest.mark.parametrize(
    "pair",
    [
        ("date", "ge2026-13"),
        ("date", "2026-02-30"),
        ("date", "yesterday"),
        ("date", "2026-01-01T10:00:00 01:00"),
        ("value-quantity", "5.4|mg"),
        ("value-quantity", "much"),
        ("value-quantity", "1e999999"),
        ("status", "|"),
        ("status:exact", "final"),
        ("status:of-type", "http://x|a|b"),
        ("subject:Practitioner", "x"),
        ("subject:Patient", "Device/1"),
        ("subject", "Nothing/1"),
        ("status", ""),
        ("status", "final,"),
        ("status:missing", "perhaps"),
        ("_sort", "combo-code-value-quantity"),
        ("_sort", "date,"),
        ("_sort", "date,-date"),
        ("_sort", "subject.name"),
        ("_sort", "subject:Patient"),
        ("_sort", "colour"),
        ("_count", "-1"),
        ("_count", "ten"),
        ("_total", "yes"),
        ("_summary", "most"),
        ("_elements", "colour"),
        ("_id", "a\0b"),
    ],
)
@pytest.mark.parametrize("handling", ["strict", "lenient"])
def test_a_value_that_cannot_be_understood_is_refused_by_name_however_lenient(pair, handling):
    with pytest.raises(InvalidSearch, match=pair[0].partition(":")[0]) as refused:
        planned("Observation", pair, handling=handling)

    assert refused.value.issues[0].expression == pair[0].partition(":")[0] or pair[1] in ("", "final,")


@pytest.mark.parametrize("name", ["_sort", "_count", "_total", "_summary", "_elements"])
def test_a_parameter_that_shapes_the_result_is_given_once(name):
    with pytest.raises(InvalidSearch, match=f"{name} is given twice"):
        planned("Observation", (name, "x"), (name, "y"))


def test_more_criteria_or_values_than_anyone_needs_are_refused():
    with pytest.raises(InvalidSearch, match="51 criteria"):
        planned("Observation", *[("status", "final")] * 51)
    with pytest.raises(InvalidSearch, match="501 values"):
        planned("Observation", ("status", ",".join(["x"] * 501)))


@pytest.mark.parametrize(
    ("pairs", "order"),
    [
        ((), "_id"),
        ((("patient", "p1"),), "-date"),
        ((("patient", "p1"), ("_sort", "_id")), "_id"),
        ((("subject", "Device/1"),), "_id"),
        ((("_lastUpdated", "gt2020"),), "_lastUpdated"),
    ],
)
def test_without_sort_the_order_is_that_of_the_index_that_serves(pairs, order):
    assert planned("Observation", *pairs).sort.text == order


@pytest.mark.parametrize(
    ("pairs", "order"), [((("_tag", "red"),), "_id"), ((("_lastUpdated", "gt2020"),), "_lastUpdated")]
)
def test_without_sort_the_order_of_several_types_is_one_that_no_write_takes_a_resource_out_of(pairs, order):
    assert planned("", *pairs, ("_type", "Patient,Observation")).sort.text == order


def test_elements_of_several_types_may_be_any_ones():
    types = ("_type", "Patient,Observation")

    assert planned("", types, ("_elements", "name,status")).shape.elements == {"name", "status"}
    with pytest.raises(InvalidSearch, match="_elements=colour: none of the types searched has an element"):
        planned("", types, ("_elements", "name,status,colour"))


@pytest.mark.parametrize(
    ("system", "code", "found"),
    [
        ("http://hl7.org/fhir/observation-status", "final", True),
        ("http://hl7.org/fhir/observation-status", "wrong", False),
        ("http://else", "final", False),
    ],
)
def test_a_plain_code_may_be_asked_with_the_system_of_its_binding(system, code, found):
    (condition,) = planned("Observation", ("status", f"{system}|{code}")).wanted

    assert (condition.asked[0].system is None) is found


@pytest.mark.parametrize(
    ("text", "parts"),
    [("a,b", ("a", "b")), ("a\\,b", ("a\\,b",)), ("a\\\\,b", ("a\\\\", "b")), ("", ("",)), ("a,", ("a", ""))],
)
def test_a_separator_after_a_backslash_separates_nothing(text, parts):
    assert split(text, ",") == parts


def test_escapes_stand_for_the_characters_after_them():
    assert unescape(r"a\,b\|c\$d\\e") == r"a,b|c$d\e"


def test_who_may_see_one_record_is_taken_to_ask_about_it_first():
    app = access(Principal("app", frozenset({"patient/*.rs"}), patient="a"))

    def asked(*pairs):
        planned = plan(parse("Observation", pairs), app, "strict", Limits(10, 10), READING)
        return [patients(one) for one in planned.wanted]

    assert asked(("code", "c"))[0] == ("a",)
    assert asked(("patient", "b"))[0] == ("a",)
    assert asked(("patient", "a")) == [("a",)]
