"""`fhir-server version`: what runs here.

https://hl7.org/fhir/R4/versions.html
"""

import platform

from fhir_server import __version__
from fhir_server.cli.console import print_json, say
from fhir_server.cli.options import AsJson, DataDir


def version(
    *,
    data_dir: DataDir = None,  # noqa: ARG001 - every command takes it; this one needs no database
    json: AsJson = False,
) -> None:
    """Print the versions of the server, FHIR and Python.

    Example: fhir-server version --json
    """
    versions = {"fhir_server": __version__, "fhir": "4.0.1", "python": platform.python_version()}
    if json:
        print_json(versions)
    else:
        say(f"fhir-server {__version__}, FHIR R4 {versions['fhir']}, Python {versions['python']}")
