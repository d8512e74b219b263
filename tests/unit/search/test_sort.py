"""Which orders are understood, and how the others are refused."""

import pytest

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidSearch
from fhir_server.search.params.catalog import served
from fhir_server.search.sort import newest_first, sort, sort_across_types, sortable


def test_keys_are_taken_in_turn_each_in_its_own_direction():
    found = sort("Observation", "status,-date,_lastUpdated")

    assert found.text == "status,-date,_lastUpdated"
    assert [(key.parameter, key.descending) for key in found.keys] == [
        ("status", False),
        ("date", True),
        ("_lastUpdated", False),
    ]
    assert not found.unique


def test_nothing_is_sorted_on_after_an_id_which_no_other_resource_of_the_type_has():
    found = sort("Observation", "-date,_id,status")

    assert (found.text, found.unique) == ("-date,_id", True)


def test_an_id_is_not_unique_over_several_types():
    assert not sort_across_types("_id").unique


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour", "_sort=colour: Observation has no search parameter of that name"),
        ("-colour", "_sort=-colour: Observation"),
        ("status,colour", "_sort=colour: "),
        ("", "_sort=: "),
        ("status,", "_sort=: "),
        ("_id,colour", "_sort=colour: "),
        ("--date", "_sort=--date: "),
        (
            "subject.name",
            "_sort=subject.name: an order goes by a parameter's own name, without chain or modifier",
        ),
        ("subject:Patient", "_sort=subject:Patient: an order goes by a parameter's own name"),
        ("date,-date", "names a parameter twice"),
        (",".join(["date"] * 11), "_sort has 11 keys. Give at most 10"),
    ],
)
def test_what_gives_no_order_is_refused_by_its_name(text, said):
    with pytest.raises(InvalidSearch) as refused:
        sort("Observation", text)

    assert said in str(refused.value)
    assert refused.value.issues[0].expression == "_sort"


def test_a_refusal_lists_what_can_be_sorted_by():
    with pytest.raises(InvalidSearch) as refused:
        sort("Patient", "shoe-size")

    assert f"is sorted by {', '.join(sortable('Patient'))}; `-` before a name is descending" in str(
        refused.value
    )
    assert {"_id", "family", "birthdate", "general-practitioner", "active"} <= set(sortable("Patient"))


def test_every_parameter_of_every_type_is_sorted_by_unless_it_is_a_composite():
    unsorted = {
        (type, code)
        for type in RESOURCE_TYPES
        for code, parameter in served(type).items()
        if code not in sortable(type) and parameter.kind not in {"composite", "special"}
    }

    assert unsorted == set()


def test_a_composite_gives_no_order():
    with pytest.raises(InvalidSearch, match=r"code-value-quantity: .*composite"):
        sort("Observation", "code-value-quantity")


def test_several_types_are_sorted_by_what_they_all_have():
    assert sort_across_types("-_lastUpdated,_id").text == "-_lastUpdated,_id"
    with pytest.raises(
        InvalidSearch, match="_sort=date: a search over several types is sorted by _id or _lastUpdated"
    ):
        sort_across_types("_id,date")
    with pytest.raises(InvalidSearch, match="_sort=: a search over several types is sorted by"):
        sort_across_types("")


def test_newest_first_is_by_the_date_that_readers_of_a_type_ask_for():
    assert newest_first("Observation").text == "-date"
    assert newest_first("Patient").text == "-birthdate"
    assert newest_first("Binary") is None
