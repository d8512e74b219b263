"""Devices that are seen and removed: when each last sent something, and when it left the registry.

docs/adr/0009-device-authentication.md
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds two columns, which are empty for the devices that are there, and the way from a patient to their devices."""
    connection = op.get_bind()
    connection.exec_driver_sql(
        "ALTER TABLE device ADD COLUMN last_seen_at timestamptz, ADD COLUMN removed_at timestamptz"
    )
    connection.exec_driver_sql("CREATE INDEX device_assignment_patient ON device_assignment (patient)")
