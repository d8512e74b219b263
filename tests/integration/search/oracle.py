"""A judge of searches, written from https://hl7.org/fhir/R4/search.html alone and slow on purpose.

It shares nothing with the server: it has its own parsing, and a list of which elements each parameter reads. What the standard
leaves to a server is decided as docs/search.md says.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

OWN = "http://own/fhir"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
VALUE_SETS = {
    "http://vs/few": {
        ("http://a", "x"),
        ("http://b", "y"),
        ("http://hl7.org/fhir/observation-status", "final"),
    },
    "http://vs/none": set(),
    "http://vs/like-a-status": {("http://a", "amended")},
}
PARENTS = {("http://a", "x"): ("http://a", "top"), ("http://a", "y"): ("http://a", "x")}

ALWAYS, NEVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
Element = tuple[str, object]


# --- which elements a parameter reads --------------------------------------------------------------------------------


def at(datatype: str, *path: str) -> Callable[[dict], list[Element]]:
    def elements(resource: dict) -> list[Element]:
        found = [resource]
        for name in path:
            found = [
                child
                for node in found
                if name in node
                for child in (node[name] if isinstance(node[name], list) else [node[name]])
            ]
        return [(datatype, node) for node in found]

    return elements


def together(*parts: Callable[[dict], list[Element]]) -> Callable[[dict], list[Element]]:
    return lambda resource: [element for part in parts for element in part(resource)]


def if_patient(part: Callable[[dict], list[Element]]) -> Callable[[dict], list[Element]]:
    return lambda resource: [
        (datatype, node)
        for datatype, node in part(resource)
        if "Patient/" in node.get("reference", "") or node.get("type") == "Patient"
    ]


def contacts(system: str) -> Callable[[dict], list[Element]]:
    return lambda resource: [
        ("ContactPoint", one) for one in resource.get("telecom", ()) if one.get("system") == system
    ]


SUBJECT = at("Reference", "subject")
READS = {
    "Observation": {
        "code": at("CodeableConcept", "code"),
        "combo-code": together(at("CodeableConcept", "code"), at("CodeableConcept", "component", "code")),
        "component-code": at("CodeableConcept", "component", "code"),
        "category": at("CodeableConcept", "category"),
        "status": at("code:http://hl7.org/fhir/observation-status", "status"),
        "identifier": at("Identifier", "identifier"),
        "subject": SUBJECT,
        "patient": if_patient(SUBJECT),
        "focus": at("Reference", "focus"),
        "date": together(at("dateTime", "effectiveDateTime"), at("Period", "effectivePeriod")),
    },
    "Patient": {
        "identifier": at("Identifier", "identifier"),
        "telecom": at("ContactPoint", "telecom"),
        "phone": contacts("phone"),
        "email": contacts("email"),
        "active": at("boolean", "active"),
        "gender": at("code:http://hl7.org/fhir/administrative-gender", "gender"),
        # not an element: whether there is one that is not false
        "deceased": lambda resource: [
            ("boolean", resource.get("deceasedBoolean", False) or "deceasedDateTime" in resource)
        ],
        "name": at("HumanName", "name"),
        "family": at("family", "name", "family"),
        "given": at("string", "name", "given"),
        "address": at("Address", "address"),
        "address-city": at("string", "address", "city"),
        "birthdate": at("date", "birthDate"),
        "general-practitioner": at("Reference", "generalPractitioner"),
    },
    "Encounter": {
        "class": at("Coding", "class"),
        "type": at("CodeableConcept", "type"),
        "date": at("Period", "period"),
        "subject": SUBJECT,
        "patient": if_patient(SUBJECT),
    },
    "ValueSet": {
        "url": lambda resource: (
            [("url", resource["url"] + (f"|{resource['version']}" if "version" in resource else ""))]
            if "url" in resource
            else []
        ),
        "version": at("token string", "version"),
        "name": at("string", "name"),
        "title": at("string", "title"),
        "reference": at("uri", "compose", "include", "system"),
        "context": at("CodeableConcept", "useContext", "valueCodeableConcept"),
    },
    "QuestionnaireResponse": {
        "questionnaire": at("canonical", "questionnaire"),
        "subject": SUBJECT,
        "authored": at("dateTime", "authored"),
    },
    "DocumentReference": {"contenttype": at("mime", "content", "attachment", "contentType")},
}
OF_EVERY_TYPE = {
    "_profile": at("canonical uri", "meta", "profile"),
    "_source": at("uri", "meta", "source"),
    "_tag": at("Coding", "meta", "tag"),
    "_security": at("Coding", "meta", "security"),
}
TARGETS = {
    "subject": {
        "Observation": ("Group", "Device", "Patient", "Location"),
        "Encounter": ("Group", "Patient"),
        "QuestionnaireResponse": None,
    },
    "patient": {"Observation": ("Patient",), "Encounter": ("Patient",)},
    "focus": {"Observation": None},
    "general-practitioner": {"Patient": ("Practitioner", "Organization", "PractitionerRole")},
    "questionnaire": {"QuestionnaireResponse": ("Questionnaire",)},
}


def found(type: str, criterion: tuple[str, str], resource: dict) -> bool:
    """Whether the resource is found by `name:modifier` = value."""
    name, _, modifier = criterion[0].partition(":")
    elements = (READS[type] | OF_EVERY_TYPE)[name](resource)
    if modifier == "missing":
        return bool(elements) is (criterion[1] == "false")
    negated = modifier in ("not", "not-in")
    rule = {"not": "", "not-in": "in"}.get(modifier, modifier)
    met = any(
        one_found(rule, text, datatype, element, (type, name))
        for text in re.split(r"(?<!\\),", criterion[1])
        for datatype, element in elements
    )
    return met is not negated


def one_found(rule: str, text: str, datatype: str, element: object, asked_of: tuple[str, str]) -> bool:
    match datatype:
        case "date" | "dateTime" | "Period":
            return date_found(text, element)
        case "string" | "family" | "HumanName" | "Address":
            return string_found(rule, text, datatype, element)
        case "uri" | "url" | "canonical uri":
            return uri_found(rule, text, datatype, element)
        case "Reference" | "canonical":
            return reference_found(rule, text, element, asked_of)
    return token_found(rule, text, datatype, element)


# --- date ------------------------------------------------------------------------------------------------------------

DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?")


def covers(text: str) -> tuple[datetime, datetime]:
    year, month, day, hour, minute, second, fraction, zone = DATE.fullmatch(text).groups()
    numbers = [int(part) for part in (year, month or 1, day or 1, hour or 0, minute or 0, second or 0)]
    start = datetime(*numbers, tzinfo=UTC)
    if month is None:
        return start, start.replace(year=start.year + 1)
    if day is None:
        return start, (start + timedelta(days=32)).replace(day=1)
    if hour is None:
        return start, start + timedelta(days=1)
    if zone and zone != "Z":
        shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        start = start - shift if zone[0] == "+" else start + shift
    if fraction:
        digits = len(fraction) - 1
        start += timedelta(microseconds=int(fraction[1:].ljust(6, "0")))
        return start, start + timedelta(microseconds=10 ** (6 - digits))
    return start, start + (timedelta(minutes=1) if second is None else timedelta(seconds=1))


def date_found(text: str, element: object) -> bool:
    prefix, date = (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)
    if isinstance(element, dict):
        start = covers(element["start"])[0] if "start" in element else NEVER
        end = covers(element["end"])[1] if "end" in element else ALWAYS
    else:
        start, end = covers(element)
    first, last = covers(date)
    apart = abs(NOW - first) / 10  # of the time between then and now, as R4 proposes
    inside = first <= start and end <= last
    return {
        "eq": inside,
        "ne": not inside,
        "gt": end > last,
        "lt": start < first,
        "ge": end > last or inside,
        "le": start < first or inside,
        "sa": start >= last,
        "eb": end <= first,
        "ap": start < last + apart and end > first - apart,
    }[prefix]


# --- string ----------------------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    letters = [c for c in unicodedata.normalize("NFD", text.lower()) if c.isalnum() or c.isspace()]
    return " ".join("".join(letters).split())


def string_found(rule: str, text: str, datatype: str, element: object) -> bool:
    wanted = plainly(text)
    for part, family in parts_of(datatype, element):
        match rule:
            case "exact":
                met = part == wanted
            case "contains":
                met = plain(wanted) in plain(part)
            case _:
                words = [i for i in range(len(part)) if family and i and part[i - 1] in " -"]
                met = any(plain(part[i:]).startswith(plain(wanted)) for i in (0, *words))
        if met:
            return True
    return False


def parts_of(datatype: str, element: object) -> Iterator[tuple[str, bool]]:
    if datatype in ("string", "family"):
        yield element, datatype == "family"
        return
    for name, value in element.items():
        if name not in ("use", "type", "period"):
            for part in value if isinstance(value, list) else [value]:
                yield part, name == "family"


def plainly(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


# --- uri -------------------------------------------------------------------------------------------------------------


def uri_found(rule: str, text: str, datatype: str, element: str) -> bool:
    bare, bar, _ = element.partition("|")
    names = {element, bare} if datatype in ("canonical uri", "url") and bar else {element}
    match rule:
        case "below":
            return any(is_below(name, text) for name in names)
        case "above":
            return any(is_below(text, name) for name in names)
    return text in names


def is_below(uri: str, above: str) -> bool:
    if uri == above:
        return True
    return bool(re.match(r"\w+://[^/]", above)) and uri.startswith(above if above[-1] == "/" else above + "/")


# --- reference -------------------------------------------------------------------------------------------------------


def reference_found(rule: str, text: str, element: object, asked_of: tuple[str, str]) -> bool:
    type, name = asked_of
    if rule == "identifier":
        return "identifier" in element and token_found("", text, "Identifier", element["identifier"])
    stored = element if isinstance(element, str) else element.get("reference")
    if stored is None or stored.startswith("#"):
        return False
    stored = stored.removeprefix(OWN + "/")
    names = {stored, stored.partition("/_history/")[0], stored.partition("|")[0]}
    asked = text.removeprefix(OWN + "/")
    if "/" in asked or ":" in asked:
        return asked in names
    types = (rule,) if rule else TARGETS[name][type]
    return any(re.fullmatch(r"[A-Za-z]+/" + re.escape(asked), one) and is_of(one, types) for one in names)


def is_of(reference: str, types: tuple[str, ...] | None) -> bool:
    return types is None or reference.partition("/")[0] in types


# --- token -----------------------------------------------------------------------------------------------------------


def codings_of(datatype: str, element: object) -> list[tuple[str, str]]:
    if datatype == "CodeableConcept":
        return [pair for coding in element.get("coding", ()) for pair in codings_of("Coding", coding)]
    if datatype == "Coding":
        return [(element.get("system", ""), element.get("code", ""))]
    if datatype == "Identifier":
        return [(element.get("system", ""), element.get("value", ""))]
    if datatype.startswith("code:"):
        return [(datatype.partition(":")[2], element)]
    return [("", {True: "true", False: "false"}.get(element, element))]


def token_found(rule: str, text: str, datatype: str, element: object) -> bool:
    codings = codings_of(datatype, element) if datatype != "ContactPoint" else []
    match rule:
        case "text":
            return any(plain(one).startswith(plain(plainly(text))) for one in texts_of(datatype, element))
        case "in":
            return any(pair in VALUE_SETS[text] for pair in codings)
        case "above" | "below" if datatype != "mime":
            asked = tuple(text.split("|"))
            pairs = [(pair, asked) if rule == "below" else (asked, pair) for pair in codings]
            return any(top in lineage(bottom) for bottom, top in pairs)
        case "below":
            return element.split(";")[0].strip().lower() == text.lower()
        case "of-type":
            system, code, value = text.split("|")
            return (system, code) in codings_of("CodeableConcept", element.get("type", {})) and element.get(
                "value"
            ) == value
    if datatype == "ContactPoint":
        return "value" in element and contact(text) == contact(element["value"])
    if datatype == "token string":
        return text.lower() == element.lower()
    return any(coding_found(text, pair, implied=datatype.startswith("code:")) for pair in codings)


def coding_found(text: str, pair: tuple[str, str], *, implied: bool) -> bool:
    if "|" not in text:
        return pair[1] == text
    system, code = text.split("|")
    if implied and system == "":
        return pair[1] == code
    return pair[0] == system and code in ("", pair[1])


def texts_of(datatype: str, element: dict) -> list[str]:
    if datatype == "Identifier":
        return [element["type"]["text"]] if "text" in element.get("type", {}) else []
    codings = element.get("coding", ()) if datatype == "CodeableConcept" else [element]
    own = [element["text"]] if datatype == "CodeableConcept" and "text" in element else []
    return own + [coding["display"] for coding in codings if "display" in coding]


def lineage(pair: tuple[str, str]) -> list[tuple[str, str]]:
    return [pair, *(lineage(PARENTS[pair]) if pair in PARENTS else [])]


def contact(text: str) -> str:
    if re.fullmatch(r"[\d+().\-/\s]+", text):
        return re.sub(r"\D", "", text)
    return re.sub(r"\s", "", text).lower()
