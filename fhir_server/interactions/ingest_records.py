"""What the audit keeps of ingest: readings that were rejected, and requests of devices that did not prove who they are.

docs/ingest.md, "Dead letters"; docs/adr/0019-audit.md. What was taken in has its Provenance.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from fhir_server.audit.origin import ORIGIN
from fhir_server.audit.port import Audit
from fhir_server.audit.record import REFUSED, Agent, Record
from fhir_server.store.devices.dead_letters import StoredDeadLetters
from fhir_server.store.devices.reach import reached
from ingest.device_auth import SignedRequest
from ingest.errors import Unauthenticated
from ingest.gateway import Gateway
from ingest.issue import Issue
from ingest.pipeline import Pipeline
from ingest.ports import Admissions, Answer, Device, KeptLetter, Letter

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_UNKNOWN: Final = "(not a name)"


class RecordedRejections:
    """Dead letters that are recorded, each with the codes of what was wrong; implements `ingest.ports.DeadLetters`."""

    def __init__(self, letters: StoredDeadLetters, audit: Audit) -> None:
        self._letters = letters
        self._audit = audit

    async def keep(self, letters: Sequence[Letter]) -> None:
        """Returns when all are committed and recorded."""
        await self._letters.keep(letters)
        with reached():
            await self._audit.keep([_rejected(letter) for letter in letters])

    async def waiting(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:
        """The letters that wait, oldest first, numbers above `after`."""
        return await self._letters.waiting(after=after, limit=limit)

    async def get(self, number: int) -> KeptLetter | None:
        """The letter of that number."""
        return await self._letters.get(number)

    async def stored(self, number: int, references: tuple[str, ...]) -> None:
        """Nothing; the letter was taken in after all, as what `references` name."""
        await self._letters.stored(number, references)

    async def refused(self, number: int, issues: tuple[Issue, ...]) -> None:
        """Nothing; the letter was rejected again."""
        await self._letters.refused(number, issues)


class RecordingGateway(Gateway):
    """A gateway that records whom it refuses."""

    def __init__(
        self,
        audit: Audit,
        pipeline: Pipeline,
        admissions: Admissions,
        clock: Callable[[], datetime],
        *,
        api_keys: bool,
    ) -> None:
        super().__init__(pipeline, admissions, clock, api_keys=api_keys)
        self._audit = audit

    async def once(
        self, request: SignedRequest, taken: Callable[[Device], Awaitable[Answer]], arrived: datetime
    ) -> Answer:
        """As of any gateway; a refusal is raised once it is recorded."""
        try:
            return await super().once(request, taken, arrived)
        except Unauthenticated as refusal:
            agent = Agent(_subject(refusal.device))
            with reached():
                await self._audit.keep(
                    [Record("ingest", "denied", REFUSED, agent, ORIGIN.get(), reason=refusal.reason)]
                )
            raise


def _rejected(letter: Letter) -> Record:
    codes = dict.fromkeys(issue.code for issue in letter.issues if issue.severity == "error")
    return Record(
        "ingest",
        "rejected",
        REFUSED,
        Agent(_subject(letter.device)),
        ORIGIN.get(),
        name=letter.format,
        reason=" ".join(codes),
    )


def _subject(device: str | None) -> str:
    """The device as it names itself, where that is a name."""
    if not device:
        return ""
    return f"device:{device if _NAME.fullmatch(device) else _UNKNOWN}"
