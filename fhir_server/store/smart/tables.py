"""The tables of authorization: apps and services, what was granted to them, and the hashes of what stands for it.

docs/adr/0018-authorization-server.md
"""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from fhir_server.store.tables import metadata


def _text() -> Text:
    return Text(collation="C")


def _moment() -> DateTime:
    return DateTime(timezone=True)


oauth_client = Table(
    "oauth_client",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("name", _text(), nullable=False),
    Column("authentication", _text(), nullable=False),
    Column("scopes", ARRAY(_text()), nullable=False),
    Column("backend", Boolean, nullable=False),
    Column("redirect_uris", ARRAY(_text()), nullable=False),
    Column("launch_url", _text()),
    Column("jwks", JSONB),
    Column("jwks_uri", _text()),
    Column("native", Boolean, nullable=False),
    Column("administration", Boolean, nullable=False),
    Column("introspects", Boolean, nullable=False),
    Column("registered_at", _moment(), nullable=False, server_default=func.now()),
    Column("disabled_at", _moment()),
    comment="Apps and services that may ask for tokens, with the most that they may be granted.",
)

oauth_client_secret = Table(
    "oauth_client_secret",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("client", _text(), ForeignKey("oauth_client.id"), nullable=False),
    Column("made_at", _moment(), nullable=False, server_default=func.now()),
    Column("valid_until", _moment()),
    Index("oauth_client_secret_client", "client"),
    comment="Hashes of client secrets; of an old one until when it holds beside the new.",
)

oauth_grant = Table(
    "oauth_grant",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("client", _text(), ForeignKey("oauth_client.id"), nullable=False),
    Column("user_id", _text(), nullable=False),
    Column("scopes", ARRAY(_text()), nullable=False),
    Column("granted_at", _moment(), nullable=False),
    Column("auth_time", _moment(), nullable=False),
    Column("fhir_user", _text()),
    Column("patient", _text()),
    Column("encounter", _text()),
    Column("context", JSONB, nullable=False),
    Column("nonce", _text()),
    Column("session", _text()),
    Column("last_used_at", _moment()),
    Column("revoked_at", _moment()),
    Index("oauth_grant_user", "user_id", postgresql_where=text("revoked_at IS NULL")),
    Index(
        "oauth_grant_session", "session", postgresql_where=text("session IS NOT NULL AND revoked_at IS NULL")
    ),
    Index("oauth_grant_client", "client"),
    comment="What a person granted an app; with it ends every token under it. `session` where it ends with that.",
)

oauth_once = Table(
    "oauth_once",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("kind", _text(), nullable=False),
    Column("grant_id", _text(), ForeignKey("oauth_grant.id"), nullable=False),
    Column("redirect_uri", _text()),
    Column("challenge", _text()),
    Column("expires_at", _moment(), nullable=False),
    Column("spent_at", _moment()),
    Index("oauth_once_grant", "grant_id"),
    Index("oauth_once_expires_at", "expires_at"),
    comment="Hashes of codes and refresh tokens, each good once; one that comes again ends its grant.",
)

oauth_access = Table(
    "oauth_access",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("client", _text(), ForeignKey("oauth_client.id"), nullable=False),
    Column("grant_id", _text(), ForeignKey("oauth_grant.id")),
    Column("scopes", ARRAY(_text()), nullable=False),
    Column("issued_at", _moment(), nullable=False),
    Column("expires_at", _moment(), nullable=False),
    Index("oauth_access_grant", "grant_id"),
    Index("oauth_access_expires_at", "expires_at"),
    comment="Hashes of access tokens; without a grant those that a backend got for itself.",
)

oauth_assertion = Table(
    "oauth_assertion",
    metadata,
    Column("client", _text(), nullable=False),
    Column("jti_sha256", LargeBinary, nullable=False),
    Column("expires_at", _moment(), nullable=False),
    PrimaryKeyConstraint("client", "jti_sha256"),
    Index("oauth_assertion_expires_at", "expires_at"),
    comment="Assertions that were used, until they would have expired anyway.",
)

oauth_key = Table(
    "oauth_key",
    metadata,
    Column("kid", _text(), primary_key=True),
    Column("algorithm", _text(), nullable=False),
    Column("public", JSONB, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", _moment(), nullable=False),
    Column("retired_at", _moment()),
    Index("oauth_key_signing", "algorithm", unique=True, postgresql_where=text("retired_at IS NULL")),
    comment="Keys that id_tokens are signed with: private parts under a key derived from the master key, which is not here.",
)
