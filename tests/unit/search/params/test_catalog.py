"""What can be asked, and what cannot, of each of the 146 types."""

from fhir_server.definitions.search_parameters import for_type
from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import catalog

UNSERVED = {
    "Bundle.composition", "Bundle.message", "Location.near", "Patient.age", "Patient.birthOrderBoolean",
}  # fmt: skip
OF_NO_ELEMENT = {"_content", "_filter", "_query", "_text"}


def test_every_parameter_is_either_served_or_refused_for_a_reason():
    for type in RESOURCE_TYPES:
        assert {*catalog.served(type), *catalog.unserved(type)} == set(for_type(type))
        assert all(catalog.unserved(type).values())


def test_only_these_are_refused():
    refused = {
        f"{type}.{code}"
        for type in RESOURCE_TYPES
        for code in catalog.unserved(type)
        if code not in OF_NO_ELEMENT
    }

    assert refused == UNSERVED


def test_no_two_parameters_have_the_same_number():
    every = [parameter.number for type in RESOURCE_TYPES for parameter in catalog.served(type).values()]

    assert len(set(every)) == len(every) > 2000


def test_a_type_has_one_patient_one_date_and_one_value_column():
    for type in RESOURCE_TYPES:
        used: dict[str, set[object]] = {}
        for parameter in catalog.served(type).values():
            if parameter.column:
                key = parameter.paths[0].names if parameter.column == "patient" else parameter.code
                used.setdefault(parameter.column, set()).add(key)
        assert all(len(keys) == 1 for keys in used.values()), (type, used)
