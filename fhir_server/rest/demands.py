"""What a request demands before it writes: permission, If-Match, If-None-Match, If-None-Exist, criteria, integrity.

https://hl7.org/fhir/R4/http.html#concurrency
"""

from typing import Final
from urllib.parse import urlencode

from fhir_server.errors import InvalidRequest, InvalidSearch
from fhir_server.interactions.condition import UNCONDITIONAL, Condition
from fhir_server.interactions.conditional import Query
from fhir_server.interactions.integrity import HeldToIntegrity
from fhir_server.interactions.permitted import Permitted
from fhir_server.rest.call import Call
from fhir_server.rest.etags import versions
from fhir_server.rest.request import pairs
from fhir_server.rest.told import tells
from fhir_server.search.access import access, may_choose_ids
from fhir_server.store.unit_of_work import Transactions

_OWN: Final = ("_format", "_pretty")
_MAKES_NOTHING: Final = Condition(makes=False)


def condition(call: Call) -> Condition:
    """What If-Match and If-None-Match demand, and whether a PUT may make what is not there. Raises InvalidRequest for a header that lists no ETags."""
    match = call.request.header(b"if-match")
    none_match = call.request.header(b"if-none-match")
    makes = call.request.method != "PUT" or may_choose_ids(call.principal, call.target.type)
    if match is None and none_match is None:
        return UNCONDITIONAL if makes else _MAKES_NOTHING
    return Condition(
        match=None if match is None else versions(match, "If-Match"),
        none_match=None if none_match is None else versions(none_match, "If-None-Match"),
        makes=makes,
        tells=tells(call),
    )


def transactions(call: Call) -> Transactions:
    """Where the transactions of a write come from: the database, held to what the caller may write, and to the audit.

    And to referential integrity, where the operator wants it.
    """
    house = call.house
    plain: Transactions = house.database
    if house.settings.reference_integrity == "on":
        plain = HeldToIntegrity(
            house.database, access(call.principal), call.request.base, house.background.refuse_blindness
        )
    return house.audit.within(Permitted(plain, call.principal, house.registrar), call.trail)


def query(call: Call, text: str) -> Query:
    """The search `text`, among what the caller may search.

    Raises Unavailable while the search index is not whole: what it does not show yet must not be made a second time.
    """
    call.house.background.refuse_blindness()
    seen = access(call.principal)
    seen(call.target.type, "search")
    return Query(text, seen, call.request.base)


def criteria(call: Call) -> str:
    """The search in the address of a conditional interaction; raises InvalidSearch when there is none."""
    text = urlencode([(name, value) for name, value in call.request.pairs if name not in _OWN])
    if not text:
        raise InvalidSearch(
            "A conditional interaction needs search parameters that name one resource. Add them."
        )
    return text


def if_none_exist(header: str, resource_type: str) -> str:
    """The search in If-None-Exist; raises InvalidRequest when it is of another type, InvalidSearch when empty."""
    path, question, rest = header.partition("?")
    if question and path.rstrip("/").rsplit("/", 1)[-1] not in ("", resource_type):
        raise InvalidRequest(
            f"If-None-Exist searches {path[:80]!r}, not {resource_type}. Leave the path out."
        )
    text = rest if question else header
    if not pairs(text.encode("latin-1")):
        raise InvalidSearch("If-None-Exist is empty. Send search parameters that name one resource.")
    return text
