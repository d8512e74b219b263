"""A query's text, split."""

import pytest

from fhir_server.errors import InvalidSearch
from fhir_server.search.parse import Backward, Compartment, Criterion, Forward, Include, parse


@pytest.mark.parametrize(
    ("key", "criterion"),
    [
        ("name", Criterion("name", "", ("x",))),
        ("name:exact", Criterion("name", "exact", ("x",))),
        ("subject:Patient", Criterion("subject", "Patient", ("x",))),
        ("subject.name", Criterion("name", "", ("x",), (Forward("subject"),))),
        ("subject:Patient.name:exact", Criterion("name", "exact", ("x",), (Forward("subject", "Patient"),))),
        (
            "patient.organization.name",
            Criterion("name", "", ("x",), (Forward("patient"), Forward("organization"))),
        ),
        (
            "_has:Observation:patient:code:not",
            Criterion("code", "not", ("x",), (Backward("Observation", "patient"),)),
        ),
        (
            "_has:Observation:patient:_has:AuditEvent:entity:agent",
            Criterion(
                "agent", "", ("x",), (Backward("Observation", "patient"), Backward("AuditEvent", "entity"))
            ),
        ),
        (
            "patient._has:Group:member:_id",
            Criterion("_id", "", ("x",), (Forward("patient"), Backward("Group", "member"))),
        ),
        (
            "_has:Observation:patient:device:Device.identifier",
            Criterion(
                "identifier", "", ("x",), (Backward("Observation", "patient"), Forward("device", "Device"))
            ),
        ),
    ],
)
def test_a_name_is_read_step_by_step_and_told_as_it_was_written(key, criterion):
    (found,) = parse("Patient", [(key, "x")]).criteria

    assert found == criterion
    assert found.label == key


@pytest.mark.parametrize(
    "key", ["name:", "_id:", "subject.name:", "_has", "_has:", "_has:Observation", "_has:Observation:patient", "_has::patient:code", "_has:Observation:patient:",
            ".name", "subject:.name", "subject.", "subject..name", "a._has:Observation"]
)  # fmt: skip
def test_a_name_with_a_part_missing_is_refused_by_itself(key):
    with pytest.raises(InvalidSearch) as refused:
        parse("Patient", [(key, "x")])

    assert refused.value.issues[0].expression == key


@pytest.mark.parametrize(
    ("pair", "include"),
    [
        (("_include", "Observation:patient"), Include(False, False, "Observation", "patient", "")),
        (("_include", "Observation:subject:Group"), Include(False, False, "Observation", "subject", "Group")),
        (("_include:iterate", "Patient:link"), Include(False, True, "Patient", "link", "")),
        (("_revinclude", "Provenance:*"), Include(True, False, "Provenance", "*", "")),
        (("_include", "*"), Include(False, False, "*", "", "")),
    ],
)
def test_an_include_is_read_and_told_as_it_was_written(pair, include):
    (found,) = parse("Patient", [pair, pair]).includes

    assert found == include
    assert (found.name, found.value) == pair


@pytest.mark.parametrize(
    ("type", "compartment", "place"),
    [
        ("Patient", None, "Patient"),
        ("", None, ""),
        ("Observation", Compartment("Patient", "p1"), "Patient/p1/Observation"),
        ("", Compartment("Device", "d1"), "Device/d1/*"),
    ],
)
def test_where_a_search_is_asked_is_its_path(type, compartment, place):
    assert parse(type, (), compartment).place == place
