"""A signed request from its bytes to its answer: authenticate, limit, answer once, take in.

docs/ingest.md; docs/adr/0009-device-authentication.md
"""

import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import structlog

from ingest import metrics
from ingest.address import each_named, names_type
from ingest.answer import Result, named_results_json, rejected_count, result_json, results_json
from ingest.api_key import claimed_key, holder
from ingest.decoders.batch import Batch, json_batch, named_batch, ndjson_batch
from ingest.decoders.phd_bundle import phd_batch
from ingest.device_auth import SignedRequest, credentials, message, verified
from ingest.errors import RateLimited, Unauthenticated, Unavailable, Unreadable
from ingest.issue import Issue, outcome
from ingest.pipeline import Pipeline
from ingest.ports import Admissions, Answer, Device, Letter, LetterFormat

Body = Literal["json", "ndjson", "fhir"]

MAX_READINGS: Final = 10_000
_PRUNE_EVERY_SECONDS: Final = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What an address takes and how it answers.

    `single` ones take one reading and answer 200 or 422, `named` ones take lists of records by the name of their type;
    the path of an `addressed` one names the device or its type, and where nothing is stored it answers 422.
    """

    transport: str
    format: LetterFormat
    single: bool = False
    named: bool = False
    addressed: bool = False

    @property
    def bodies(self) -> tuple[Body, ...]:
        """The kinds of body it takes."""
        if self.format == "phd":
            return ("fhir", "json")
        return ("json",) if self.single or self.named else ("json", "ndjson")


READINGS: Final = Endpoint("ingest/readings", "reading")
DEVICE_READINGS: Final = Endpoint("api/devices/readings", "addressed", addressed=True)
OMH: Final = Endpoint("ingest/omh", "omh")
PHD: Final = Endpoint("ingest/phd", "phd")
VITALS: Final = Endpoint("api/device/vitals", "vitals", single=True)
WEARABLES: Final = Endpoint("api/wearables/sync", "health-connect", named=True)


class Gateway:
    """Answers signed requests; each worker has one, and all share what the ports keep."""

    def __init__(
        self,
        pipeline: Pipeline,
        admissions: Admissions,
        clock: Callable[[], datetime],
        *,
        max_readings: int = MAX_READINGS,
        api_keys: bool = False,
    ) -> None:
        self._pipeline = pipeline
        self._admissions = admissions
        self._clock = clock
        self._max_readings = max_readings
        self._api_keys = api_keys
        self._pruned = time.monotonic()

    async def answer(
        self, request: SignedRequest, endpoint: Endpoint, body: Body, key: str | None = None
    ) -> Answer:
        """What the request is answered, after all it brought is committed; a copy gets the first one's answer.

        `key` is what the path of an addressed endpoint names. Raises Unauthenticated, RateLimited, TooLarge,
        Misaddressed, and Unavailable when nothing can be promised.
        """

        async def taken(device: Device) -> Answer:
            by_type = endpoint.addressed and names_type(key or "", device)
            return await self._taken(request.body, device, endpoint, body, by_type=by_type)

        return await self.once(request, taken, self._clock())

    async def once(
        self, request: SignedRequest, taken: Callable[[Device], Awaitable[Answer]], arrived: datetime
    ) -> Answer:
        """What `taken` answers the device that signed, or answered the first copy of the request, which arrived then.

        Raises Unauthenticated, RateLimited, and what `taken` raises.
        """
        device, signature = await self._authenticated(request, arrived)
        earlier = await self._admitted(device, signature)
        if earlier is not None:
            metrics.REPLAYS.inc()
            return earlier
        try:
            answer = await taken(device)
        except BaseException:
            await self._released(device, signature)
            raise
        await self._remembered(device, signature, answer)
        return answer

    async def _authenticated(self, request: SignedRequest, now: datetime) -> tuple[Device, bytes | None]:
        """The device that sent the request, and its signature if it signed."""
        try:
            if self._api_keys and request.api_key:
                return await self._holder(request, now), None
            claimed = credentials(request)
            device = await self._pipeline.devices.find(claimed.device, now)
            return verified(device, claimed, message(request, claimed), now), claimed.signature
        except Unauthenticated as refusal:
            refusal.keys_taken = self._api_keys
            metrics.REFUSED_SIGNATURES.labels(refusal.reason).inc()
            _log.warning("signature refused", reason=refusal.reason, device=refusal.device)
            raise

    async def _holder(self, request: SignedRequest, now: datetime) -> Device:
        if request.signature or request.timestamp:
            raise Unauthenticated("headers")
        claimed = claimed_key(request.api_key, confidential=request.confidential)
        return holder(await self._pipeline.devices.held_key(claimed.id, now), claimed, request.device, now)

    async def _admitted(self, device: Device, signature: bytes | None) -> Answer | None:
        """What the first copy was answered, None when this is it. Without a signature nothing tells copies."""
        try:
            if signature is not None:
                return await self._admissions.admit(device.key, signature)
            await self._admissions.limit(device.key)
        except RateLimited:
            metrics.RATE_LIMITED.inc()
            raise
        return None

    async def _taken(
        self, body: bytes, device: Device, endpoint: Endpoint, kind: Body, *, by_type: bool
    ) -> Answer:
        received = self._clock()
        try:
            batch = self._batch(body, endpoint, kind)
        except Unreadable as error:
            return await self._unreadable(body, device, endpoint, received, error)
        items = each_named(batch.items, device) if by_type else batch.items
        sha256 = hashlib.sha256(body).digest()
        results = await self._pipeline.take(items, batch.raw, device, received, endpoint.format, sha256)
        _count(results, device, endpoint)
        rejected = rejected_count(results)
        if endpoint.single:
            return Answer(422 if rejected else 200, result_json(results[0]))
        said = results_json(results) if batch.names is None else named_results_json(batch.names, results)
        if endpoint.addressed and results and rejected == len(results):
            return Answer(422, said)
        return Answer(207 if rejected else 200, said)

    def _batch(self, body: bytes, endpoint: Endpoint, kind: Body) -> Batch:
        if endpoint.named:
            return named_batch(body, self._max_readings)
        if endpoint.format == "phd":
            return phd_batch(body, self._max_readings)
        batch = (ndjson_batch if kind == "ndjson" else json_batch)(body, self._max_readings)
        if endpoint.single and (batch.is_array or len(batch.items) > 1):
            raise Unreadable(
                "The body is more than one reading. Send one JSON object, or all to /ingest/readings."
            )
        if not batch.items and not batch.is_array:
            raise Unreadable("The body is empty. Send at least one reading.")
        return batch

    async def _unreadable(
        self, body: bytes, device: Device, endpoint: Endpoint, received: datetime, error: Unreadable
    ) -> Answer:
        """A 400, once the body lies in the dead letter: the device did send something."""
        issue = Issue("structure", str(error))
        await self._pipeline.dead_letters.keep(
            [Letter(device.name, endpoint.format, body, received, (issue,))]
        )
        metrics.READINGS.labels(endpoint.transport, device.profile, "unreadable").inc()
        metrics.REJECTIONS.labels(device.profile, issue.code).inc()
        return Answer(400, outcome([issue]))

    async def _remembered(self, device: Device, signature: bytes | None, answer: Answer) -> None:
        """Keep the answer for copies. What was taken in is committed, so the answer holds even when this fails."""
        if signature is None:
            return
        try:
            await self._admissions.answered(device.key, signature, answer)
            if time.monotonic() - self._pruned > _PRUNE_EVERY_SECONDS:
                self._pruned = time.monotonic()
                await self._admissions.prune()
        except Unavailable:
            _log.warning("answer not kept for copies of the request", device=device.id)

    async def _released(self, device: Device, signature: bytes | None) -> None:
        if signature is None:
            return
        try:
            await self._admissions.release(device.key, signature)
        except Unavailable:
            _log.warning("claim left to its lease", device=device.id)


def _count(results: Sequence[Result], device: Device, endpoint: Endpoint) -> None:
    statuses: Counter[str] = Counter(result.status for result in results)
    for status, count in statuses.items():
        metrics.READINGS.labels(endpoint.transport, device.profile, status).inc(count)
    codes = Counter(
        issue.code
        for result in results
        if result.status == "rejected"
        for issue in result.issues
        if issue.severity == "error"
    )
    for code, count in codes.items():
        metrics.REJECTIONS.labels(device.profile, code).inc(count)
    _log.info("readings taken in", transport=endpoint.transport, device=device.id, **statuses)
