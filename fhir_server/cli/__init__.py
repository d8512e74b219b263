"""The command line, `fhir-server`.

https://typer.tiangolo.com/

Start-up is quick because a command's module imports what it needs when it runs, not when it is listed.
"""

import sys

from fhir_server.cli.catalog import commands
from fhir_server.errors import FhirServerError

__all__ = ["app"]


def app() -> None:
    """Does what the command line says; exits with 1 after one line on stderr, no traceback, when it cannot go on."""
    try:
        commands()
    except FhirServerError as failure:
        sys.exit(f"fhir-server: {failure}")
