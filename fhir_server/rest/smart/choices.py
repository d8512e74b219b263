"""The patients and encounters that a person may choose from, and no others: a search with their own rights.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit

from fhir_server.clock import now
from fhir_server.json import JsonObject, stored
from fhir_server.rest.smart import told
from fhir_server.rest.smart.reception import Reception
from fhir_server.rest.smart.told import Choice
from fhir_server.search.access import access
from fhir_server.search.cursor import CURSOR
from fhir_server.search.plan import Limits
from fhir_server.search.searchset import Asking, search
from smart_auth.addresses import Addresses
from smart_auth.principal import Principal, Reach
from smart_auth.users import User

Pairs: TypeAlias = Sequence[tuple[str, str]]

PAGE: Final = 10
_ENCOUNTERS: Final = 20

_SPECIAL: Final = re.compile(r"[\\,$|]")
_SCOPES: Final = frozenset({"user/Patient.rs", "user/Encounter.rs"})


@dataclass(frozen=True, slots=True)
class Choices:
    """A page of choices; `next` asks for the following page, None on the last."""

    found: tuple[Choice, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Chooser:
    """The user who chooses, and nothing but what they may see."""

    reception: Reception
    at: Addresses
    user: User

    @property
    def reach(self) -> Reach | None:
        """Whom the user may see; None for nobody."""
        return self.user.reach(self.reception.settings.practitioners)

    async def patients(self, pairs: Pairs) -> Choices:
        """The patients that meet these search parameters. Raises InvalidSearch."""
        return await self._choices("Patient", (*pairs, ("_sort", "name")), told.patient)

    async def following(self, page: str) -> Choices:
        """The patients on a following page. Raises InvalidSearch for a page that was not given to this user."""
        return await self._choices("Patient", ((CURSOR, page),), told.patient)

    async def patient(self, id: str) -> Choice | None:
        """The patient with this id; None when the user may not see them, or there is none."""
        found = await self._choices("Patient", (("_id", escaped(id)),), told.patient)
        return next(iter(found.found), None)

    async def wards(self) -> tuple[Choice, ...]:
        """The patients whom a user with the role of a patient acts for, themselves among them, as far as they are here."""
        return await self.these(sorted(self.user.person.patients))

    async def these(self, ids: Sequence[str]) -> tuple[Choice, ...]:
        """The patients with these ids, as far as they are here, by name."""
        pairs = (("_id", ",".join(map(escaped, ids))), ("_count", str(len(ids))), ("_sort", "name"))
        return (await self._choices("Patient", pairs, told.patient)).found if ids else ()

    async def encounters(self, patient: str) -> tuple[Choice, ...]:
        """The latest encounters of the patient."""
        pairs = (("patient", escaped(patient)), ("_sort", "-date"), ("_count", str(_ENCOUNTERS)))
        return (await self._choices("Encounter", pairs, told.encounter)).found

    async def encounter(self, patient: str, id: str) -> Choice | None:
        """The encounter with this id; None unless it is this patient's."""
        pairs = (("_id", escaped(id)), ("patient", escaped(patient)))
        return next(iter((await self._choices("Encounter", pairs, told.encounter)).found), None)

    async def _choices(self, type: str, pairs: Pairs, choice: Callable[[JsonObject], Choice]) -> Choices:
        if self.reach is None:
            return Choices(())
        user, reception = self.user, self.reception
        caller = Principal(user.subject, _SCOPES, user=user.id, fhir_user=user.fhir_user, reach=self.reach)
        asking = Asking(
            caller=f"choosing {user.subject}",
            now=now(),
            base_url=self.at.fhir,
            handling="strict",
            limits=Limits(PAGE, reception.settings.max_count),
            cursor_key=reception.cursor_key,
            terminology=reception.terminology,
        )
        async with reception.database.connection() as connection:
            found = await search(connection, type, pairs, access(caller), asking)
        return _choices(stored(found.body), choice)


def escaped(value: str) -> str:
    """`value` as one value of a search parameter, whatever it holds."""
    return _SPECIAL.sub(r"\\\g<0>", value)


def _choices(bundle: JsonObject, choice: Callable[[JsonObject], Choice]) -> Choices:
    entries = cast("list[JsonObject]", bundle.get("entry", []))
    links = cast("list[JsonObject]", bundle.get("link", []))
    following = next((str(link["url"]) for link in links if link["relation"] == "next"), None)
    page = None if following is None else dict(parse_qsl(urlsplit(following).query)).get(CURSOR)
    return Choices(tuple(choice(cast("JsonObject", entry["resource"])) for entry in entries), page)
