"""Old months of the audit dropped, whole and only when every record of theirs is sealed.

docs/adr/0019-audit.md

That they were dropped is itself a seal in the chain: without it their records would be found to be removed.
"""

from datetime import datetime

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from fhir_server import clock
from fhir_server.errors import OperatorError
from fhir_server.store.audit import chain
from fhir_server.store.audit.partitions import Month, month, months
from fhir_server.store.audit.rows import first_id
from fhir_server.store.audit.sealing import append, end_of_chain

_LOCKED = "SELECT snapshot FROM audit_sealing FOR UPDATE"
_UNSEALED = """
SELECT count(*) FROM audit WHERE id < %(high)s
   AND NOT pg_visible_in_snapshot(xid, (SELECT snapshot::pg_snapshot FROM audit_sealing))"""


async def drop(
    connection: psycopg.AsyncConnection[TupleRow], key: bytes, keep: int, now: datetime
) -> list[Month]:
    """The months dropped: those before the last `keep` whole ones. Raises OperatorError while one has unsealed records."""
    first = month(now).plus(-keep)
    async with connection.transaction():
        await connection.execute(_LOCKED)
        old = [one for one in await months(connection) if one < first]
        if not old:
            return []
        high = first_id(first.start)
        row = await (await connection.execute(_UNSEALED, {"high": high})).fetchone()
        if row is None or row[0]:
            raise OperatorError(
                "Records of these months are not sealed yet. Run `fhir-server audit seal` first."
            )
        for one in old:
            await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(one.name)))
        number, before = await end_of_chain(connection)
        await append(connection, key, chain.seal(key, before, number + 1, clock.now(), (), b"", high))
    return old
