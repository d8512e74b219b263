"""Subscriptions taken on in the transaction that writes them: for whom, from when, and with which secrets.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.status

A Subscription that a client requests starts, or starts again under the numbers that follow; one that it turns off, or deletes,
rests. `active` and `error` are the server's to say: whoever sends back what was read changes nothing of what is asked.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from fhir_server.errors import Forbidden, OperatorError, Unprocessable
from fhir_server.keys import MasterKey
from fhir_server.outbound import Outbound, OutboundError
from fhir_server.search.access import owner_key
from fhir_server.store.rows import Key, Version
from fhir_server.store.subscriptions import registrations
from fhir_server.store.subscriptions.apart import Apart
from fhir_server.store.subscriptions.registrations import Registration, State, Wanted
from fhir_server.store.unit_of_work import UnitOfWork
from fhir_server.subscriptions.as_json import asked_from, owner_json
from fhir_server.subscriptions.asked import TYPE
from fhir_server.subscriptions.asked_channel import PUSHED
from fhir_server.subscriptions.asked_headers import PLACE as HEADER
from fhir_server.subscriptions.model import Asked
from fhir_server.subscriptions.secret_headers import SecretHeaders
from fhir_server.subscriptions.standing import refuse_unseen
from smart_auth.principal import Principal

_PORTS: Final = MappingProxyType({"http": 80, "https": 443})


class NotRunnable(Unprocessable):
    """A Subscription that cannot be run as it is asked, named beside its issue."""

    def __init__(self, id: str, diagnostics: str, element: str) -> None:
        super().__init__(diagnostics, element)
        self.resources: tuple[Key, ...] = ((TYPE, id),)


class NotToBeTold(Forbidden):
    """A Subscription to what its writer may not see, named beside its issue."""

    def __init__(self, id: str, diagnostics: str, element: str) -> None:
        super().__init__(diagnostics, element)
        self.resources: tuple[Key, ...] = ((TYPE, id),)


class Registrar:
    """Takes Subscriptions on, their secrets sealed under the master key, where `outbound` may send to.

    None may send to `base_url`, this server's own: what it told would be written, and told again. An owner
    may have `most_each` that are not off, administrators any number.
    """

    __slots__ = ("_base_url", "_headers", "_most_each", "_outbound")

    def __init__(self, master_key: MasterKey, outbound: Outbound, base_url: str, most_each: int) -> None:
        self._base_url = base_url
        self._most_each = most_each
        self._headers = SecretHeaders(master_key)
        self._outbound = outbound

    async def take_on(self, work: UnitOfWork, principal: Principal) -> None:
        """Keeps what the Subscriptions that `principal` wrote in `work` ask for.

        Raises NotRunnable or NotToBeTold, naming the element that is to blame.
        """
        for version in _last(work.written):
            known = await registrations.locked(work.connection, version.id)
            if version.deleted:
                await registrations.deleted(work.connection, version.id)
            else:
                # there for each: whoever drafts a Subscription takes it apart, since without it would never be run
                apart = work.apart[TYPE, version.id]
                await self._keep(work, principal, version.id, known, apart)

    async def _keep(
        self, work: UnitOfWork, principal: Principal, id: str, known: Registration | None, apart: Apart
    ) -> None:
        if apart.state != "off":  # which nobody is kept from
            asked = asked_from(id, apart.asked, apart.ends_at)
            _check_rights(principal, asked)
            self._check_endpoint(asked)
        held = self._held(known)
        said = _said(id, known, held or {}, apart)
        sealed = known.headers if known is not None and said == held else self._headers.close(id, said)
        key, owner = owner_key(principal), owner_json(principal)
        if known is not None and known.owner_key != key:
            key, owner = known.owner_key, known.owner  # whoever else may write it does not make it theirs
        if apart.state != "off" and (known is None or known.state == "off") and not principal.administrator:
            await self._check_number(work, id, key)
        goes_on = known is not None and said == held and known.asked == apart.asked
        wanted = Wanted(
            key, owner, apart.asked, sealed, _state(id, known, apart, goes_on=goes_on), apart.ends_at
        )
        if known is None:
            await registrations.add(work.connection, id, wanted)
        elif apart.state == "requested":
            await registrations.start(work.connection, known, wanted, anew=_is_anew(known, apart))
        else:
            await registrations.keep(work.connection, known, wanted)

    async def _check_number(self, work: UnitOfWork, id: str, owner_key: str) -> None:
        if await registrations.running(work.connection, owner_key) >= self._most_each:
            raise NotRunnable(
                id,
                f"You have {self._most_each} Subscriptions that are not off, as many as the operator allows each "
                "(FHIR_MAX_SUBSCRIPTIONS_EACH). Turn one off first.",
                TYPE,
            )

    def _held(self, known: Registration | None) -> dict[str, str] | None:
        """The headers as they are kept; None where they cannot be read any more, so that they may be sent anew."""
        try:
            return {} if known is None else self._headers.open(known.id, known.headers)
        except OperatorError:
            return None

    def _check_endpoint(self, asked: Asked) -> None:
        reason = None if asked.channel.endpoint is None else self._refusal(asked.channel.endpoint)
        if reason is not None:
            text = f"Nothing can be sent to the endpoint: {reason} Name another."
            raise NotRunnable(asked.id, text, f"{TYPE}.channel.endpoint")

    def _refusal(self, endpoint: str) -> str | None:
        try:
            self._outbound.check(endpoint)
        except OutboundError as error:
            return str(error)
        if _leads_to(self._base_url, endpoint):
            return "it is this server's own address, where what is told would be told again."
        return None


def _last(written: Iterable[Version]) -> list[Version]:
    """The last version of each Subscription that was written, in the order of their ids, so that none wait for each other."""
    found = {one.id: one for one in written if one.type == TYPE}
    return [found[id] for id in sorted(found)]


def _check_rights(principal: Principal, asked: Asked) -> None:
    try:
        refuse_unseen(principal, asked)
    except Forbidden as error:
        raise NotToBeTold(asked.id, str(error), f"{TYPE}.criteria") from error


def _said(id: str, known: Registration | None, held: dict[str, str], apart: Apart) -> dict[str, str]:
    """What each header says: as sent, or as it was. A secret stays with the host that it was given for."""
    kept = dict[str, str]()
    if known is not None and _origin(known.asked) == _origin(apart.asked):
        kept = {name.lower(): value for name, value in held.items()}
    found = dict[str, str]()
    for number, (name, value) in enumerate(apart.headers.items()):
        said = kept.get(name.lower()) if value is None else value
        if said is None:
            text = f"No secret of the header {name} is kept for this endpoint. Send what it says."
            raise NotRunnable(id, text, f"{HEADER}[{number}]")
        found[name] = said
    return found


def _state(id: str, known: Registration | None, apart: Apart, *, goes_on: bool) -> State:
    """The state that it is in from now on. Raises NotRunnable where the client says what only the server may."""
    if apart.state == "off":
        return "off"
    if apart.state == "requested":
        return "requested" if apart.asked["channel"]["type"] in PUSHED else "active"
    if known is None or known.state != apart.state or not goes_on:
        raise NotRunnable(
            id,
            f"The status {apart.state} is the server's to set. Send requested, which starts the Subscription, or off.",
            f"{TYPE}.status",
        )
    return known.state


def _is_anew(known: Registration, apart: Apart) -> bool:
    """Whether what changed before is none of it: it rested, or asks for something else now."""
    same = all(known.asked[name] == apart.asked[name] for name in ("topic", "criteria"))
    return known.state == "off" or not same


def _origin(asked: registrations.Kept) -> tuple[str, str]:
    endpoint = urlsplit(asked["channel"]["endpoint"] or "")
    return endpoint.scheme, endpoint.netloc


def _leads_to(base_url: str, endpoint: str) -> bool:
    base, asked = urlsplit(base_url), urlsplit(endpoint)
    places = [(one.scheme, one.hostname, one.port or _PORTS.get(one.scheme)) for one in (base, asked)]
    return places[0] == places[1] and f"{asked.path}/".startswith(f"{base.path.rstrip('/')}/")
