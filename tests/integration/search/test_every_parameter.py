"""Each way to ask each kind of parameter is a statement that PostgreSQL takes."""

from itertools import product

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import media_type
from fhir_server.search.params.catalog import Parameter, served
from fhir_server.search.params.kinds import modifiers
from fhir_server.search.params.token_entry import FOLDS
from tests.integration.search.test_against_an_oracle import Known

VALUES = {
    "token": ("x", "http://a|x", "|x", "http://a|", "x,y"),
    "reference": ("Patient/1", "urn:uuid:1", "Patient/1,Patient/2", "http://else/fhir/Patient/1,Patient/1"),
    "date": (
        *tuple(f"{prefix}2013-03-14" for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")),
        "ge2013,le9999",
        "lt0001-01-01T00:00:00Z",
    ),
    "string": ("eve", "x" * 300, "eve,ada", "50%_"),
    "quantity": (
        *tuple(f"{prefix}5.4" for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")),
        "5|http://unitsofmeasure.org|mg",
        "5||mg",
        "gt5||m'g\"",
    ),
    "number": ("5", "ap5", "1e99", "-0.5"),
    "uri": ("http://x", "urn:oid:1.2"),
}
PAIRS = {"token": "http://a|x", "reference": "Patient/1", "date": "ge2013", "string": "eve", "number": "5"}
MODIFIED = {
    "text": ("heart rate", "x" * 300),
    "of-type": ("http://a|MR|7",),
    "in": ("http://vs/few", "http://vs/none"),
    "not-in": ("http://vs/few", "http://vs/none"),
    "identifier": ("urn:x|1", "1"),
}
CONCEPTS, URLS, MEDIA_TYPES = (
    ("http://a|x", "http://a|x,http://a|y"),
    ("http://x/y", "http://x/y/"),
    ("text/xml",),
)


def shape(parameter: Parameter) -> tuple[object, ...]:
    datatypes = frozenset(path.datatype for path in parameter.paths)
    return (
        parameter.kind,
        parameter.column,
        parameter.coded,
        parameter.repeats,
        bool(parameter.union),
        parameter.required,
        datatypes if parameter.kind == "quantity" else None,
        has_no_system(parameter),
        parameter.together,
        tuple(part.parameter.kind for part in parameter.parts),
        modifiers(parameter),
        is_of_media_types(parameter),
    )


def is_of_media_types(parameter: Parameter) -> bool:
    return any(map(media_type.is_media_type, parameter.paths))


def modified(parameter: Parameter, modifier: str) -> tuple[str, ...]:
    if modifier == "below" and is_of_media_types(parameter):
        return MEDIA_TYPES
    if modifier in {"above", "below"}:
        return URLS if parameter.kind == "uri" else CONCEPTS
    return MODIFIED.get(modifier, values(parameter))


def has_no_system(parameter: Parameter) -> bool:
    return parameter.kind == "token" and any(path.datatype in FOLDS for path in parameter.paths[:1])


def values(parameter: Parameter) -> tuple[str, ...]:
    if parameter.column == "id" or has_no_system(parameter):
        return ("x", "x,y")
    if parameter.kind != "composite":
        return VALUES[parameter.kind]
    first, *others = (part.parameter.kind for part in parameter.parts)
    ends = [VALUES["quantity"] if kind == "quantity" else (PAIRS[kind],) for kind in others]
    return tuple("$".join((PAIRS[first], *end)) for end in product(*ends))


async def test_every_shape_of_parameter_can_be_asked_in_every_form(find):
    shapes = {shape(parameter): parameter for type in RESOURCE_TYPES for parameter in served(type).values()}

    for parameter in shapes.values():
        asked = [(parameter.code, value) for value in values(parameter)]
        asked += [(f"{parameter.code}:missing", value) for value in ("true", "false")]
        for modifier in sorted(modifiers(parameter)):
            asked += [(f"{parameter.code}:{modifier}", value) for value in modified(parameter, modifier)]
        for pair in asked:
            assert (await find(parameter.resource_type, pair, terminology=Known())).ids == [], pair


async def test_a_resource_is_found_by_the_business_identifier_of_what_it_refers_to(store, find, observation):
    await store(
        observation("named", subject={"identifier": {"system": "urn:mrn", "value": "7"}}),
        observation("other", subject={"identifier": {"system": "urn:mrn", "value": "8"}}),
    )

    for text in ("urn:mrn|7", "7"):
        assert (await find("Observation", ("subject:identifier", text))).ids == ["named"]
    assert (await find("Observation", ("patient:missing", "true"))).ids == ["named", "other"]
    assert (await find("Observation", ("subject:missing", "true"))).ids == []
