"""`$lastn` of Observation: the latest of each code for one subject.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from collections.abc import Sequence
from typing import Final

import orjson

from fhir_server.errors import InvalidRequest
from fhir_server.operations.invocation import Invocation
from fhir_server.operations.latest import Connection, Row, candidates, latest
from fhir_server.operations.operation import Operation, Parameter
from fhir_server.operations.result import Result
from fhir_server.operations.selection import OBSERVATION, Selection, selection
from fhir_server.search.bundle import url

MOST: Final = 10_000  # Observations in one answer


async def serve(call: Invocation) -> Result:
    """A searchset Bundle, newest first. Raises InvalidRequest without a subject or without a code or category."""
    number = call.arguments.whole("max") or 1
    if number > call.settings.max_count:
        raise InvalidRequest(f"max is {number}. Ask for at most {call.settings.max_count}.", "max")
    _check_code(call)
    async with call.database.connection() as connection:
        selected = await selection(connection, call, call.arguments.criteria)
        found = await latest_of_each(connection, selected, number)
    return Result(_bundle(call, found))


def _check_code(call: Invocation) -> None:
    """R4 wants a category, or a parameter that looks at a code."""
    names = [name.partition(":")[0] for name, _ in call.arguments.criteria]
    if not any(name == "category" or "code" in name.split("-") for name in names):
        raise InvalidRequest(
            "What is asked for must be named: give category, code or another code.", "category"
        )


async def latest_of_each(connection: Connection, selected: Selection, number: int) -> list[Row]:
    """The latest of each group, newest first; what only seemed to match is made up for by asking for more.

    Raises InvalidRequest for more than one answer holds.
    """
    asked = number
    while True:
        given = await candidates(connection, selected, asked, MOST + 1)
        if len(given) > MOST:
            raise InvalidRequest(
                f"There are more than {MOST} Observations to give. Ask for a smaller max.", "max"
            )
        true = [row for row in given if selected.holds(row.body)]
        if len(given) - len(true) <= asked - number:
            return latest(true, number)
        asked = number + len(given) - len(true)


def _bundle(call: Invocation, rows: Sequence[Row]) -> bytes:
    asked = [(name, str(value)) for name, values in call.arguments.values.items() for value in values]
    here = url(call.base_url, f"{OBSERVATION}/$lastn", [*asked, *call.arguments.criteria])
    head = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(rows),
        "link": [{"relation": "self", "url": here}],
    }
    text = orjson.dumps(head)
    entries = b",".join(_entry(call, row) for row in rows)
    return text[:-1] + b',"entry":[' + entries + b"]}" if entries else text


def _entry(call: Invocation, row: Row) -> bytes:
    address = orjson.dumps(f"{call.base_url}/{OBSERVATION}/{row.id}")
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"match"}}' % (address, row.body.encode())


LASTN: Final = Operation(
    id="Observation-lastn",
    code="lastn",
    title="The latest Observations of each code",
    description="The latest Observations of one subject, by patient or subject, grouped by code: codings that one "
    "Observation carries together are the same code, codes that are text only are the same by their text. The start of the "
    "effective time decides; Observations of one time count as one, and those without a time come last. Takes every search "
    "parameter of Observation, category or one that looks at a code among them, but none that shapes a page.",
    levels={"type": "search"},
    types=(OBSERVATION,),
    takes=(Parameter("max", "positiveInt", 0, "1", "How many of each code; 1 without it."),),
    gives=(Parameter("return", "Bundle", 1, "1", "The Observations, newest first, a searchset."),),
    affects_state=False,
    by_index=True,
    serve=serve,
    base="http://hl7.org/fhir/OperationDefinition/Observation-lastn",
    searches=True,
)
