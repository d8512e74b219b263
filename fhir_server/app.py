"""The web application of one worker: the only place that puts the pieces together.

https://fastapi.tiangolo.com/advanced/events/
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from fhir_server import __version__, clock, logs
from fhir_server.audit.port import NoAudit
from fhir_server.errors import OperatorError
from fhir_server.interactions.client_registry import ClientRegistry
from fhir_server.interactions.device_types import device_types
from fhir_server.interactions.ingest_gateway import gateway, intake
from fhir_server.keys import MasterKey, master_key
from fhir_server.operations.background import Background
from fhir_server.outbound import Outbound
from fhir_server.rest import probes, spool
from fhir_server.rest.api import clients, devices, patients, users
from fhir_server.rest.api.guarded import administrators, admission
from fhir_server.rest.call import Authenticator, House
from fhir_server.rest.capabilities import capabilities
from fhir_server.rest.catalog import CATALOG
from fhir_server.rest.endpoint import Endpoint
from fhir_server.rest.live import events_route, socket_route
from fhir_server.rest.live.hub import Hub
from fhir_server.rest.middleware.capacity import Capacity
from fhir_server.rest.middleware.cors import Cors
from fhir_server.rest.middleware.fhir import Fhir
from fhir_server.rest.middleware.head import Head
from fhir_server.rest.middleware.local_host import LocalHost
from fhir_server.rest.middleware.patience import Patience
from fhir_server.rest.middleware.proxies import Proxies
from fhir_server.rest.middleware.request_log import RequestLog
from fhir_server.rest.middleware.security_headers import SecurityHeaders
from fhir_server.rest.middleware.unexpected import Unexpected
from fhir_server.rest.openapi import document
from fhir_server.rest.rates import AddressRates, RatedCallers
from fhir_server.rest.refusals import FewRefusals
from fhir_server.rest.routing import Routes
from fhir_server.rest.smart import discovery, introspect, jwks, launches, people, revoke, token
from fhir_server.rest.smart.adapter import Desk
from fhir_server.rest.smart.care import CareHere
from fhir_server.rest.smart.origins import Origins
from fhir_server.rest.smart.published import Published
from fhir_server.rest.smart.reception import Reception
from fhir_server.rest.streams import subscription_socket
from fhir_server.rest.streams.callers import Callers
from fhir_server.rest.streams.open_streams import Streams
from fhir_server.rest.streams.subscription_judges import Judges
from fhir_server.rest.unanswered import unanswered
from fhir_server.search.served_resources import ServedResources
from fhir_server.settings import Settings
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.store.audit.sealing import Sealer
from fhir_server.store.blobs.catalog import blobs
from fhir_server.store.database import Database
from fhir_server.store.gather import Gather
from fhir_server.store.rates import Rates
from fhir_server.store.readiness import readiness
from fhir_server.store.smart.app_requests import AppRequests
from fhir_server.store.smart.assertions import Assertions
from fhir_server.store.smart.bearers import Bearers
from fhir_server.store.smart.clients import Clients
from fhir_server.store.smart.consents import Consents
from fhir_server.store.smart.grants import Grants
from fhir_server.store.smart.launches import Launches
from fhir_server.store.smart.sessions import Sessions
from fhir_server.store.smart.signing_keys import SigningKeys
from fhir_server.store.smart.standings import Standings
from fhir_server.store.smart.users import Accounts
from fhir_server.subscriptions.registrar import Registrar
from fhir_server.subscriptions.service import Service
from fhir_server.subscriptions.signing import secret
from fhir_server.subscriptions.stream import Followers
from fhir_server.tasks import ended
from fhir_server.validation.structure import warm_up
from ingest.gateway import Gateway
from ingest.transports import http as readings
from ingest.transports import http_files
from ingest.transports.http_direct import Direct
from ingest.transports.http_files import Limits
from smart_auth.bearer import LOCAL, OPERATOR, Bearer, EveryoneLocal, StaticToken
from smart_auth.client_keys import ClientKeys
from smart_auth.oauth.endpoints import Endpoints
from smart_auth.oauth.kept import Kept, Lives
from smart_auth.passwords import Passwords
from terminology.service import NoTerminologyService

Lifespan: TypeAlias = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(settings: Settings, authenticator: Authenticator | None = None) -> FastAPI:
    """The application; its lifespan opens the database and closes it. Raises OperatorError for settings that cannot be.

    `authenticator` says who callers are, instead of what the settings name.
    """
    logs.configure(settings.log_level, settings.log_file)
    url = _database_url(settings)
    database = Database(
        url,
        size=settings.pool_size,
        statement_timeout_ms=settings.statement_timeout_ms,
        blobs=blobs(settings),
    )
    key = _master_key(settings)
    profiles = device_types(settings.profiles_dir)
    incoming = _incoming(settings)
    spool.sweep(incoming)
    house = _house(settings, database, key, incoming, authenticator)
    rates = AddressRates(database, settings)
    desk = _desk(house, key, rates)
    live = Hub(database, house.streams, house.cursor_key, settings.base_url or "")
    app = FastAPI(
        title="fhir-server",
        version=__version__,
        lifespan=_lifespan(house, live, desk.endpoints, key),
        redirect_slashes=False,  # a device's signature is over the path: elsewhere it would not hold
        docs_url=None,
        redoc_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.audit = house.audit
    app.state.streams = house.streams
    app.include_router(probes.router(readiness(database), house.authenticator))
    taking = gateway(database, key, settings, profiles, house.audit)
    app.include_router(readings.router(taking, max_body_bytes=settings.max_body_bytes))
    app.include_router(
        http_files.router(
            taking,
            intake(database, key, profiles),
            admission(house.authenticator, administrators, house.audit, "file-create"),
            clock.now,
            Limits(settings.max_file_bytes, settings.files_at_once, incoming),
        )
    )
    app.include_router(
        devices.router(database, key, house.authenticator, profiles, takes_keys=settings.device_api_keys)
    )
    app.include_router(patients.router(house))
    app.include_router(events_route.router(house, live))
    app.router.routes.append(socket_route.route(house, live))
    app.router.routes.append(subscription_socket.route(house))
    app.include_router(users.router(database, house.authenticator, house.audit))
    app.include_router(
        clients.router(
            ClientRegistry(database, settings.outbound_allow),
            SigningKeys(database, key),
            house.authenticator,
            house.audit,
        )
    )
    reception = _reception(house, key, rates)
    app.include_router(people.router(reception, house.audit))
    app.include_router(launches.router(reception, house.authenticator, house.audit))
    for routes in (discovery, jwks, token, introspect, revoke):
        app.include_router(routes.router(desk))
    app.add_exception_handler(HTTPException, unanswered)
    app.openapi = document(app, CATALOG)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    _wrap(app, house, taking)
    return app


def _wrap(app: FastAPI, house: House, taking: Gateway) -> None:
    """What every request passes, innermost first."""
    app.add_middleware(Head)
    app.add_middleware(Direct, gateway=taking, max_body_bytes=house.settings.max_body_bytes)
    app.add_middleware(Fhir, endpoint=Endpoint(house))
    app.add_middleware(Patience, seconds=house.settings.body_seconds)
    app.add_middleware(Capacity, most=house.settings.max_waiting)
    app.add_middleware(Unexpected)
    registered = Origins(Clients(house.database)).known
    app.add_middleware(Cors, origins=house.settings.cors_origins, registered=registered)
    if house.settings.auth == "off":
        app.add_middleware(LocalHost)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    if house.settings.trusted_proxies:
        app.add_middleware(Proxies, trusted=house.settings.trusted_proxies)


def _incoming(settings: Settings) -> Path:
    """The folder that files are written to as they come; a private one of this process where there is no data folder."""
    if settings.data_dir is None:
        return Path(tempfile.gettempdir())
    folder = settings.data_dir / "incoming"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _house(
    settings: Settings,
    database: Database,
    key: MasterKey,
    incoming: Path,
    authenticator: Authenticator | None,
) -> House:
    bearers = Bearers(database, settings.practitioners, ServedResources())
    authenticator = authenticator or _authenticator(settings, database, bearers, key)
    audit = FewRefusals(KeptAudit(database) if settings.audit == "on" else NoAudit())
    streams = Streams(
        Callers(authenticator, bearers if settings.auth == "on" else None),
        audit,
        most=settings.max_streams,
        most_each=settings.max_streams_each,
    )
    standings = _standings(settings, key)
    return House(
        settings=settings,
        database=database,
        gather=Gather(database),
        authenticator=authenticator,
        audit=audit,
        cursor_key=key.derive("cursor"),
        terminology=NoTerminologyService(),
        capabilities=capabilities(CATALOG, secured=settings.auth == "on"),
        routes=Routes(CATALOG),
        background=Background(database, settings.fhir_url),
        incoming=incoming,
        registrar=Registrar(
            key, Outbound(settings.outbound_allow), settings.fhir_url, settings.max_subscriptions_each
        ),
        signing_secret=partial(secret, key),
        streams=streams,
        followers=Followers(database),
        judges=Judges(streams, database, standings),
    )


def _reception(house: House, key: MasterKey, rates: AddressRates) -> Reception:
    """What the pages for people are served with."""
    settings, database = house.settings, house.database
    return Reception(
        settings=settings,
        database=database,
        cursor_key=key.derive("cursor"),
        terminology=house.terminology,
        accounts=Accounts(database),
        passwords=Passwords(),
        sessions=Sessions(
            database,
            idle=timedelta(minutes=settings.session_idle_minutes),
            longest=timedelta(hours=settings.session_hours),
        ),
        asking=AppRequests(database),
        consents=Consents(database),
        launches=Launches(database),
        clients=Clients(database),
        grants=Grants(database, timedelta(days=settings.grant_days)),
        resources=ServedResources(),
        rates=rates,
    )


def _desk(house: House, key: MasterKey, rates: AddressRates) -> Desk:
    """What the endpoints for tokens are served with."""
    settings, database = house.settings, house.database
    signing_keys = SigningKeys(database, key)
    kept = Kept(
        clients=Clients(database),
        people=Accounts(database),
        care=CareHere(database, settings.practitioners),
        grants=Grants(database, timedelta(days=settings.grant_days)),
        replays=Assertions(database),
        client_keys=ClientKeys(Published(Outbound(settings.outbound_allow))),
        signing_keys=signing_keys,
        resources=ServedResources(),
        lives=Lives(
            access=timedelta(seconds=settings.access_token_seconds),
            refresh=timedelta(days=settings.refresh_token_days),
            grace=timedelta(seconds=settings.refresh_grace_seconds),
        ),
    )
    return Desk(settings, Endpoints(kept), signing_keys, house.authenticator, house.audit, rates)


def _authenticator(settings: Settings, database: Database, bearers: Bearers, key: MasterKey) -> Authenticator:
    if settings.auth == "off":
        return EveryoneLocal()
    static = None
    if settings.token is not None:
        token = settings.token.get_secret_value()
        static = StaticToken(token, key.fingerprint(token))
    bearer = Bearer(bearers, static)
    if settings.client_rate is None:
        return bearer
    return RatedCallers(bearer, Rates(database), settings.client_rate, settings.client_burst)


def _standings(settings: Settings, key: MasterKey) -> Standings:
    """Who owners of subscriptions are now; the operator's credential is the one that lets in by these settings."""
    credentials = list[tuple[str, str | None]]()
    if settings.auth == "off":
        credentials.append((LOCAL, None))
    elif settings.token is not None:
        credentials.append((OPERATOR, key.fingerprint(settings.token.get_secret_value())))
    return Standings(settings.practitioners, ServedResources(), credentials)


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise OperatorError("No database is named. Set DATABASE_URL, or start with `fhir-server serve`.")
    return settings.database_url.get_secret_value()


def _master_key(settings: Settings) -> MasterKey:
    if settings.master_key is None and settings.data_dir is None:
        raise OperatorError(
            "There is no master key. Set FHIR_MASTER_KEY, or FHIR_DATA_DIR for a folder that keeps one."
        )
    return master_key(settings.master_key, settings.data_dir or Path(), settings.master_key_previous)


def _lifespan(house: House, live: Hub, endpoints: Endpoints, key: MasterKey) -> Lifespan:
    database, background, streams = house.database, house.background, house.streams
    sealer = Sealer(database, key.derive("audit")) if house.audit.keeps else None
    subscriptions = Service(house.settings, database, key, house.audit, _standings(house.settings, key))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warm_up()
        await database.open()
        await background.look()
        running = [
            asyncio.create_task(one.run()) for one in (background, streams, house.followers, house.audit)
        ]
        running += subscriptions.start()
        if sealer is not None:
            running.append(asyncio.create_task(sealer.run()))
        try:
            yield
        finally:
            await ended(*running)
            await live.close()
            await subscriptions.close()
            await streams.close()
            endpoints.close()
            await house.audit.tell()
            await database.close()

    return lifespan
