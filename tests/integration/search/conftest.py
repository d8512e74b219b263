"""Resources stored and searched as the server does it, without HTTP."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from fhir_server.errors import Forbidden
from fhir_server.json import dumps, parse
from fhir_server.search.access import Access
from fhir_server.search.index import index
from fhir_server.search.parse import Compartment
from fhir_server.search.plan import Limits
from fhir_server.search.searchset import Asking, search
from fhir_server.store.database import Database
from fhir_server.store.drafts import Draft
from fhir_server.store.predicate import EVERYTHING, Predicate
from terminology.service import NoTerminologyService

BASE = "http://fhir.test/fhir"


@dataclass(frozen=True)
class Found:
    """A searchset, taken apart."""

    bundle: dict

    @property
    def ids(self) -> list[str]:
        """Of the matches, in order."""
        entries = self.bundle.get("entry", ())
        return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"]

    @property
    def included(self) -> set[str]:
        """`Type/id` of what stands beside the matches; each of them once."""
        entries = [entry for entry in self.bundle.get("entry", ()) if entry["search"]["mode"] == "include"]
        urls = [entry["fullUrl"].removeprefix(f"{BASE}/") for entry in entries]
        assert len(urls) == len(set(urls))
        return set(urls)

    def link(self, relation: str) -> str | None:
        """The address of that relation."""
        return next((one["url"] for one in self.bundle["link"] if one["relation"] == relation), None)

    @property
    def next(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the next link, none on the last page."""
        return tuple(parse_qsl(urlsplit(self.link("next") or "").query))


def showing(predicate: Predicate, **of_type: Predicate | None) -> Access:
    """What a caller may see: those rows of every type, others of the types named, none where that is None."""

    def shown(type: str, interaction: str) -> Predicate:
        found = of_type.get(type, predicate)
        if found is None:
            raise Forbidden(f"{interaction} of {type} is not granted")
        return found

    return shown


async def searchset(
    database: Database,
    type: str,
    pairs: tuple[tuple[str, str], ...],
    access: Predicate | Access = EVERYTHING,
    compartment: Compartment | None = None,
    **changes: object,
) -> Found:
    """The searchset of `type?pairs`, as `tester` sees it unless told otherwise."""
    values = {
        "caller": "tester",
        "now": datetime(2026, 6, 1, tzinfo=UTC),
        "base_url": BASE,
        "handling": "strict",
        "limits": Limits(50, 1000),
        "cursor_key": b"k" * 32,
        "terminology": NoTerminologyService(),
    }
    async with database.connection() as connection:
        seen = showing(access) if isinstance(access, Predicate) else access
        page = await search(connection, type, pairs, seen, Asking(**(values | changes)), compartment)
    return Found(orjson.loads(page.body))


@pytest.fixture
def store(database: Database) -> Callable[..., Awaitable[None]]:
    """Stores resources; each has an id of its own."""

    async def stored(*resources: dict) -> None:
        drafts = []
        for resource in resources:
            tree = parse(dumps(resource))
            type = tree["resourceType"]
            drafts.append(Draft(type, tree["id"], tree, index(type, tree, base_url=BASE), "PUT"))
        for start in range(0, len(drafts), 500):
            await database.create_all(drafts[start : start + 500])

    return stored


@pytest.fixture
def find(database: Database) -> Callable[..., Awaitable[Found]]:
    """The searchset of `type?pairs`, as `tester` sees it unless told otherwise."""

    async def found(
        type: str, *pairs: tuple[str, str], access: Predicate | Access = EVERYTHING, **changes
    ) -> Found:
        return await searchset(database, type, pairs, access, **changes)

    return found


@pytest.fixture
def ask(find: Callable[..., Awaitable[Found]]) -> Callable[..., Awaitable[Found]]:
    """The same for a search as it follows the server's address."""

    async def found(url: str, *pairs: tuple[str, str], **changes) -> Found:
        place, _, query = url.partition("?")
        *about, type = place.split("/")
        compartment = Compartment(*about) if about else None
        asked = (*parse_qsl(query, keep_blank_values=True), *pairs)
        return await find("" if type == "*" else type, *asked, compartment=compartment, **changes)

    return found


@pytest.fixture
def observation() -> Callable[..., dict]:
    """A heart rate of Patient/p1, with some elements replaced."""

    def made(id: str, **elements: object) -> dict:
        return {
            "resourceType": "Observation",
            "id": id,
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": "2026-01-01T00:00:00Z",
            "valueQuantity": {
                "value": Decimal("72.0"),
                "unit": "beats/minute",
                "system": "http://unitsofmeasure.org",
                "code": "/min",
            },
        } | elements

    return made
