"""What the access predicate goes by.

https://hl7.org/fhir/R4/compartmentdefinition-patient.html; its statements stand in 0007_access.sql.
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds tables that are empty; nothing that is there changes."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
