"""Whether a resource changed."""

import pytest

from fhir_server.bulk.write import prepared, same
from fhir_server.errors import InvalidResource
from fhir_server.json import parse


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (b'{"a":1,"b":[1.50]}', b'{"b":[1.50],"a":1}', True),
        (b'{"a":1.0}', b'{"a":1.00}', False),
        (b'{"a":1e2}', b'{"a":100}', True),
        (b'{"a":1}', b'{"a":true}', False),
        (b'{"a":"1"}', b'{"a":1}', False),
        (b'{"a":[1,2]}', b'{"a":[2,1]}', False),
        (b'{"a":null}', b"{}", False),
    ],
)
def test_trees_are_the_same_to_the_last_decimal_in_any_order(one, other, equal):
    assert same(parse(one), parse(other)) is equal


def test_a_resource_without_a_type_is_refused():
    with pytest.raises(InvalidResource, match="resourceType"):
        prepared({"id": "a"})
