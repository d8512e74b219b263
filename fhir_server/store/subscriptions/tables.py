"""The tables of subscriptions, as SQLAlchemy Core.

https://docs.sqlalchemy.org/en/21/core/metadata.html
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from fhir_server.store.tables import metadata


class Snapshot(UserDefinedType[str]):
    """PostgreSQL's pg_snapshot: which transactions were visible at a moment."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "pg_snapshot"


def _text() -> Text:
    return Text(collation="C")


def _moment() -> DateTime:
    return DateTime(timezone=True)


subscription = Table(
    "subscription",
    metadata,
    Column("key", BigInteger, Identity(always=True), primary_key=True),
    Column("id", _text(), nullable=False),
    Column("owner_key", _text(), nullable=False),
    Column("owner", JSONB, nullable=False),
    Column("asked", JSONB, nullable=False),
    Column("headers", LargeBinary),
    Column("state", _text(), nullable=False),
    Column("error", _text()),
    Column("since", Snapshot, nullable=False),
    Column("started_at", _moment(), nullable=False),
    Column("ends_at", _moment()),
    UniqueConstraint("id", name="subscription_id"),
    Index("subscription_owner_key", "owner_key"),
    comment="Every Subscription that was ever accepted, whose it is and how far it is on its way; `asked` is what it asks for, "
    "`headers` what its endpoint is sent, sealed.",
)

subscription_progress = Table(
    "subscription_progress",
    metadata,
    Column("subscription", BigInteger, primary_key=True, autoincrement=False),
    Column("numbered", BigInteger, nullable=False, server_default=text("0")),
    Column("delivered", BigInteger, nullable=False, server_default=text("0")),
    Column("sending", BigInteger, nullable=False, server_default=text("0")),
    Column("greeted", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", _moment()),
    Column("last_sent_at", _moment()),
    Column("due_at", _moment(), nullable=False),
    Column("lease_owner", _text()),
    Column("lease_until", _moment()),
    Index("subscription_progress_due_at", "due_at"),
    postgresql_with={"fillfactor": 50},
    comment="The last number given to an event of each subscription, the last one its endpoint took, the "
    "last one under way, and when something is to be sent next: infinity where nothing is.",
)

subscription_event = Table(
    "subscription_event",
    metadata,
    Column("subscription", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", _moment(), nullable=False),
    Column("change", _text(), nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", _text(), nullable=False),
    Column("rid", BigInteger),
    Column("version", Integer),
    PrimaryKeyConstraint("subscription", "number"),
    Index("subscription_event_at", "at"),
    comment="What happened that a subscription asked for, numbered from 1 without gaps; kept for a configured time.",
)

subscription_set_aside = Table(
    "subscription_set_aside",
    metadata,
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("subscription", BigInteger),
    Column("change", _text()),
    Column("type", SmallInteger, nullable=False),
    Column("id", _text(), nullable=False),
    Column("rid", BigInteger),
    Column("version", Integer),
    Column("reason", _text(), nullable=False),
    Index("subscription_set_aside_at", "at"),
    comment="Changes that could not be held against a subscription (null: against any), for a failure of the server, and where it "
    "failed; kept as long as events.",
)

subscription_cursor = Table(
    "subscription_cursor",
    metadata,
    Column("snapshot", Snapshot, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("leader", _text()),
    Column("lease_until", _moment()),
    Column("sends_from", _text()),
    comment="One row: how far the change log was matched, which process may go on with it, and the cluster that "
    "notifications are sent from (null: none).",
)

subscription_binding = Table(
    "subscription_binding",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("subscriptions", ARRAY(_text()), nullable=False),
    Column("owner_key", _text(), nullable=False),
    Column("expires_at", _moment(), nullable=False),
    Index("subscription_binding_expires_at", "expires_at"),
    comment="Hashes of tokens that bind a WebSocket to subscriptions, until they expire.",
)
