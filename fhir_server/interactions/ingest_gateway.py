"""Ingest on this server's own database: the ports and the sink put together.

docs/ingest.md
"""

from collections.abc import Callable

from fhir_server import clock
from fhir_server.errors import OperatorError
from fhir_server.interactions.sink import StoreSink
from fhir_server.keys import MasterKey
from fhir_server.settings import Settings
from fhir_server.store.database import Database
from fhir_server.store.devices.admissions import DeviceAdmissions
from fhir_server.store.devices.dead_letters import StoredDeadLetters
from fhir_server.store.devices.ingested_files import StoredIngestedFiles
from fhir_server.store.devices.registry import DeviceRegistry
from fhir_server.store.devices.seal import Seal
from ingest.files.intake import Intake
from ingest.gateway import Gateway
from ingest.pipeline import Pipeline
from mappers.errors import InvalidDeclaration
from mappers.metrics import check_registry
from mappers.profile import check_profiles


def pipeline(database: Database, master_key: MasterKey) -> Pipeline:
    """What readings pass through, for commands that bring them from files or dead letters."""
    return Pipeline(
        DeviceRegistry(database, Seal(master_key)),
        StoreSink(database),
        StoredDeadLetters(database),
        master_key.derive("identity"),
    )


def intake(database: Database, master_key: MasterKey) -> Intake:
    """What takes files in."""
    return Intake(pipeline(database, master_key), StoredIngestedFiles(database))


def gateway(database: Database, master_key: MasterKey, settings: Settings) -> Gateway:
    """What answers signed requests; each worker makes its own. Raises OperatorError for an unsound registry or profile."""
    refuse_unsound(check_registry, check_profiles)
    return Gateway(
        pipeline(database, master_key),
        DeviceAdmissions(database, rate=settings.device_rate, burst=settings.device_burst),
        clock.now,
    )


def refuse_unsound(*checks: Callable[[], object]) -> None:
    """Nothing; OperatorError, with file and line, when a check finds a declaration that cannot be."""
    try:
        for check in checks:
            check()
    except InvalidDeclaration as error:
        raise OperatorError(f"{error} The server does not start with it: correct that file.") from error
