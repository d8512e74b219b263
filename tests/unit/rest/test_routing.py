import pytest

from fhir_server.errors import NotFound
from fhir_server.rest.catalog import CATALOG
from fhir_server.rest.request import Request
from fhir_server.rest.routing import Routes

ROUTES = Routes(CATALOG)


def request(method, *segments):
    return Request(method, segments, (), {}, "http://server.example/fhir")


@pytest.mark.parametrize(
    ("method", "segments", "name"),
    [
        ("GET", ("metadata",), "capabilities"),
        ("GET", ("Patient",), "search-type"),
        ("POST", ("Patient",), "create"),
        ("PUT", ("Patient",), "conditional-update"),
        ("DELETE", ("Patient",), "conditional-delete"),
        ("POST", ("Patient", "_search"), "search-by-form"),
        ("GET", ("Patient", "1"), "read"),
        ("HEAD", ("Patient", "1"), "read"),
        ("GET", ("Patient", "_history"), "history-type"),
        ("GET", ("_history",), "history-system"),
        ("GET", ("Patient", "1", "_history"), "history-instance"),
        ("GET", ("Patient", "1", "_history", "2"), "vread"),
        ("GET", ("$meta",), "meta-system"),
        ("GET", ("Observation", "$lastn"), "lastn-type"),
        ("POST", ("Patient", "1", "$validate"), "validate-instance-posted"),
        ("HEAD", ("Patient", "1", "_history", "2", "$meta"), "meta-version"),
        ("GET", (), "search-system"),
        ("POST", ("_search",), "search-system-by-form"),
        ("GET", ("Patient", "1", "Observation"), "search-compartment"),
        ("POST", ("Patient", "1", "Observation", "_search"), "search-compartment-by-form"),
        ("GET", ("Device", "1", "*"), "search-whole-compartment"),
        ("POST", ("Device", "1", "_search"), "search-whole-compartment-by-form"),
    ],
)
def test_method_and_path_name_an_interaction(method, segments, name):
    assert ROUTES.target(request(method, *segments)).interaction.name == name


@pytest.mark.parametrize(
    "segments",
    [("",), ("", "Patient"), ("Patient", ""), ("Patient", "$op"), ("Patient", "1", "$op"), ("Patient", "_x"),
     ("Patient", "1", "x"), ("metadata", "1"), ("patient",), ("Patient", "1", "_history", "1", "x"),
     ("", "1", "Patient"), ("", "1", "*"), ("", "1", "Patient", "_search"), ("", "1", "_search")],
)  # fmt: skip
def test_other_addresses_are_not_found(segments):
    with pytest.raises(NotFound):
        ROUTES.target(request("GET", *segments))


def test_every_entry_of_the_catalog_has_its_own_address():
    addresses = [(interaction.method, interaction.path) for interaction in CATALOG]
    assert len(set(addresses)) == len(addresses)
