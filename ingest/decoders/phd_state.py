"""A technical state of a personal health device, kept under the source's own code: battery, signal quality, status bits.

https://build.fhir.org/ig/HL7/phd/
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ingest.decoders.members import Members
from mappers.personal_health import SourceCoded, Tree
from terminology import systems
from terminology.service import Coding

_UNITS: Final = ("%", "1", "us", "ms", "s")
"""What states are counted in: shares, and the clocks of devices."""
_MOST_BITS: Final = 64


def state(observation: Members, number: str, concept: Members, sent: tuple[Coding, ...]) -> SourceCoded:
    """The state under its code as it was sent; an issue for a value that R4 cannot hold."""
    kept: Tree = {"coding": [_coding(each) for each in sent]}
    if (text := concept.text("text")) is not None:
        kept["text"] = text
    content = _content(observation)
    components = list(_components(observation))
    if components:
        content["component"] = components[:_MOST_BITS]
    if len(components) > _MOST_BITS:
        observation.refuse("component", f"has more than {_MOST_BITS} bits. It is not stored.", "too-long")
    if not content:
        text = "is missing, and so are component and dataAbsentReason. Send one of them."
        observation.refuse("value", text, "required")
    return SourceCoded(number, kept, content)


def _components(observation: Members) -> Iterator[Tree]:
    for component in observation.objects("component"):
        concept = component.object("code", required=True)
        code = None if concept is None else _concept(concept)
        content = _content(component)
        component.close()
        if code is not None:
            yield {"code": code} | content


def _content(part: Members) -> Tree:
    """The value or the reason for its absence, in an element of its own."""
    read = {name: element(part, name) for name, element in _READ.items()}
    found = {name: each for name, each in read.items() if each is not None}
    if len(found) > 1:
        part.refuse(max(found), "stands beside another value. Send one of them.", "structure")
    return found


def _concept_of(part: Members, name: str) -> Tree | None:
    concept = part.object(name)
    return None if concept is None else _concept(concept)


def _concept(concept: Members) -> Tree:
    kept: Tree = {}
    found = []
    for each in concept.objects("coding"):
        system, code = each.text("system"), each.text("code", required=True)
        display = each.text("display")
        if code is not None:
            found.append(_coding(Coding(system or "", code, display)))
    if found:
        kept["coding"] = found
    if (text := concept.text("text")) is not None:
        kept["text"] = text
    if not kept:
        concept.refuse("coding", "is missing. Send it.", "required")
    return kept


def _quantity(part: Members, name: str) -> Tree | None:
    quantity = part.object(name)
    if quantity is None:
        return None
    value, unit = quantity.number("value", required=True), quantity.choice("code", _UNITS, required=True)
    quantity.choice("system", (systems.UCUM,), required=True)
    human = quantity.text("unit")
    quantity.close()
    if value is None or unit is None:
        return None
    return {"value": value, "unit": human or unit, "system": systems.UCUM, "code": unit}


def _truth(part: Members, name: str) -> bool | None:
    found = part.value(name)
    if found is None or isinstance(found, bool):
        return found
    part.refuse(name, "is neither true nor false. Send one of them.")
    return None


def _moment(part: Members, name: str) -> str | None:
    found = part.time(name)
    return None if found is None else found.text


_READ: Final[Mapping[str, Callable[[Members, str], object]]] = MappingProxyType(
    {
        "valueQuantity": _quantity,
        "valueCodeableConcept": _concept_of,
        "valueBoolean": _truth,
        "valueDateTime": _moment,
        "dataAbsentReason": _concept_of,
    }
)


def _coding(each: Coding) -> Tree:
    kept: Tree = {"system": each.system} if each.system else {}
    kept["code"] = each.code
    return kept if each.display is None else kept | {"display": each.display}
