"""Paths of search parameters as SQL/JSON paths."""

import pytest

from fhir_server.search.params.jsonpath import jsonpath
from fhir_server.search.params.paths import paths


@pytest.mark.parametrize(
    ("expression", "below", "literal"),
    [
        ("Observation.status", (), """'$."status"'::jsonpath"""),
        ("Observation.code", ("coding", "code"), """'$."code"."coding"."code"'::jsonpath"""),
        (
            "Patient.telecom.where(system='phone')",
            ("value",),
            """'$."telecom" ? (@."system" == "phone")."value"'::jsonpath""",
        ),
        (
            "Observation.subject.where(resolve() is Patient)",
            ("reference",),
            (
                """'$."subject" ? (@."type" == "Patient" || @."reference" like_regex """
                """"(^|/)Patient/[A-Za-z0-9.-]+($|/_history/)")."reference"'::jsonpath"""
            ),
        ),
    ],
)
def test_a_path_is_written_with_every_name_quoted(expression, below, literal):
    (path,) = paths(expression)

    assert jsonpath(path, *below) == literal
