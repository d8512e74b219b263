"""URIs: https://hl7.org/fhir/R4/search.html#uri."""

import pytest

from fhir_server.search.index import index
from fhir_server.search.params import uri
from fhir_server.search.params.catalog import served
from fhir_server.search.params.parameter import Condition

FHIR = "http://acme.org/fhir"


@pytest.mark.parametrize(
    ("stored", "below", "found"),
    [
        (FHIR, FHIR, True),
        (f"{FHIR}/ValueSet/1", FHIR, True),
        (f"{FHIR}/ValueSet/1", f"{FHIR}/", True),
        (FHIR, f"{FHIR}/", False),
        (f"{FHIR}s", FHIR, False),
        (f"{FHIR}?x=1", FHIR, False),
        ("http://acme.org", FHIR, False),
        (f"{FHIR}/ValueSet", f"{FHIR}/valueset", False),
    ],
)
def test_a_url_is_below_where_it_goes_on_at_a_slash_and_the_other_is_above_it(stored, below, found):
    parameter = served("ValueSet")["url"]
    down = Condition(parameter, "below", (uri.Asked("below", below),))
    up = Condition(parameter, "above", (uri.Asked("above", stored),))

    assert uri.meets(down, stored, "uri", "") is found
    assert uri.meets(up, below, "uri", "") is found


def test_a_canonical_is_found_with_its_version_and_without():
    row = index("Observation", {"meta": {"profile": ["http://x/p|1"]}})
    prefix = served("Observation")["_profile"].prefix

    for asked, found in (("http://x/p", True), ("http://x/p|1", True), ("http://x/p|2", False)):
        assert (uri.token(prefix, asked) in row.tokens) is found


def test_a_definition_is_found_by_its_url_and_version_together():
    row = index("ValueSet", {"url": "http://x/vs", "version": "2"})
    prefix = served("ValueSet")["url"].prefix

    assert uri.token(prefix, "http://x/vs|2") in row.tokens
    assert uri.token(prefix, "http://x/vs|3") not in row.tokens


def test_only_a_url_is_kept_as_a_text_to_look_through():
    assert [text.folded for text in index("ValueSet", {"url": "http://x/vs"}).texts] == ["http://x/vs"]
    assert index("ValueSet", {"url": "urn:oid:1.2"}).texts == ()
