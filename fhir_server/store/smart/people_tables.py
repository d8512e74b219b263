"""The tables of people: accounts, who is logged in, what they are deciding on, what they agreed to.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
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


account = Table(
    "account",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("name", _text(), nullable=False, unique=True),
    Column("role", _text(), nullable=False),
    Column("auditor", Boolean, nullable=False),
    Column("fhir_user", _text()),
    Column("proxies", ARRAY(_text()), nullable=False),
    Column("organizations", ARRAY(_text()), nullable=False),
    Column("password", _text(), nullable=False),
    Column("password_until", _moment()),
    Column("made_at", _moment(), nullable=False, server_default=func.now()),
    Column("disabled_at", _moment()),
    comment="People who may log in; `password` is an Argon2id hash, of a one-time password until it ends.",
)

login_attempt = Table(
    "login_attempt",
    metadata,
    Column("name_sha256", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", _moment(), nullable=False),
    Column("wait_until", _moment()),
    Index("login_attempt_last_at", "last_at"),
    comment="Passwords tried for a name, whether or not there is such an account; a right one forgets them.",
)

login_session = Table(
    "login_session",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    Column("account", _text(), ForeignKey("account.id"), nullable=False),
    Column("began_at", _moment(), nullable=False),
    Column("seen_at", _moment(), nullable=False),
    Column("ends_at", _moment(), nullable=False),
    Index("login_session_account", "account"),
    Index("login_session_ends_at", "ends_at"),
    comment="Browsers in which somebody is logged in, by the hash of their cookie.",
)

app_launch = Table(
    "app_launch",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("client", _text(), nullable=False),
    Column("account", _text(), ForeignKey("account.id"), nullable=False),
    Column("patient", _text()),
    Column("encounter", _text()),
    Column("context", JSONB, nullable=False),
    Column("ends_at", _moment(), nullable=False),
    Column("session", _text()),
    Column("spent_at", _moment()),
    Index("app_launch_ends_at", "ends_at"),
    comment="What an EHR says of an app that it opens, by the hash of the handle; `session` once a user came with it.",
)

app_request = Table(
    "app_request",
    metadata,
    Column("id", _text(), primary_key=True),
    Column("session", _text(), ForeignKey("login_session.id", ondelete="CASCADE"), nullable=False),
    Column("parameters", JSONB, nullable=False),
    Column("patient", _text()),
    Column("encounter", _text()),
    Column("encounter_chosen", Boolean, nullable=False, server_default=text("false")),
    Column("ends_at", _moment(), nullable=False),
    Index("app_request_session", "session"),
    Index("app_request_ends_at", "ends_at"),
    comment="What apps ask of people who are logged in and have yet to decide.",
)

app_consent = Table(
    "app_consent",
    metadata,
    Column("account", _text(), ForeignKey("account.id"), nullable=False),
    Column("client", _text(), nullable=False),
    Column("patient", _text(), nullable=False),
    Column("scopes", ARRAY(_text()), nullable=False),
    Column("agreed_at", _moment(), nullable=False),
    PrimaryKeyConstraint("account", "client", "patient"),
    comment="What people agreed to, so that they are asked again only for more; `patient` is empty without one.",
)
