"""Devices registered in a database directly, on a patient since a day of the test's choice.

docs/ingest.md, "Whose reading it is"
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from fhir_server.interactions import device_registry
from fhir_server.interactions.device_registry import Enrolled
from fhir_server.keys import master_key
from fhir_server.store.database import Database


async def enrolled(
    url: str, data_dir: Path, devices: Iterable[tuple[str, str, str]], start: datetime
) -> list[Enrolled]:
    """Each (name, type, patient) as it was enrolled, with its secret."""
    database = Database(url, size=2)
    await database.open()
    try:
        key = master_key(None, data_dir)
        return [
            await device_registry.register(
                database, key, name=name, profile=type, patient=patient, start=start
            )
            for name, type, patient in devices
        ]
    finally:
        await database.close()
