"""Subscriptions: what was asked for, what happened, what was delivered.

https://hl7.org/fhir/R4/subscription.html; its statements stand in 0009_subscriptions.sql.
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds tables that are empty, and an index over the change log."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
