import asyncio
from contextlib import suppress

from structlog.testing import capture_logs

from fhir_server.operations import background
from fhir_server.operations.background import Background, ended
from fhir_server.store.database import Database


async def test_a_task_that_lost_a_cancellation_is_ended_all_the_same():
    async def deaf_once() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    running = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(running), 5)
    assert running.cancelled()


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
