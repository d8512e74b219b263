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

    def _image(self, version: Version) -> Image | None:
        if version.body is None:
            return None
        try:
            row = index(version.type, stored(version.body), base_url=self.base_url)
        except RequestError:
            return None  # from before a rule that it breaks: not known to be theirs
        return Image(version.type, version.id, row, version.body)
