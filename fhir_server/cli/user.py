"""`fhir-server user`: who may log in, and whom they act for.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.json import JsonObject
    from smart_auth.users import User

app = typer.Typer(
    help="Add people, say whom they act for, reset their passwords. Example: fhir-server user list",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="What the user logs in with.")]
FhirUser = Annotated[
    str | None,
    typer.Option(help="Who they are: Practitioner/1, or for patients Patient/1 or RelatedPerson/1."),
]
Proxies = Annotated[
    list[str] | None, typer.Option("--proxy", help="A further Patient they stand in for; may be repeated.")
]
Organizations = Annotated[
    list[str] | None, typer.Option("--organization", help="An Organization they work for; may be repeated.")
]


@app.command("add")
def add(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help="admin, practitioner or patient.")],
    fhir_user: FhirUser = None,
    proxy: Proxies = None,
    organization: Organizations = None,
    auditor: Annotated[bool, typer.Option("--auditor", help="They read the audit.")] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read their password, a line, from standard input.")
    ] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add a user and print the one-time password for their first login, this once.

    Example: fhir-server user add anna --role practitioner --fhir-user Practitioner/1
    """
    password = _line() if password_stdin else None

    async def added(place: Workplace) -> "tuple[User, str | None]":
        from fhir_server.interactions import user_registry
        from smart_auth.users import NewUser

        new = NewUser(name, role, auditor, fhir_user, tuple(proxy or ()), tuple(organization or ()))
        return await user_registry.add(place.database, new, password)

    user, made = with_database(settings(data_dir=data_dir), added)
    _show_password(user, made, json)


@app.command("list")
def list_users(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the users.

    Example: fhir-server user list --json
    """

    async def listed(place: Workplace) -> "list[User]":
        from fhir_server.interactions import user_registry

        return await user_registry.listed(place.database)

    rows = [_view(each) for each in with_database(settings(data_dir=data_dir), listed)]
    if json:
        print_json(rows)
    else:
        columns = ("name", "role", "auditor", "fhir_user", "status")
        print_table(columns, rows, empty="There is no user yet. Add one with fhir-server user add.")


@app.command("change")
def change(
    name: Name,
    *,
    role: Annotated[str | None, typer.Option(help="admin, practitioner or patient.")] = None,
    fhir_user: FhirUser = None,
    proxy: Proxies = None,
    organization: Organizations = None,
    auditor: Annotated[bool | None, typer.Option("--auditor/--no-auditor")] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Change what holds of a user; what is not named stays. `--proxy ""` takes all proxies away.

    Example: fhir-server user change anna --auditor
    """

    async def changed(place: Workplace) -> "User":
        from fhir_server.interactions import user_registry
        from smart_auth.users import NewUser

        known = await user_registry.found(place.database, name)
        new = NewUser(
            name=known.name,
            role=known.role if role is None else role,
            auditor=known.auditor if auditor is None else auditor,
            fhir_user=known.fhir_user if fhir_user is None else fhir_user or None,
            proxies=_given(proxy, known.proxies),
            organizations=_given(organization, known.organizations),
        )
        return await user_registry.describe(place.database, new)

    _show(with_database(settings(data_dir=data_dir), changed), "is changed", json)


@app.command("reset")
def reset(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print another one-time password for a user, who is logged out everywhere.

    Example: fhir-server user reset anna
    """

    async def done(place: Workplace) -> "tuple[User, str]":
        from fhir_server.interactions import user_registry

        return await user_registry.reset(place.database, name)

    _show_password(*with_database(settings(data_dir=data_dir), done), json)


@app.command("revoke-apps")
def revoke_apps(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take back what apps may do for a user, at once; the user is asked anew.

    Example: fhir-server user revoke-apps anna
    """

    async def revoked(place: Workplace) -> "User":
        from fhir_server.interactions import user_registry

        return await user_registry.revoke_apps(place.database, name)

    _show(with_database(settings(data_dir=data_dir), revoked), "has no apps any more", json)


@app.command("disable")
def disable(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Log a user out and let nobody log in as them; no app may act for them any more.

    Example: fhir-server user disable anna
    """

    async def disabled(place: Workplace) -> "User":
        from fhir_server.interactions import user_registry

        return await user_registry.disable(place.database, name)

    _show(with_database(settings(data_dir=data_dir), disabled), "is disabled", json)


@app.command("enable")
def enable(name: Name, *, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Let a disabled user log in again, whatever wrong passwords were tried.

    Example: fhir-server user enable anna
    """

    async def enabled(place: Workplace) -> "User":
        from fhir_server.interactions import user_registry

        return await user_registry.enable(place.database, name)

    _show(with_database(settings(data_dir=data_dir), enabled), "is enabled", json)


def _line() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise OperatorError("There is no password on standard input. Send one as a line.")
    return password


def _given(asked: list[str] | None, known: frozenset[str]) -> tuple[str, ...]:
    """What is asked for without empty texts; what is known where nothing was asked."""
    return tuple(sorted(known)) if asked is None else tuple(each for each in asked if each)


def _view(user: "User") -> "JsonObject":
    from fhir_server.interactions.user_registry import user_view

    return user_view(user)


def _show(user: "User", done: str, json: bool) -> None:
    if json:
        print_json(_view(user))
    else:
        say(f"{user.name} {done}.")


def _show_password(user: "User", password: str | None, json: bool) -> None:
    if json:
        print_json({**_view(user), "one_time_password": password})
        return
    say(f"{user.name} may log in as {user.role}.")
    if password is not None and user.password_until is not None:
        say(
            f"The one-time password, shown this once and good until {user.password_until:%Y-%m-%d}: {password}"
        )
