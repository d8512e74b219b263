"""What happened, by whom: the audit and its seals.

https://hl7.org/fhir/R4/auditevent.html; its statements stand in 0006_audit.sql.
"""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds tables that are empty; nothing that is there changes."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
