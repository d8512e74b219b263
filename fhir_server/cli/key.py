"""`fhir-server key`: the keys that this server signs tokens with.

https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from smart_auth.ports import SigningKey

app = typer.Typer(
    help="List the keys that tokens are signed with, and take new ones. Example: fhir-server key list",
    no_args_is_help=True,
)


@app.command("list")
def list_keys(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the keys whose signatures may still be checked.

    Example: fhir-server key list --json
    """
    from fhir_server.interactions.key_registry import key_view

    async def listed(place: Workplace) -> "Sequence[SigningKey]":
        from fhir_server.store.smart.signing_keys import SigningKeys

        return await SigningKeys(place.database, place.key).keys()

    rows = [key_view(each) for each in with_database(settings(data_dir=data_dir), listed)]
    if json:
        print_json(rows)
    else:
        print_table(("kid", "algorithm", "signs"), rows, empty="There is no key yet.")


@app.command("rotate")
def rotate(
    *,
    algorithm: Annotated[str, typer.Option(help="RS256 or ES384.")] = "RS256",
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Sign with a new key from now on; what the one before signed holds as long as it would have.

    Example: fhir-server key rotate
    """

    async def rotated(place: Workplace) -> str:
        from fhir_server.store.smart.signing_keys import ALGORITHMS, SigningKeys

        if algorithm not in ALGORITHMS:
            raise OperatorError(f"--algorithm is {algorithm!r}. Give one of {', '.join(ALGORITHMS)}.")
        return await SigningKeys(place.database, place.key).rotate(algorithm)

    kid = with_database(settings(data_dir=data_dir), rotated)
    if json:
        print_json({"kid": kid, "algorithm": algorithm, "signs": True})
    else:
        say(f"{kid} signs from now on, by {algorithm}.")
