"""The whole of R4's search: units, texts of codes, composites, and the jobs that rebuild an index.

docs/adr/0006-search.md; its statements stand in 0002_search.sql.
"""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds what the search of this version needs; resources stored before are marked as indexed in the first form."""
    connection = op.get_bind()
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
