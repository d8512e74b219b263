import asyncio

from structlog.testing import capture_logs

from fhir_server.operations import background
from fhir_server.operations.background import Background
from fhir_server.store.database import Database
from fhir_server.tasks import ended


async def test_a_database_that_stays_away_is_told_of_once(monkeypatch):
    monkeypatch.setattr(background, "LOOK_SECONDS", 0.01)
    away = Database("host=/nowhere dbname=none connect_timeout=1")  # never opened
    with capture_logs() as told:
        working = Background(away, "")
        running = asyncio.create_task(working.run())
        await asyncio.sleep(0.2)
        await ended(running)
    assert [(line["event"], line["log_level"]) for line in told] == [
        ("background waits for the database", "warning")
    ]
