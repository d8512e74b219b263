"""One attempt to tell a subscription what is next: what is told, whether it was taken, and what becomes of it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook; docs/adr/0024-delivery.md
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog
from prometheus_client import Counter, Histogram

from fhir_server import __version__, clock
from fhir_server.audit.port import Audit
from fhir_server.audit.record import Record
from fhir_server.errors import OperatorError
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound, OutboundError, Reply
from fhir_server.search.access import access
from fhir_server.store.database import Database
from fhir_server.store.subscriptions import deliveries
from fhir_server.store.subscriptions.contents import fitting
from fhir_server.store.subscriptions.deliveries import Claim
from fhir_server.store.unit_of_work import Transactions
from fhir_server.subscriptions.as_json import asked_from
from fhir_server.subscriptions.channels.catalog import CHANNELS
from fhir_server.subscriptions.channels.lines import Lines
from fhir_server.subscriptions.channels.outgoing import Kind, Message, Outgoing
from fhir_server.subscriptions.contents import contents
from fhir_server.subscriptions.disclosure import answered, discloses, disclosure, patient
from fhir_server.subscriptions.failing import UNTOLD, Failure, Forbearance, pause, state_after
from fhir_server.subscriptions.model import Asked
from fhir_server.subscriptions.news import event
from fhir_server.subscriptions.notification import About, Occurrence
from fhir_server.subscriptions.restate import recorded, restated
from fhir_server.subscriptions.secret_headers import SecretHeaders
from fhir_server.subscriptions.signing import signed
from fhir_server.subscriptions.standing import refusal
from smart_auth.principal import Principal

MOST_STATEMENTS: Final = 3
"""How many connections to the database are used at once, so that enough are left for requests."""
MOST_ANSWER_BYTES: Final = 1_000
MOST_BYTES_TOGETHER: Final = 2_000_000

_AGENT: Final = (b"user-agent", f"fhir-server/{__version__}".encode())
_UNREADABLE: Final = (
    "What the headers say cannot be read any more. Send the Subscription again with its headers."
)
_SENT: Final = Counter("fhir_notifications", "Notifications sent, by whether they were taken.", ("outcome",))
_DELAY: Final = Histogram(
    "fhir_notification_delay_seconds",
    "From the write of a resource to its endpoint's answer to the notification.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3_600),
)


@dataclass(frozen=True, slots=True)
class Sender:
    """With what is sent: by which way out, signed under which key, told under which address, with how much forbearance.

    `audit` keeps what was told to whom.
    """

    outbound: Outbound
    master_key: MasterKey
    base_url: str
    forbearance: Forbearance
    audit: Audit


class Attempts:
    """Attempts of the process that goes by `me`."""

    def __init__(self, database: Database, sender: Sender, me: str) -> None:
        self.lines = Lines(sender.outbound)
        self.statements = asyncio.Semaphore(MOST_STATEMENTS)
        self._database = database
        self._sender = sender
        self._secret_headers = SecretHeaders(sender.master_key)
        self._me = me
        self._log = structlog.get_logger()

    async def next(self, claimed: Claim, owner: Principal | None) -> Claim | None:
        """The claim as it is after one notification was taken; None where that is not known, or something else became of it.

        `owner` is who asked, as they are now, None where they may be told nothing more.
        """
        asked = asked_from(claimed.id, claimed.asked)
        channel, kind = CHANNELS.get(asked.channel.type), _kind(claimed)
        if channel is None or kind is None:
            await self._rest(claimed, beats=channel is not None and _is_served(claimed))
            return None
        refused = refusal(owner, asked)
        if owner is None or refused is not None:
            await self._end(claimed, refused)
            return None
        if not claimed.is_whole:
            claimed = await self._whole(claimed)
        try:
            outgoing = await self._outgoing(claimed, kind, asked, owner)
        except OperatorError:
            self._log.error("headers of a subscription unreadable", subscription=claimed.key)
            await self._failed(claimed, Failure(_UNREADABLE, is_hard=True))
            return None
        is_empty = kind == "events" and not outgoing.told  # they were kept no longer
        message = None if is_empty else channel.message(outgoing)
        if message is None:
            return await self._taken(claimed, outgoing)
        record = await self._disclosure(claimed, outgoing, message, owner)
        reply = await self._reply(claimed, message)
        failure = reply if isinstance(reply, Failure) else channel.failure(reply, clock.now())
        if record is not None and isinstance(reply, Reply):
            record = answered(record, reply, is_taken=failure is None)
        if failure is not None:
            await self._failed(claimed, failure, record)
            return None
        _SENT.labels("taken").inc()
        return await self._taken(claimed, outgoing, record)

    async def _whole(self, claimed: Claim) -> Claim:
        async with self.statements, self._database.connection() as connection:
            return replace(claimed, events=await deliveries.events(connection, claimed))

    async def _outgoing(self, claimed: Claim, kind: Kind, asked: Asked, owner: Principal) -> Outgoing:
        """What is told; raises OperatorError where the secrets of its headers cannot be read."""
        told = await self._told(claimed, asked, owner) if kind == "events" else []
        numbered = told[-1].event.number if told else claimed.numbered
        error = claimed.error if claimed.state == "error" else None
        return Outgoing(
            kind,
            asked,
            About(claimed.id, asked.told_topic, claimed.state, numbered, self._sender.base_url, error),
            told,
            self._secret_headers.open(claimed.id, claimed.headers),
            clock.now(),
        )

    async def _told(self, claimed: Claim, asked: Asked, owner: Principal) -> Sequence[Occurrence]:
        """The events that go together, with their contents: fewer where these are too large for one notification."""
        events = [event(one.row) for one in claimed.events]
        if asked.channel.content != "full-resource":
            return [Occurrence(one) for one in events]
        async with self.statements, self._database.connection() as connection:
            if len(events) > 1:
                versions = [(one.type, one.id, one.version) for one in events]
                events = events[: max(await fitting(connection, versions, MOST_BYTES_TOGETHER), 1)]
            return await contents(
                connection, events, asked.channel.content, access(owner), base_url=self._sender.base_url
            )

    async def _disclosure(
        self, claimed: Claim, outgoing: Outgoing, message: Message, owner: Principal
    ) -> Record | None:
        """What the audit is to keep of it; None for nothing. Raises Unavailable where it cannot: then nothing is to be sent."""
        if not (self._sender.audit.keeps and discloses(outgoing)):
            return None
        await self._sender.audit.be_ready()
        return disclosure(outgoing, message, owner, patient(claimed.events[: len(outgoing.told)]))

    async def _reply(self, claimed: Claim, message: Message) -> Reply | Failure:
        """What the endpoint answered, or why it was not told."""
        key, now = self._sender.master_key, clock.now()
        headers = (*message.headers, *signed(key, claimed.id, message.id, now, message.body))
        if not any(name.lower() == _AGENT[0] for name, _ in headers):
            headers = (_AGENT, *headers)
        try:
            line = await self.lines.to(claimed.key, message.url)
            return await line.request(
                message.method,
                message.url,
                headers,
                message.body,
                seconds=claimed.timeout,
                most=MOST_ANSWER_BYTES,
            )
        except OutboundError as error:
            return Failure(f"{UNTOLD}{error}")

    async def _taken(self, claimed: Claim, outgoing: Outgoing, record: Record | None = None) -> Claim | None:
        if outgoing.kind == "handshake":
            await self._greeted(claimed)
            return None
        for one in outgoing.told:
            _DELAY.observe((clock.now() - one.event.at).total_seconds())
        upto = outgoing.told[-1].event.number if outgoing.told else claimed.upto
        async with self.statements, self._database.connection() as connection:
            if claimed.error is not None and claimed.state == "active":
                await deliveries.say(connection, claimed, None)
            return await deliveries.acknowledge(connection, self._me, claimed, upto, record)

    async def _greeted(self, claimed: Claim) -> None:
        async with self.statements, self._recorded().transaction() as work:
            if await restated(work, claimed.id, "active", started_at=claimed.started_at):
                await deliveries.greet(work.connection, self._me, claimed)
            else:
                await deliveries.rest(work.connection, self._me, claimed, beats=False)

    async def _failed(self, claimed: Claim, failure: Failure, record: Record | None = None) -> None:
        attempts, now = claimed.attempts + 1, clock.now()
        failing_for = now - (claimed.failing_since or now)
        forbearance = self._sender.forbearance
        state = state_after(claimed.state, attempts, max(failing_for, timedelta(0)), failure, forbearance)
        delay = pause(attempts, failure, random.random())  # noqa: S311 - nobody's secret
        _SENT.labels("refused" if failure.is_hard or failure.is_gone else "failed").inc()
        self._log.info("notification not taken", subscription=claimed.key, attempts=attempts, state=state)
        async with self.statements, self._recorded().transaction() as work:
            if state == claimed.state:
                await deliveries.say(work.connection, claimed, failure.reason)
            else:
                await restated(work, claimed.id, state, failure.reason, started_at=claimed.started_at)
            await deliveries.fail(work.connection, self._me, claimed, delay, record)

    async def _end(self, claimed: Claim, reason: str | None) -> None:
        """The subscription is off: nothing may be told to its owner any more."""
        self._log.info("subscription off", subscription=claimed.key)
        async with self.statements, self._recorded().transaction() as work:
            await restated(work, claimed.id, "off", reason, started_at=claimed.started_at)
            await deliveries.rest(work.connection, self._me, claimed, beats=False)

    def _recorded(self) -> Transactions:
        return recorded(self._database, self._sender.audit)

    async def _rest(self, claimed: Claim, *, beats: bool) -> None:
        async with self.statements, self._database.connection() as connection:
            await deliveries.rest(connection, self._me, claimed, beats=beats)


def _kind(claimed: Claim) -> Kind | None:
    """What is due; None where nothing is."""
    if claimed.state == "requested" and not claimed.has_ended:
        return "handshake"
    if not _is_served(claimed):
        return None
    if claimed.upto > claimed.delivered:
        return "events"
    return "heartbeat" if claimed.is_quiet else None


def _is_served(claimed: Claim) -> bool:
    """Whether its endpoint is to be told anything: one in error only where it once took a handshake."""
    is_on = claimed.state == "active" or (claimed.state == "error" and claimed.greeted)
    return is_on and not claimed.has_ended
