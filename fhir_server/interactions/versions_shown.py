"""Which versions of resources a caller may see: their own content decides, and that of the current one.

https://hl7.org/fhir/R4/http.html#history; docs/adr/0017-access.md

A resource may have been about somebody else once. So whoever may not see everything sees a version only where they may see
the resource as it is, or as it was when it was deleted, and the version as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from fhir_server.errors import RequestError
from fhir_server.json import stored
from fhir_server.search.index import index
from fhir_server.store import resources
from fhir_server.store.images import Image, meeting
from fhir_server.store.predicate import EVERYTHING, Predicate
from fhir_server.store.rows import Version


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see of a type, or of all; references under `base_url`, our own address, are read as relative ones."""

    access: Predicate
    base_url: str = ""

    @property
    def whole(self) -> bool:
        """Whether there is nothing that it does not show."""
        return self.access == EVERYTHING

    async def shows(self, connection: psycopg.AsyncConnection, contents: Sequence[Version]) -> list[bool]:
        """For each version whether its content would be shown if it were current; what has none is not."""
        if self.whole:
            return [True] * len(contents)
        images = [self._image(one) for one in contents]
        numbered = [(number, image) for number, image in enumerate(images) if image is not None]
        if not numbered:
            return [False] * len(contents)
        found = await meeting(connection, [image for _, image in numbered], self.access)
        shown = {numbered[place][0] for place in found}
        return [number in shown for number in range(len(contents))]

    async def current(self, connection: psycopg.AsyncConnection, type: str, id: str) -> Version | None:
        """The current version, which may be the deletion of what would be shown; None where there is none to be seen."""
        found = await resources.read(connection, type, id, self.access)
        if found is not None or self.whole:
            return found
        last = await resources.last_contents(connection, [(type, id)])
        if not last or not all(await self.shows(connection, list(last.values()))):
            return None
        return await resources.read(connection, type, id, EVERYTHING)

    async def numbered(
        self, connection: psycopg.AsyncConnection, type: str, id: str, version: int
    ) -> Version | None:
        """That version, or None where there is none to be seen."""
        found = await resources.vread(connection, type, id, version, EVERYTHING)
        if found is None or self.whole:
            return found
        if await self.current(connection, type, id) is None:
            return None
        return found if await self._which(connection, [found]) else None

    async def among(self, connection: psycopg.AsyncConnection, versions: Sequence[Version]) -> set[Version]:
        """Those of `versions` that are shown, by what they were and by what their resources are."""
        found = await self._which(connection, versions)
        last = await resources.last_contents(connection, {(one.type, one.id) for one in found})
        shown = await self.shows(connection, list(last.values()))
        hidden = {key for key, is_shown in zip(last, shown, strict=True) if not is_shown}
        return {one for one in found if (one.type, one.id) not in hidden}

    async def _which(self, connection: psycopg.AsyncConnection, versions: Sequence[Version]) -> list[Version]:
        """Those whose content is shown; of a deletion, that before it."""
        ended = {(one.type, one.id, one.version - 1) for one in versions if one.deleted}
        before = await resources.earlier(connection, ended) if ended else {}
        contents = [
            before.get((one.type, one.id, one.version - 1), one) if one.deleted else one for one in versions
        ]
        shown = await self.shows(connection, contents)
        return [one for one, is_shown in zip(versions, shown, strict=True) if is_shown]

    def _image(self, version: Version) -> Image | None:
        if version.body is None:
            return None
        try:
            row = index(version.type, stored(version.body), base_url=self.base_url)
        except RequestError:
            return None  # from before a rule that it breaks: not known to be theirs
        return Image(version.type, version.id, row, version.body)
