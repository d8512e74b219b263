"""Who may ask for what: people, apps, keys, tokens, and what people granted to apps.

https://hl7.org/fhir/smart-app-launch/STU2.2/; its statements stand in 0005_smart.sql.
"""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds tables that are empty; nothing that is there changes."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
