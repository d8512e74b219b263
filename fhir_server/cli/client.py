"""`fhir-server client`: which apps and services may ask for tokens.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#register-app-with-ehr
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import InvalidJson, OperatorError

if TYPE_CHECKING:
    from fhir_server.interactions.client_registry import ClientRegistry
    from fhir_server.json import JsonObject
    from smart_auth.clients import Authentication, Client

app = typer.Typer(
    help="Register apps and services, give them secrets, disable them. Example: fhir-server client list",
    no_args_is_help=True,
)

Result = TypeVar("Result")

_KINDS: Final[dict[str, "Authentication"]] = {
    "public": "none",
    "confidential-symmetric": "client_secret_basic",
    "confidential-asymmetric": "private_key_jwt",
    "backend": "private_key_jwt",
}

Id = Annotated[str, typer.Argument(help="The client's id, its client_id.")]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="A scope it may be granted, or several in one text; may be repeated."),
]
Redirects = Annotated[
    list[str] | None,
    typer.Option("--redirect-uri", help="Where it is answered at, to the letter; may be repeated."),
]
LaunchUrl = Annotated[str | None, typer.Option("--launch-url", help="Where an EHR opens it.")]
JwksFile = Annotated[
    Path | None,
    typer.Option("--jwks-file", help="A file with its public keys, a JWK Set.", exists=True, dir_okay=False),
]
JwksUri = Annotated[str | None, typer.Option("--jwks-uri", help="Where it publishes its public keys.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people are shown when the app asks them.")],
    *,
    kind: Annotated[str, typer.Option(help=f"{', '.join(_KINDS)}.")],
    scope: Scopes = None,
    redirect_uri: Redirects = None,
    id: Annotated[str, typer.Option(help="Its client_id; made where none is given.")] = "",
    launch_url: LaunchUrl = None,
    jwks_file: JwksFile = None,
    jwks_uri: JwksUri = None,
    native: Annotated[
        bool, typer.Option("--native", help="Its loopback redirect may name any port.")
    ] = False,
    administration: Annotated[
        bool, typer.Option("--administration", help="It may do for administrators what they may.")
    ] = False,
    introspects: Annotated[
        bool, typer.Option("--introspects", help="It may ask about the tokens of others.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Register a client and print its client_id and, where it has one, its secret, this once.

    Example: fhir-server client add "Growth chart" --kind public --redirect-uri https://app.example/back
    --scope "launch/patient openid fhirUser patient/*.rs"
    """
    if kind not in _KINDS:
        raise OperatorError(f"--kind is {kind!r}. Give one of {', '.join(_KINDS)}.")

    async def added(registry: "ClientRegistry") -> "tuple[Client, str | None]":
        from smart_auth.clients import Client

        return await registry.add(
            Client(
                id,
                name,
                _KINDS[kind],
                _words(scope),
                backend=kind == "backend",
                redirect_uris=tuple(redirect_uri or ()),
                launch_url=launch_url,
                jwks=_jwks(jwks_file),
                jwks_uri=jwks_uri,
                native=native,
                administration=administration,
                introspects=introspects,
            )
        )

    _show_secret(*_done(data_dir, added), json)


@app.command("list")
def list_clients(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the clients.

    Example: fhir-server client list --json
    """

    async def listed(registry: "ClientRegistry") -> "list[Client]":
        return await registry.listed()

    rows = [_view(each) for each in _done(data_dir, listed)]
    if json:
        print_json(rows)
    else:
        columns = ("id", "name", "authentication", "backend", "status")
        print_table(columns, rows, empty="There is no client yet. Add one with fhir-server client add.")


@app.command("show")
def show(id: Id, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show all that is registered of a client.

    Example: fhir-server client show growth-chart --json
    """

    async def shown(registry: "ClientRegistry") -> "Client":
        return await registry.found(id)

    view = _view(_done(data_dir, shown))
    if json:
        print_json(view)
    else:
        say(
            "\n".join(
                f"{name}: {_line(value)}" for name, value in view.items() if value not in (None, [], False)
            )
        )


@app.command("change")
def change(
    id: Id,
    *,
    name: Annotated[str | None, typer.Option(help="What people are shown.")] = None,
    scope: Scopes = None,
    redirect_uri: Redirects = None,
    launch_url: LaunchUrl = None,
    jwks_file: JwksFile = None,
    jwks_uri: JwksUri = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Change what is registered of a client; what is not named stays. Scopes it no longer has end with its tokens.

    Example: fhir-server client change growth-chart --redirect-uri https://app.example/new
    """

    async def changed(registry: "ClientRegistry") -> "Client":
        known = await registry.found(id)
        keys = known
        if jwks_file is not None:
            keys = replace(known, jwks=_jwks(jwks_file), jwks_uri=None)
        elif jwks_uri is not None:
            keys = replace(known, jwks=None, jwks_uri=jwks_uri)
        return await registry.describe(
            replace(
                keys,
                name=known.name if name is None else name,
                scopes=known.scopes if scope is None else _words(scope),
                redirect_uris=known.redirect_uris if redirect_uri is None else tuple(redirect_uri),
                launch_url=known.launch_url if launch_url is None else launch_url or None,
            )
        )

    _show(_done(data_dir, changed), "is changed", json)


@app.command("secret")
def secret(
    id: Id,
    *,
    overlap: Annotated[float, typer.Option(min=0, help="Hours the old secret stays valid.")] = 24,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Print a new secret for a client; the old one stays valid for a while.

    Example: fhir-server client secret dashboard --overlap 1
    """

    async def renewed(registry: "ClientRegistry") -> "tuple[Client, str]":
        return await registry.renew_secret(id, timedelta(hours=overlap))

    _show_secret(*_done(data_dir, renewed), json)


@app.command("revoke-grants")
def revoke_grants(id: Id, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take back all that was granted to a client, at once; people are asked anew.

    Example: fhir-server client revoke-grants growth-chart
    """

    async def revoked(registry: "ClientRegistry") -> "Client":
        return await registry.revoke_grants(id)

    _show(_done(data_dir, revoked), "holds nothing any more", json)


@app.command("disable")
def disable(id: Id, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Let no token of a client hold from the next request on, and give it none.

    Example: fhir-server client disable growth-chart
    """

    async def disabled(registry: "ClientRegistry") -> "Client":
        return await registry.disable(id)

    _show(_done(data_dir, disabled), "is disabled", json)


@app.command("enable")
def enable(id: Id, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Let a disabled client ask for tokens again.

    Example: fhir-server client enable growth-chart
    """

    async def enabled(registry: "ClientRegistry") -> "Client":
        return await registry.enable(id)

    _show(_done(data_dir, enabled), "is enabled", json)


def _done(data_dir: Path | None, work: "Callable[[ClientRegistry], Awaitable[Result]]") -> Result:
    given = settings(data_dir=data_dir)

    async def done(place: Workplace) -> Result:
        from fhir_server.interactions.client_registry import ClientRegistry

        return await work(ClientRegistry(place.database, given.outbound_allow))

    return with_database(given, done)


def _words(scopes: list[str] | None) -> tuple[str, ...]:
    return tuple(word for text in scopes or () for word in text.split())


def _jwks(path: Path | None) -> "JsonObject | None":
    from fhir_server.json import parse

    if path is None:
        return None
    try:
        return parse(path.read_bytes())
    except (OSError, InvalidJson) as error:
        raise OperatorError(f"{path} cannot be read as a JWK Set: {error}") from error


def _view(client: "Client") -> "JsonObject":
    from fhir_server.interactions.client_registry import client_view

    return client_view(client)


def _line(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show(client: "Client", done: str, json: bool) -> None:
    if json:
        print_json(_view(client))
    else:
        say(f"{client.name} ({client.id}) {done}.")


def _show_secret(client: "Client", secret: str | None, json: bool) -> None:
    if json:
        print_json({**_view(client), "client_secret": secret})
        return
    say(f"{client.name} is registered. Its client_id: {client.id}")
    if secret is not None:
        say(f"Its secret, shown this once: {secret}")
