import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import InvalidJson, InvalidRequest, Unprocessable
from fhir_server.interactions.json_patch import MOST_OPERATIONS, applied, parsed
from fhir_server.json import dumps, exact


def patched(tree, *operations):
    return json.loads(
        dumps(applied(parsed(json.dumps(operations).encode()), "Patient", exact(json.dumps(tree).encode())))
    )


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/b", "value": 2}, {"a": [1, 2], "b": 2}),
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3]}),
        ({"op": "add", "path": "/a/0", "value": 0}, {"a": [0, 1, 2]}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"op": "replace", "path": "/a/1", "value": None}, {"a": [1, None]}),
        ({"op": "move", "from": "/a/0", "path": "/b"}, {"a": [2], "b": 1}),
        ({"op": "copy", "from": "/a", "path": "/b"}, {"a": [1, 2], "b": [1, 2]}),
        ({"op": "test", "path": "/a", "value": [1.0, 2.00]}, {"a": [1, 2]}),
        ({"op": "replace", "path": "", "value": {"c": 1}}, {"c": 1}),
    ],
)  # fmt: skip
def test_each_operation_does_what_rfc_6902_says(operation, result):
    assert patched({"a": [1, 2]}, operation) == result


def test_numbers_are_tested_by_value_and_kept_by_digits():
    tree = exact(b'{"value":1.00,"other":0.0000001,"long":12345678901234567890123}')
    patch = parsed(b'[{"op":"test","path":"/value","value":1.0},{"op":"add","path":"/new","value":2.50}]')
    assert dumps(applied(patch, "Observation", tree)) == (
        b'{"value":1.00,"other":1E-7,"long":12345678901234567890123,"new":2.50}'
    )


@pytest.mark.parametrize(
    "document",
    [
        b'[{"op":"delete","path":"/a"}]', b'[{"path":"/a"}]', b'[{"op":"remove"}]', b'[{"op":"add","path":"/a"}]',
        b'[{"op":"copy","path":"/a"}]', b'[{"op":"add","path":"a","value":1}]', b'[{"op":"add","path":5,"value":1}]',
        b'[{"op":"add","path":"/~2","value":1}]', b'[{"op":"move","path":"/a","from":null}]', b'["add"]', b"[[]]",
        b'[{"op":["add"],"path":"/a","value":1}]', b"[" + b",".join([b'{"op":"remove","path":"/a"}'] * 1001) + b"]",
    ],
)  # fmt: skip
def test_what_is_no_patch_is_refused_before_any_resource_is_looked_at(document):
    with pytest.raises(InvalidRequest, match="patch"):
        parsed(document)


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ({"op": "add", "path": "a", "value": 1}, "Operation 1 of the patch has path 'a',"),
        ({"op": "move", "path": "/a", "from": "/~7"}, "Operation 1 of the patch has from '/~7',"),
    ],
)
def test_a_pointer_that_is_none_is_named(operation, named):
    with pytest.raises(InvalidRequest, match=re.escape(named)):
        parsed(json.dumps([operation]).encode())


@pytest.mark.parametrize("document", [b"{}", b"", b'[{"op":"add","op":"test"}]', b'["\\u0000"]'])
def test_a_patch_is_read_as_strictly_as_a_resource(document):
    with pytest.raises(InvalidJson):
        parsed(document)


@pytest.mark.parametrize(
    ("operation", "expression"),
    [
        ({"op": "test", "path": "/name/0/family", "value": "Other"}, "Patient.name[0].family"),
        ({"op": "test", "path": "/gender", "value": "male"}, "Patient.gender"),
        ({"op": "remove", "path": "/gender"}, "Patient.gender"),
        ({"op": "replace", "path": "/name/1", "value": {}}, "Patient.name[1]"),
        ({"op": "add", "path": "/name/7", "value": {}}, "Patient.name[7]"),
        ({"op": "add", "path": "/name/x", "value": {}}, "Patient.name.x"),
        ({"op": "add", "path": "/contact/0/name", "value": {}}, "Patient.contact[0].name"),
        ({"op": "add", "path": "/name/0/family/x", "value": 1}, "Patient.name[0].family.x"),
        ({"op": "move", "from": "/name", "path": "/name/0/given"}, "Patient.name[0].given"),
        ({"op": "copy", "from": "/gender", "path": "/name/0/given"}, "Patient.name[0].given"),
        ({"op": "remove", "path": ""}, "Patient"),
        ({"op": "remove", "path": "/name/-"}, "Patient.name"),
    ],
)
def test_an_operation_that_cannot_be_applied_names_its_number_and_element(operation, expression):
    with pytest.raises(Unprocessable, match="Operation 2 ") as raised:
        patched(
            {"name": [{"family": "Chalmers"}]},
            {"op": "test", "path": "/name/0/family", "value": "Chalmers"},
            operation,
        )
    assert raised.value.issues[0].expression == expression


def test_a_failed_test_does_not_tell_the_value_that_is_there():
    with pytest.raises(Unprocessable) as raised:
        patched(
            {"name": [{"family": "Chalmers"}]}, {"op": "test", "path": "/name/0/family", "value": "Other"}
        )
    assert "Chalmers" not in str(raised.value)


def test_a_patch_cannot_grow_a_resource_without_bound():
    doubling = {"op": "copy", "from": "/a", "path": "/a/-"}
    with pytest.raises(Unprocessable, match="100000 values"):
        patched({"a": [list(range(10))]}, *[doubling] * 40)


def test_a_patch_cannot_nest_without_bound():
    steps = ({"op": "copy", "from": "/a", "path": "/a" + "/b" * 2**depth} for depth in range(12))
    with pytest.raises(Unprocessable):
        patched({"a": {}}, *steps)


def test_a_patch_of_the_most_operations_is_taken():
    assert patched({"a": 1}, *[{"op": "test", "path": "/a", "value": 1}] * MOST_OPERATIONS) == {"a": 1}


def test_which_members_a_patch_writes_is_known():
    patch = parsed(b'[{"op":"test","path":"/text","value":1},{"op":"move","from":"/a/b","path":"/c"}]')
    assert [patch.writes(member) for member in ("text", "a", "c", "b")] == [False, True, True, False]
    assert parsed(b'[{"op":"replace","path":"","value":{}}]').writes("text")


_POINTERS = st.lists(
    st.sampled_from(["a", "b", "0", "1", "-", "01", "99999999999999999999", "", "~0", "~1"]), max_size=4
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "1.50"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "0"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": _POINTERS.map(lambda parts: "".join(f"/{part}" for part in parts)),
        "from": _POINTERS.map(lambda parts: "".join(f"/{part}" for part in parts)),
        "value": _VALUES,
    }
)


@given(
    tree=st.dictionaries(st.sampled_from(["a", "b", "0", ""]), _VALUES),
    operations=st.lists(_OPERATIONS, max_size=6),
)
def test_any_patch_is_applied_or_refused(tree, operations):
    with suppress(Unprocessable):
        patched(tree, *operations)
