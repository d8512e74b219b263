"""The tables of device ingest.

docs/adr/0009-device-authentication.md, docs/adr/0010-device-assignment.md
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint

from fhir_server.store.devices.assignments import OVERLAP
from fhir_server.store.tables import metadata


def _text() -> Text:
    return Text(collation="C")


device = Table(
    "device",
    metadata,
    Column("key", BigInteger, Identity(always=True), primary_key=True),
    Column("name", _text(), nullable=False, unique=True),
    Column("id", _text(), nullable=False, unique=True),
    Column("profile", _text(), nullable=False),
    Column("registered_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("disabled_at", DateTime(timezone=True)),
    Column("last_seen_at", DateTime(timezone=True)),
    Column("removed_at", DateTime(timezone=True)),
    Column("metrics", _text()),
    Column("state", JSONB),
    Column("told_seen_at", DateTime(timezone=True)),
    comment="Devices that may send readings: `name` is what they call themselves, `id` their Device resource.",
)

device_secret = Table(
    "device_secret",
    metadata,
    Column("device", BigInteger, ForeignKey("device.key"), nullable=False),
    Column("key_id", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("valid_until", DateTime(timezone=True)),
    PrimaryKeyConstraint("device", "key_id"),
    comment="AES-GCM under a key derived from the master key, which is not in this database.",
)

device_api_key = Table(
    "device_api_key",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("device", BigInteger, ForeignKey("device.key"), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("valid_until", DateTime(timezone=True)),
    Index("device_api_key_device", "device"),
    comment="Keys of devices that cannot sign, found by their public id; of the rest there is a hash only.",
)

device_assignment = Table(
    "device_assignment",
    metadata,
    Column("use_id", _text(), primary_key=True),
    Column("device", BigInteger, ForeignKey("device.key"), nullable=False),
    Column("patient", _text(), nullable=False),
    Column("period", TSTZRANGE, nullable=False),
    ExcludeConstraint(
        (literal_column("int8range(device, device, '[]')"), "&&"),
        (literal_column("period"), "&&"),
        name=OVERLAP,
        using="gist",
    ),
    Index("device_assignment_patient", "patient"),
    comment="Derived from the DeviceUseStatement `use_id` in the same transaction; the statement is the truth.",
)

device_rate = Table(
    "device_rate",
    metadata,
    Column("device", BigInteger, primary_key=True, autoincrement=False),
    Column("tokens", Double, nullable=False),
    Column("filled_at", DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
    comment="A token bucket per device; lost in a crash, which fills it.",
)

seen_request = Table(
    "seen_request",
    metadata,
    Column("device", BigInteger, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("claimed_until", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("device", "signature"),
    Index("seen_request_expires_at", "expires_at"),
    prefixes=["UNLOGGED"],
    comment="Signatures of the last minutes and their answers; lost in a crash, after which identities still hold.",
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("device", _text()),
    Column("format", _text(), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("payload", LargeBinary),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("times", Integer, nullable=False, server_default=text("1")),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("issues", JSONB, nullable=False),
    Column("stored_as", ARRAY(_text())),
    Index(
        "dead_letter_waiting",
        text("coalesce(device, '')"),
        "sha256",
        unique=True,
        postgresql_where=text("stored_as IS NULL"),
    ),
    comment="Readings that were rejected: their bytes as they came and why; `stored_as` once a retry stored them.",
)

ingested_file = Table(
    "ingested_file",
    metadata,
    Column("device", BigInteger, ForeignKey("device.key"), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("name", _text(), nullable=False),
    Column("format", _text(), nullable=False),
    Column("received", DateTime(timezone=True), nullable=False),
    Column("claimed_until", DateTime(timezone=True)),
    Column("finished", DateTime(timezone=True)),
    Column("summary", JSONB),
    PrimaryKeyConstraint("device", "sha256"),
    comment="Files by the device that wrote them and their hash: claimed while one is being read, with its summary once all of it is stored.",
)
