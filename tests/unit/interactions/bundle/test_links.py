"""The links of a resource, replaced."""

import pytest

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.errors import InvalidRequest
from fhir_server.interactions.bundle.links import BrokenLink, conditional, linked, restful
from fhir_server.interactions.bundle.targets import EntryLinks, Targets

URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


def links(full_url="", **more):
    return EntryLinks(
        Targets({URN: "Patient/p", "http://a.example/fhir/Patient/1": "Patient/p"}, **more), full_url
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (URN, "Patient/p"),
        (f"{URN}#part", "Patient/p#part"),
        (f"{URN}/_history/7", "Patient/p/_history/1"),
        ("http://a.example/fhir/Patient/1", "Patient/p"),
        ("Patient/1", "Patient/1"),
        ("Patient/1/_history/3", "Patient/1/_history/3"),
        ("#contained", "#contained"),
        ("http://b.example/Patient/1", "http://b.example/Patient/1"),
    ],
)
def test_a_reference_leads_to_where_the_entry_will_be(text, wanted):
    assert linked({"resourceType": "Flag", "subject": {"reference": text}}, links())["subject"] == {
        "reference": wanted
    }


def test_a_relative_reference_is_read_against_the_entrys_own_full_url():
    tree = {"resourceType": "Flag", "subject": {"reference": "Patient/1"}}
    assert linked(tree, links("http://a.example/fhir/Flag/9"))["subject"]["reference"] == "Patient/p"


def test_what_has_no_link_is_not_copied():
    tree = {"resourceType": "Patient", "name": [{"family": URN}], "contained": [{"resourceType": "Patient"}]}
    assert linked(tree, links()) is tree


def test_elements_of_type_canonical_and_a_resources_own_url_stay():
    tree = {
        "resourceType": "Measure",
        "url": URN,
        "library": [URN],
        "identifier": [{"system": URN, "value": URN}],
    }
    assert linked(tree, links()) == {**tree, "identifier": [{"system": "Patient/p", "value": URN}]}


def test_a_urn_of_no_entry_is_told_with_its_place():
    tree = {"resourceType": "List", "entry": [{}, {"item": {"reference": "urn:oid:1.2.3"}}]}
    with pytest.raises(BrokenLink) as broken:
        linked(tree, links())
    error = broken.value.told("List")
    assert isinstance(error, InvalidRequest)
    assert error.issues[0].expression == "List.entry[1].item.reference"


def test_alone_only_its_own_full_url_may_be_referred_to():
    tree = {"resourceType": "Flag", "subject": {"reference": URN}}
    assert linked(tree, links(URN, alone=True))["subject"]["reference"] == "Patient/p"
    with pytest.raises(BrokenLink, match="another entry of this batch"):
        linked(tree, links(alone=True))


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], {}, [None], [[]], {"reference": 3}, {"reference": [URN]}]
)
def test_what_is_not_valid_is_left_to_the_validation(value):
    tree = {"resourceType": "Flag", "subject": value, "_status": value, "text": value, "contained": value}
    linked(tree, links())
    linked({"resourceType": value}, links())


def test_every_type_of_r4_can_be_walked():
    for type in RESOURCE_TYPES:
        assert linked({"resourceType": type, "implicitRules": URN}, links())["implicitRules"] in (
            "Patient/p",
            URN,
        )


def test_urls_are_told_apart():
    assert restful("http://a.example/fhir/Patient/1") == ("http://a.example/fhir/", "Patient", "1")
    assert restful("http://a.example/fhir/Nonsense/1") is None
    assert restful(URN) is None
    assert conditional("Patient?identifier=1") == ("Patient", "identifier=1")
    assert conditional("http://a.example/Patient?identifier=1") is None
    assert conditional("Patient/1") is None
