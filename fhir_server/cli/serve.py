"""`fhir-server serve`: the server, with its embedded PostgreSQL or the one at DATABASE_URL.

https://hl7.org/fhir/R4/http.html
"""

import os
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fhir_server.cli.console import print_json, say, warn
from fhir_server.cli.options import AsJson, DataDir

if TYPE_CHECKING:
    from fhir_server.serve.owner import Running

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[int | None, typer.Option(help="Port; 0 takes any free one.", show_default="8000")]
Workers = Annotated[int | None, typer.Option(min=1, max=64, help="Server processes.", show_default="1")]
Auth = Annotated[
    Literal["on", "off"] | None,
    typer.Option(help="`off` lets everyone on this machine in.", show_default="on"),
]


def serve(
    *,
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    auth: Auth = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Run the server until it is told to stop, by Ctrl-C or SIGTERM.

    Example: FHIR_TOKEN=$(openssl rand -hex 32) fhir-server serve --port 8000 --workers 2
    """
    from fhir_server.cli.configuration import settings
    from fhir_server.serve import owner

    configured = settings(host=host, port=port, workers=workers, auth=auth, data_dir=data_dir)
    owner.refuse_open_door(configured)
    if configured.auth == "off":
        warn(
            "WARNING: authentication is OFF. Every program on this machine can read and change everything here."
        )
    owner.serve(configured, _announce_json if json else _announce)


def _announce(running: "Running") -> None:
    if running.settings.auth == "on" and running.token is None:
        warn(
            "There is no FHIR_TOKEN: only people and apps with an account here are let in. The first of them: "
            "fhir-server user add NAME --role admin"
        )
    say(f"FHIR R4 at {running.address}/fhir (process {os.getpid()}; Ctrl-C stops it)")


def _announce_json(running: "Running") -> None:
    settings = running.settings
    print_json(
        {
            "url": running.address,
            "fhir": f"{running.address}/fhir",
            "pid": os.getpid(),
            "workers": settings.workers,
            "auth": settings.auth,
            "data_dir": str(settings.data_dir),
        }
    )
