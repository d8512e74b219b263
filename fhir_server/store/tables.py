"""The tables of resources and their indexes, as SQLAlchemy Core.

https://docs.sqlalchemy.org/en/21/core/metadata.html; why they look so: docs/adr/0001-storage-layout.md
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import UserDefinedType

from fhir_server.store.rids import RID_BLOCK
from fhir_server.store.rows import WIDE

metadata = MetaData()

resource_rid = Sequence("resource_rid", increment=RID_BLOCK, metadata=metadata)


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "xid8"


def _text() -> Text:
    return Text(collation="C")


patient_key = Table(
    "patient_key",
    metadata,
    Column("key", BigInteger, Identity(always=True), primary_key=True),
    Column("id", _text(), nullable=False, unique=True),
    comment="A number for each Patient id that any resource is about, whether or not that Patient exists here.",
)

patient_mention = Table(
    "patient_mention",
    metadata,
    Column("patient", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", _text(), nullable=False),
    PrimaryKeyConstraint("patient", "type", "id"),
    comment="Resources that belong to no patient, but that the data of one (patient_key) name: who may see the record may see them.",
)

code_set = Table(
    "code_set",
    metadata,
    Column("key", BigInteger, Identity(always=True), primary_key=True),
    Column("codings", _text(), nullable=False, unique=True),
    comment="A number for each distinct set of codings that a resource's `code` carries, as sorted lines `system|code`.",
)

code_set_coding = Table(
    "code_set_coding",
    metadata,
    Column("system", _text(), nullable=False),
    Column("code", _text(), nullable=False),
    Column("code_set", BigInteger, nullable=False),
    PrimaryKeyConstraint("code", "system", "code_set"),
    comment="The members of each code_set, so that any one coding of a resource finds it through an ordered index.",
)

token_text = Table(
    "token_text",
    metadata,
    Column("token", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("param", Integer, nullable=False),
    Column("folded", _text(), nullable=False),
    PrimaryKeyConstraint("token", "place"),
    Index("token_text_value", "param", text("left(folded, 200)")),
    comment="The texts of codes, identifiers and URLs, folded, by the token that resources with them carry; "
    "those of one element share it.",
)

unit = Table(
    "unit",
    metadata,
    Column("hash", BigInteger, primary_key=True),
    Column("system", _text(), nullable=False),
    Column("code", _text(), nullable=False),
    Column("display", _text(), nullable=False),
    Column("dimension", _text()),
    Column("factor", Numeric),
    Column("shift", Numeric),
    Column("divisor", Numeric),
    comment="Every unit that quantities carry; `(value * factor + shift) / divisor` is in the base units of `dimension`, if UCUM has one.",
)

resource = Table(
    "resource",
    metadata,
    Column("rid", BigInteger, primary_key=True),
    Column("type", SmallInteger, nullable=False),
    Column("id", _text(), nullable=False),
    Column("version", Integer, nullable=False),
    Column("method", _text(), nullable=False),
    Column("last_updated", DateTime(timezone=True), nullable=False),
    Column("patient", BigInteger),
    Column("code_set", BigInteger),
    Column("date_lo", DateTime(timezone=True)),
    Column("date_hi", DateTime(timezone=True)),
    Column("value_lo", Numeric),
    Column("value_hi", Numeric),
    Column("value_unit", BigInteger),
    Column("tokens", ARRAY(BigInteger), nullable=False),
    Column("fingerprint", BigInteger),
    Column("deleted", Boolean, nullable=False, server_default=text("false")),
    Column("body", JSONB),
    UniqueConstraint("type", "id", name="resource_type_id"),
    Index("resource_patient_code_date", "type", "patient", "code_set", text("date_lo DESC"), "rid"),
    Index("resource_code_date", "type", "code_set", text("date_lo DESC"), "rid"),
    Index("resource_type_date", "type", text("date_lo DESC"), "rid"),
    # + 0, so that only a walk over all codes can take it: the planner cannot know how rare a code is that a subquery gives
    Index("resource_patient_date", "type", text("(patient + 0)"), text("date_lo DESC"), "rid"),
    # the few whose date is longer than a day, which a search by date must look for apart: search/params/date.py
    Index(
        "resource_wide_date",
        "type",
        "patient",
        text("date_lo DESC"),
        "rid",
        postgresql_where=text(f"tokens @> '{{{WIDE}}}'::bigint[]"),
    ),
    Index("resource_last_updated", "type", "last_updated", "rid"),
    Index(
        "resource_tokens", "tokens", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}
    ),
    comment="The current version of every resource; `(type, id)` is its key, a deleted one keeps its row without a body.",
)

resource_history = Table(
    "resource_history",
    metadata,
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("method", _text(), nullable=False),
    Column("last_updated", DateTime(timezone=True), nullable=False),
    Column("body", JSONB),
    PrimaryKeyConstraint("rid", "version"),
    comment="Versions that were replaced; a create writes nothing here.",
)

change_log = Table(
    "change_log",
    metadata,
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("type", SmallInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("last_updated", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("last_updated", "seq"),
    Index("change_log_type", "type", "last_updated", "seq"),
    Index("change_log_xid", "xid"),
    comment="One row per version, written in its transaction; feeds history, export and subscriptions.",
)

# `param` stands in the indexes by rid too: before there are statistics, PostgreSQL 18 would rather skip through the others
resource_date = Table(
    "resource_date",
    metadata,
    Column("rid", BigInteger, nullable=False),
    Column("param", Integer, nullable=False),
    Column("lo", DateTime(timezone=True), nullable=False),
    Column("hi", DateTime(timezone=True), nullable=False),
    Index("resource_date_value", "param", "lo", "rid"),
    Index("resource_date_rid", "rid", "param"),
)

resource_number = Table(
    "resource_number",
    metadata,
    Column("rid", BigInteger, nullable=False),
    Column("param", Integer, nullable=False),
    Column("unit", BigInteger),
    Column("lo", Numeric, nullable=False),
    Column("hi", Numeric, nullable=False),
    Column("code_set", BigInteger),
    Index("resource_number_value", "param", "lo", "rid"),
    Index("resource_number_rid", "rid", "param"),
    comment="Numbers (unit NULL) and quantities beyond the resource's own value columns; `code_set` of the same component.",
)

resource_string = Table(
    "resource_string",
    metadata,
    Column("rid", BigInteger, nullable=False),
    Column("param", Integer, nullable=False),
    Column("folded", _text(), nullable=False),
    Column("exact", _text(), nullable=False),
    Index(
        "resource_string_value", "param", text("left(folded, 200)"), "rid"
    ),  # an entry holds 2,700 bytes at most
    Index("resource_string_rid", "rid", "param"),
)

search_index = Table(
    "search_index",
    metadata,
    Column("version", Integer, nullable=False),
    comment="One row: the form of the index that every resource is known to have (search/index.py: INDEX_VERSION).",
)

kept_search = Table(
    "kept_search",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires", DateTime(timezone=True), nullable=False),
    Index("kept_search_expires", "expires"),
    comment="Searches too long for the link to their next page, encrypted, until they expire.",
)

job = Table(
    "job",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("kind", _text(), nullable=False),
    Column("state", _text(), nullable=False),
    Column("asked_by", _text(), nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("started", DateTime(timezone=True)),
    Column("ended", DateTime(timezone=True)),
    Column("lease_until", DateTime(timezone=True)),
    Column("worker", _text()),
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("done", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger, nullable=False, server_default=text("0")),
    Column("failures", JSONB, nullable=False, server_default=text("'[]'")),
    Column("error", _text()),
    comment="Work in the background, which any process goes on with when the one that did it has died.",
)

blob = Table(
    "blob",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("noted_at", DateTime(timezone=True), nullable=False),
    comment="Every content that the blob store may hold, noted before it gets there, and again whenever it is written once more.",
)

rate_bucket = Table(
    "rate_bucket",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("full_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
    comment="Token buckets of callers other than devices, under a hash of who they are; "
    "one that is full again, or lost in a crash, is as good as none.",
)
