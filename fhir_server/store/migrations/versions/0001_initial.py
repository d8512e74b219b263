"""The first schema.

docs/adr/0001-storage-layout.md; its statements stand in 0001_initial.sql.
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates every table, index and statistic."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
