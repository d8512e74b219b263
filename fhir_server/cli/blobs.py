"""`fhir-server blobs`: contents outside the database.

docs/adr/0016-blobs.md
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say
from fhir_server.cli.database import Workplace, with_database
from fhir_server.cli.options import AsJson, DataDir
from fhir_server.errors import OperatorError, RequestError

if TYPE_CHECKING:
    from fhir_server.store.blobs.sweep import Swept

app = typer.Typer(help="Contents of Binaries that are kept outside the database.", no_args_is_help=True)


@app.command()
def sweep(
    *,
    pretend: Annotated[bool, typer.Option("--pretend", help="Delete nothing, only count.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Delete the contents that no version of any resource names, a day after they came. A server may run meanwhile.

    Example: fhir-server blobs sweep --pretend
    """
    swept = with_database(settings(data_dir=data_dir), lambda place: _swept(place, pretend=pretend))
    if json:
        print_json({**asdict(swept), "deleted": not pretend})
    else:
        say(f"{'Would delete' if pretend else 'Deleted'} {swept.contents} contents of {swept.bytes} bytes.")


async def _swept(place: Workplace, *, pretend: bool) -> "Swept":
    from fhir_server.store.blobs.sweep import sweep as swept

    assert place.database.blobs is not None, "the command line fills the data folder in"
    try:
        return await swept(place.database, place.database.blobs, pretend=pretend)
    except RequestError as error:
        raise OperatorError(str(error)) from error
