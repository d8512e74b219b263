"""A call of `$lastn` explained: the SQL that it becomes, without a database.

https://hl7.org/fhir/R4/observation-operation-lastn.html
"""

from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fhir_server.clock import now
from fhir_server.operations.lastn import LASTN, MOST
from fhir_server.operations.latest import statement
from fhir_server.operations.selection import OBSERVATION, check, selected
from fhir_server.search.params.parameter import Reading
from fhir_server.search.parse import parse
from fhir_server.search.plan import Limits, plan
from fhir_server.store.predicate import EVERYTHING, Predicate

_PATH: Final = f"{OBSERVATION}/${LASTN.code}"
_LIMITS: Final = Limits(50, 1000)


def is_lastn(url: str) -> bool:
    """Whether `url` is a call of `$lastn`."""
    return urlsplit(url).path.rstrip("/").endswith(_PATH)


def explain(url: str, *, at: datetime | None = None) -> str:
    """The statement of `Observation/$lastn?…`, called at `at` or now.

    Raises InvalidRequest and InvalidSearch as the operation itself would.
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    number = next((int(text) for name, text in pairs if name == "max" and text.isdecimal()), 1)
    parsed = parse(OBSERVATION, [pair for pair in pairs if pair[0] != "max"])
    check(parsed)
    base_url = (
        f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/' + _PATH)}" if parts.netloc else ""
    )
    planned = plan(parsed, _every, "strict", _LIMITS, Reading(at or now(), base_url))
    found = statement(selected(planned), number, MOST + 1)
    return f"the latest {number} of each code\n{found.sql.strip()}\nparameters: {list(found.params)}"


def _every(_type: str, _interaction: str) -> Predicate:
    """There is no caller here, whose scopes would show less."""
    return EVERYTHING
