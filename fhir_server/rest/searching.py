"""Search over HTTP, by address or by form.

https://hl7.org/fhir/R4/http.html#search
"""

from fhir_server.clock import now
from fhir_server.rest.answer import About, Answer
from fhir_server.rest.audited import patient
from fhir_server.rest.call import Call
from fhir_server.rest.request import Pairs, pairs
from fhir_server.search.access import access, caller
from fhir_server.search.parse import Compartment
from fhir_server.search.plan import Limits
from fhir_server.search.searchset import Asking
from fhir_server.search.searchset import search as searchset


async def search(call: Call) -> Answer:
    """The Bundle of the resources that match the address."""
    return await _searchset(call, call.request.pairs)


async def search_by_form(call: Call) -> Answer:
    """The Bundle of the resources that match the form, and the address where that has parameters too."""
    return await _searchset(call, call.request.pairs + pairs(call.body.strip()))


async def _searchset(call: Call, asked: Pairs) -> Answer:
    target, seen = call.target, access(call.principal)
    about = Compartment(target.compartment, target.id) if target.compartment else None
    async with call.house.database.connection() as connection:
        found = await searchset(connection, target.type, asked, seen, _asking(call), about)
    return Answer(200, found.body, about=About(target.type, "", patient=patient(target, found.asked)))


def _asking(call: Call) -> Asking:
    settings = call.house.settings
    return Asking(
        caller=caller(call.principal),
        now=now(),
        base_url=call.request.base,
        handling=call.preferences.handling or settings.handling,
        limits=Limits(
            settings.default_count,
            settings.max_count,
            settings.max_chain,
            settings.max_include,
            settings.next_link_seconds,
        ),
        cursor_key=call.house.cursor_key,
        notices=call.house.background.notices,
        terminology=call.house.terminology,
    )
