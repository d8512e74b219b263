"""Ingest on this server's own database: the ports and the sink put together.

docs/ingest.md

Where no device types are given, they are those of this package.
"""

from typing import Final

from fhir_server import clock
from fhir_server.audit.port import Audit, NoAudit
from fhir_server.interactions.device_states import KeptDeviceStates
from fhir_server.interactions.ingest_records import RecordedRejections, RecordingGateway
from fhir_server.interactions.sink import StoreSink
from fhir_server.keys import MasterKey
from fhir_server.settings import Settings
from fhir_server.store.blobs.kept_files import StoredFiles
from fhir_server.store.database import Database
from fhir_server.store.devices.admissions import DeviceAdmissions
from fhir_server.store.devices.dead_letters import StoredDeadLetters
from fhir_server.store.devices.ingested_files import StoredIngestedFiles
from fhir_server.store.devices.registry import DeviceRegistry
from fhir_server.store.devices.seal import Seal
from ingest.files.intake import Intake
from ingest.gateway import Gateway
from ingest.pipeline import Pipeline
from mappers.profiles import DeviceProfiles, built_in

_NO_AUDIT: Final = NoAudit()


def pipeline(
    database: Database,
    master_key: MasterKey,
    profiles: DeviceProfiles | None = None,
    audit: Audit = _NO_AUDIT,
) -> Pipeline:
    """What readings pass through; commands that bring them from files or dead letters are recorded as such."""
    identity = master_key.derive("identity")
    return Pipeline(
        DeviceRegistry(database, Seal(master_key), profiles or built_in()),
        StoreSink(database),
        RecordedRejections(StoredDeadLetters(database), audit),
        KeptDeviceStates(database, identity),
        identity,
    )


def intake(database: Database, master_key: MasterKey, profiles: DeviceProfiles | None = None) -> Intake:
    """What takes files in."""
    return Intake(
        pipeline(database, master_key, profiles), StoredIngestedFiles(database), StoredFiles(database)
    )


def gateway(
    database: Database,
    master_key: MasterKey,
    settings: Settings,
    profiles: DeviceProfiles | None = None,
    audit: Audit = _NO_AUDIT,
) -> Gateway:
    """What answers signed requests, and records those that it refuses; each worker makes its own."""
    return RecordingGateway(
        audit,
        pipeline(database, master_key, profiles, audit),
        DeviceAdmissions(database, rate=settings.device_rate, burst=settings.device_burst),
        clock.now,
        api_keys=settings.device_api_keys,
    )
