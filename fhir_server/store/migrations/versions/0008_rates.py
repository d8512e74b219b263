"""How often callers other than devices may ask.

https://www.rfc-editor.org/rfc/rfc6585#section-4; its statements stand in 0008_rates.sql.
"""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds a table that is empty; nothing that is there changes."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
