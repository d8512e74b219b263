"""Files that devices wrote, keys of devices that cannot sign, and what devices last said of themselves.

docs/ingest.md; its statements stand in 0004_files.sql.
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds tables that are empty; nothing that is there changes."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
