"""`fhir-server migrate`: the database's schema, brought forward to this version's.

https://alembic.sqlalchemy.org/en/latest/
"""

from fhir_server.cli.configuration import settings
from fhir_server.cli.console import print_json, say
from fhir_server.cli.database import any_database
from fhir_server.cli.options import AsJson, DataDir


def migrate(*, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Bring the schema forward. `serve` does it by itself; with several servers, run it once before they start.

    Example: DATABASE_URL=postgresql://fhir@db/fhir fhir-server migrate
    """
    with any_database(settings(data_dir=data_dir)) as url:
        from fhir_server.store import migrate as schema

        before = schema.revision(url)
        schema.upgrade(url)
        after = schema.revision(url)
    if json:
        print_json({"from": before, "to": after})
    else:
        say(f"The schema is {after}." if before == after else f"The schema went from {before} to {after}.")
