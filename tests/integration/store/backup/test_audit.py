"""A restored audit is as it was sealed, and what had not been sealed is sealed next."""

from pathlib import Path

from fhir_server.audit.record import Record
from fhir_server.store.audit import sealing
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.store.audit.verifying import verify
from fhir_server.store.backup import backup, restore
from fhir_server.store.database import Database
from tests.integration.store.backup.conftest import NewDatabase

KEY = b"k" * 32


async def test_an_audit_survives_a_restore_sealed_and_unsealed(
    database: Database, database_url: str, new_database: NewDatabase, folder: Path
):
    audit = KeptAudit(database)
    await audit.keep([Record("rest", "read", 0, id="sealed")])
    await sealing.seal(database, KEY)
    await audit.keep([Record("rest", "read", 0, id="unsealed")])
    target = new_database()
    backup(database_url, folder / "backup")
    restore(target, folder / "backup")

    restored = Database(target)
    await restored.open()
    await KeptAudit(restored).keep([Record("rest", "read", 0, id="afterwards")])
    (seal,) = await sealing.seal(restored, KEY)
    async with restored.connection() as connection:
        verdict = await verify(connection, KEY)
    await restored.close()
    assert len(seal.ids) == 2
    assert (verdict.records, verdict.findings) == (3, [])
