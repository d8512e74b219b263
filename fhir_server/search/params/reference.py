"""References: relative, absolute, versioned, `urn:`, canonical, or by a business identifier.

https://hl7.org/fhir/R4/search.html#reference
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fhir_server.definitions.types import RESOURCE_TYPES
from fhir_server.search.params import hashes
from fhir_server.search.params import token as tokens_of
from fhir_server.search.params.escapes import unescape
from fhir_server.search.params.found import Found, Store, presence
from fhir_server.search.params.parameter import Condition, Parameter, Value
from fhir_server.search.params.paths import Node, Path
from fhir_server.search.params.sql import any_of, tokens
from fhir_server.store.predicate import Predicate

MODIFIERS: Final = MappingProxyType({"identifier": frozenset({"Reference"})})

READ: Final = frozenset({"Reference", "canonical", "uri"})

# Types whose resources belong to no patient by themselves, and to whoever's data name them; a Binary is named by the
# address of an attachment. store/mentions.py
MENTIONED: Final = frozenset(
    {"Device", "DeviceMetric", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole"}
)

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_RESOURCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?")


@dataclass(frozen=True, slots=True)
class Asked:
    """The texts any of which a resource may refer by, or with `:identifier` the identifier it must name."""

    keys: tuple[str, ...]
    identifier: tokens_of.Asked | None = None


def store(parameter: Parameter, path: Path) -> Store:
    """What keeps a reference: the number of the patient where it says whom the resource is about, else tokens."""
    prefix, present, only = parameter.prefix, presence(parameter), path.only
    takes_patient = parameter.column == "patient"

    def store_reference(node: Node, found: Found) -> None:
        if only is not None and not refers_to(node, only):
            return
        text = text_of(node)
        named = () if text is None else keys(text, found.base_url)
        if named and (mention := mentioned(named[-1], MENTIONED)) is not None:
            found.mentions.add(mention)
        if takes_patient and named and (patient := patient_id(named[-1])) is not None:
            found.patient = patient
            named = named[:-1]
        else:
            found.tokens.update(present)
        for key in named:
            found.tokens.add(token(prefix, key))
        if type(node) is dict and "identifier" in node:
            found.tokens.update(_identifier_tokens(prefix, node["identifier"]))

    return store_reference


def _identifier_tokens(prefix: str, node: Node) -> Iterable[int]:
    for entry in tokens_of.READ["Identifier"](node):
        yield from tokens_of.stored_tokens(_identified(prefix), *entry)


def _identified(prefix: str) -> str:
    return f"{prefix}:identifier"


def wanted(value: Value) -> Asked:
    """What `value` refers to. Raises ValueError for what is no reference, or to none of the types it may be to."""
    if value.modifier == "identifier":
        return Asked((), tokens_of.asked_in(value.text))
    found = asked(unescape(value.text), value.targets, value.reading.base_url)
    if value.targets != value.parameter.targets and {type_of(key) for key in found.keys} != set(
        value.targets
    ):
        raise ValueError(f"does not name a {value.targets[0]}. Write an id or `{value.targets[0]}/id`")
    return found


def keys(text: str, base_url: str = "") -> tuple[str, ...]:
    """The texts that the reference `text` is found by: without our own base, and without its version too."""
    if text.startswith("#"):
        return ()
    if base_url and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    if "/_history/" in text:
        return (text, text.partition("/_history/")[0])
    if "|" in text:
        return (text, text.partition("|")[0])
    return (text,)


def asked(text: str, targets: Iterable[str], base_url: str = "") -> Asked:
    """What `text` refers to; a bare id may be of any of `targets`. Raises ValueError for something else."""
    if text and ":" not in text and "/" not in text:
        if not _ID.fullmatch(text):
            raise ValueError("is no reference. Write `Type/id`, an id or an absolute URL")
        return Asked(tuple(f"{target}/{text}" for target in targets))
    local = keys(text, base_url)[:1]
    if not local or (":" not in local[0] and type_of(local[0]) is None):
        raise ValueError("is no reference. Write `Type/id`, an id or an absolute URL")
    return Asked(local)


def type_of(key: str) -> str | None:
    """The resource type that a reference's text names, None when it names none of R4's."""
    found = _RESOURCE.fullmatch(key)
    return found[1] if found and found[1] in RESOURCE_TYPES else None


def patient_id(key: str) -> str | None:
    """The id, when `key` is `Patient/id` of this server."""
    return key[8:] if key.startswith("Patient/") and "/" not in key[8:] else None


def mentioned(key: str, types: Collection[str]) -> tuple[int, str] | None:
    """The type's number and the id, when `key` is `Type/id` of one of the types; it need not be there."""
    type, _, id = key.partition("/")
    return (RESOURCE_TYPES[type], id) if type in types and _ID.fullmatch(id) else None


def text_of(node: Node) -> str | None:
    """The text that the element refers by; None for one that only has an identifier or a display."""
    return node if isinstance(node, str) else node.get("reference")


def refers_to(node: Node, resource_type: str) -> bool:
    """Whether the element says that it refers to a resource of that type."""
    text = text_of(node)
    return (text is not None and type_of(text) == resource_type) or node.get("type") == resource_type


def predicate(condition: Condition[Asked]) -> Predicate:
    """The rows that refer to what is asked for."""
    prefix, takes_patient = condition.parameter.prefix, condition.parameter.column == "patient"
    identified = [
        tokens_of.asked_token(_identified(prefix), one.identifier)
        for one in condition.asked
        if one.identifier
    ]
    named = [key for one in condition.asked for key in one.keys]
    about = [id for id in map(patient_id, named) if id] if takes_patient else []
    others = [key for key in named if not about or patient_id(key) is None]
    hashes = [*identified, *(token(prefix, key) for key in others)]
    return any_of([*([_about(about)] if about else []), *([tokens(hashes)] if hashes else [])])


def hashed(condition: Condition[Asked]) -> bool:
    """Whether a hash stands for something asked: all but the Patient that a resource is about."""
    if condition.parameter.column != "patient":
        return True
    return any(one.identifier or None in map(patient_id, one.keys) for one in condition.asked)


def meets(condition: Condition[Asked], node: Node, _: str, base_url: str) -> bool:
    """Whether the element refers to what is asked for."""
    return any(matches(one, node, base_url) for one in condition.asked)


def matches(wanted: Asked, node: Node, base_url: str = "") -> bool:
    """Whether the element refers to what was asked for."""
    if wanted.identifier is not None:
        named = node.get("identifier", {}) if isinstance(node, dict) else {}
        return any(
            tokens_of.matches(wanted.identifier, entry) for entry in tokens_of.READ["Identifier"](named)
        )
    text = text_of(node)
    return text is not None and not set(wanted.keys).isdisjoint(keys(text, base_url))


def token(prefix: str, key: str) -> int:
    """The token of one of `keys`, as stored and as asked."""
    return hashes.token(prefix, "r", key)


def _about(patients: list[str]) -> Predicate:
    if len(patients) == 1:
        return Predicate("r.patient = (SELECT key FROM patient_key WHERE id = %s)", (patients[0],))
    return Predicate(
        "r.patient = ANY(ARRAY(SELECT key FROM patient_key WHERE id = ANY(%s::text[])))", (patients,)
    )
