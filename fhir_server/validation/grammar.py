r"""The grammar of the primitive types, as anchored regular expressions.

https://hl7.org/fhir/R4/datatypes.html#primitive

R4's own expressions let 2024-02-30 through, since they know no month lengths; the ones here count the days, leap years
included, so that no calendar is needed after them. They use no look-around: one engine matches them in linear time.
"""

from functools import cache
from typing import Final

import jsonschema_rs

from fhir_server.definitions.structure import primitives

_YEAR = "(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY_OF_ANY_YEAR = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_DAY = f"(?:{_YEAR}-{_DAY_OF_ANY_YEAR}|{_LEAP_YEAR}-02-29)"
_MONTH = f"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

# R4's `\S` is the one of Java and XML Schema, which knows ASCII's blanks only: a no-break space is not one of them.
_VISIBLE = r"[^ \t\n\r\x0b\x0c]"
_TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]+"

_64 = r"(?:[0-9A-Za-z+/][ \t\r\n]*)"
_64_TAIL = rf"{_64}{{3}}=[ \t\r\n]*|{_64}{{2}}=[ \t\r\n]*=[ \t\r\n]*"

_OWN: Final = {
    "date": f"{_DAY}|{_MONTH}",
    "dateTime": f"{_DAY}(?:T{_TIME}{_ZONE})?|{_MONTH}",
    "instant": f"{_DAY}T{_TIME}{_ZONE}",
    "base64Binary": rf"[ \t\r\n]*(?:(?:{_64}{{4}})+(?:{_64_TAIL})?|{_64_TAIL})",
    "uri": f"{_VISIBLE}+",
    "url": f"{_VISIBLE}+",
    "canonical": f"{_VISIBLE}+",
    "code": f"{_VISIBLE}+(?:[ \t\n\r]{_VISIBLE}+)*",
    "string": _TEXT,
    "markdown": _TEXT,
    "xhtml": _TEXT,
}

NUMBERS: Final = frozenset({"integer", "positiveInt", "unsignedInt", "decimal"})
INTEGER_RANGES: Final = {
    "integer": (-(2**31), 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
}

ABSOLUTE_URI: Final = f"^[A-Za-z][A-Za-z0-9+.-]*:{_VISIBLE}+$"

# Required value sets that no list can hold: their codes have a grammar of their own. R4 takes the short
# names of its formats for media types too.
_CODE_GRAMMARS: Final = {
    "http://hl7.org/fhir/ValueSet/mimetypes": (
        r"xml|json|ttl|[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+(?:\s*;\s*\S(?:.*\S)?)?"
    ),
}


@cache
def pattern(primitive: str) -> str:
    """The anchored expression for the text of a primitive that JSON writes as a string."""
    return f"^(?:{_OWN.get(primitive) or primitives()[primitive].regex})$"


def code_pattern(value_set: str) -> str:
    """The anchored expression of a code from a value set that cannot be listed."""
    expression = _CODE_GRAMMARS.get(value_set)
    return f"^(?:{expression})$" if expression else pattern("code")


def matches(expression: str, text: str) -> bool:
    """Whether the anchored expression matches `text`, in time linear in its length, by the engine of the schema."""
    return _matcher(expression).is_valid(text)


@cache
def _matcher(expression: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        {"pattern": expression}, pattern_options=jsonschema_rs.RegexOptions()
    )
