import pytest

from fhir_server.json import dumps
from fhir_server.operations.catalog import CATALOG
from fhir_server.operations.definition import definition, url
from fhir_server.validation.structure import check


@pytest.mark.parametrize("operation", CATALOG, ids=lambda one: one.id)
def test_each_operation_has_a_valid_definition(operation):
    tree = definition(operation, "http://server.example/fhir", "2026-01-01")
    check("OperationDefinition", dumps(tree))
    assert (
        tree["url"]
        == url(operation, "http://server.example/fhir")
        == f"http://server.example/fhir/OperationDefinition/{operation.id}"
    )
    assert tree["code"] == operation.code


def test_ids_are_distinct():
    assert len({operation.id for operation in CATALOG}) == len(CATALOG)


def test_what_changes_something_is_never_served_by_get():
    assert not any(operation.by_address for operation in CATALOG if operation.affects_state)
