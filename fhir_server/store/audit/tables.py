"""The tables of the audit.

https://www.postgresql.org/docs/current/ddl-partitioning.html; docs/adr/0019-audit.md
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, UUID

from fhir_server.store.tables import Xid8, metadata


def _text() -> Text:
    return Text(collation="C")


audit = Table(
    "audit",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("kind", _text(), nullable=False),
    Column("action", _text(), nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("subject", _text(), nullable=False),
    Column("who", _text()),
    Column("type", _text(), nullable=False),
    Column("entity", _text(), nullable=False),
    Column("patient", _text()),
    Column("detail", JSON, nullable=False),
    Index("audit_xid", "xid"),
    Index("audit_subject", "subject", "id"),
    Index("audit_who", "who", "id", postgresql_where=text("who IS NOT NULL")),
    Index("audit_entity", "entity", "id", postgresql_where=text("entity <> ''")),
    Index("audit_patient", "patient", "id", postgresql_where=text("patient IS NOT NULL")),
    postgresql_partition_by="RANGE (id)",
    comment="What happened, by whom; `id` is a UUIDv7, whose time is when. Partitioned by month; rows are only added.",
)

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed_at", DateTime(timezone=True), nullable=False),
    Column("ids", ARRAY(UUID), nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("first", UUID),
    Column("last", UUID),
    Column("dropped_below", UUID),
    Column("digest", LargeBinary, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Index("audit_seal_last", "last"),
    comment="Batches of records by their hashes, each chained to the one before; `mac` is under a key that is not here.",
)

audit_sealing = Table(
    "audit_sealing",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("snapshot", _text(), nullable=False),
    CheckConstraint("one", name="audit_sealing_one"),
    comment="One row: what was visible when records were last sealed; whoever seals holds it.",
)
