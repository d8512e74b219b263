"""`fhir-server key`: the keys that this server signs tokens with, and the master key that secrets are sealed under.

https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import data_dir as folder
from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, print_table, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError

if TYPE_CHECKING:
    from fhir_server.store.resealing import Resealed
    from smart_auth.ports import SigningKey

app = typer.Typer(
    help="List the keys that tokens are signed with, take new ones, and a new master key. Example: fhir-server key list",
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


@app.command("new-master")
def new_master(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Make a new master key, under which readings keep their identity. Restart the server, then run `fhir-server key reseal`.

    A key in a file is replaced, and kept beside it as the one before; for one in FHIR_MASTER_KEY the settings are printed.

    Example: fhir-server key new-master
    """

    async def renewed(place: Workplace) -> tuple[dict[str, str], str]:
        return _in_settings(place) if place.settings.master_key is not None else _in_file(place)

    made, told = with_database(settings(data_dir=data_dir), renewed)
    if json:
        print_json(made)
    else:
        say(told)


def _in_file(place: Workplace) -> tuple[dict[str, str], str]:
    """Where the key before is, now that there is a new one; both for scripts and for people."""
    from fhir_server.keys import PREVIOUS_NAME, succeed

    succeed(folder(place.settings))
    told = f"There is a new master key, and {PREVIOUS_NAME} beside it. Restart the server, then: fhir-server key reseal"
    return {"previous": str(folder(place.settings) / PREVIOUS_NAME)}, told


def _in_settings(place: Workplace) -> tuple[dict[str, str], str]:
    """The settings to go on with, both for scripts and for people."""
    if place.key.previous is not None:
        raise OperatorError(
            "FHIR_MASTER_KEY_PREVIOUS is set. Run `fhir-server key reseal` and unset it first."
        )
    made = {"FHIR_MASTER_KEY": place.key.successor().text(), "FHIR_MASTER_KEY_PREVIOUS": place.key.text()}
    return made, "\n".join(f"{name}={value}" for name, value in made.items())


@app.command("reseal")
def reseal(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Seal anew what is sealed under the master key before, while the server, which must know both, goes on.

    Example: fhir-server key reseal
    """

    async def resealed(place: Workplace) -> "Resealed":
        from fhir_server.store.resealing import reseal

        if place.key.previous is None:
            raise OperatorError(
                "There is no master key before this one. Run `fhir-server key new-master` first."
            )
        return await reseal(place.database, place.key)

    done = with_database(settings(data_dir=data_dir), resealed)
    if json:
        print_json(
            {
                "device_secrets": done.device_secrets,
                "signing_keys": done.signing_keys,
                "subscription_headers": done.subscription_headers,
                "unreadable": done.unreadable,
            }
        )
    elif not done.unreadable:
        say(
            f"{done.device_secrets} secrets of devices, {done.signing_keys} signing keys and the headers of "
            f"{done.subscription_headers} subscriptions are under the new master key. The one before is not needed any more: "
            "remove master.key.previous, or unset FHIR_MASTER_KEY_PREVIOUS."
        )
    if done.unreadable:
        raise OperatorError(" ".join(done.unreadable))
