"""How long a body is waited for."""

import asyncio

import pytest

from fhir_server.errors import BodyTimeout
from fhir_server.rest.middleware.patience import Patience


def read(*pauses, seconds=0.1, size=1):
    """How many bytes an application reads of a body whose parts come after these pauses each."""

    async def received():
        waiting = list(pauses)

        async def receive():
            if not waiting:
                await asyncio.sleep(0.3)
                return {"type": "http.disconnect"}
            await asyncio.sleep(waiting.pop(0))
            return {"type": "http.request", "body": b"x" * size, "more_body": bool(waiting)}

        found = []

        async def app(scope, receive, send):
            while (message := await receive())["type"] == "http.request":
                found.append(message["body"])
            assert not waiting

        await Patience(app, seconds)({"type": "http"}, receive, None)
        return len(b"".join(found))

    return asyncio.run(received())


def test_a_body_that_comes_in_time_is_read_and_its_end_waited_for_as_long_as_it_takes():
    assert read(0, 0.01, 0) == 3


@pytest.mark.parametrize("pauses", [(1,), (0, 1), (0.03,) * 30], ids=["none", "halted", "drop by drop"])
def test_a_body_that_does_not_come_in_time_is_given_up(pauses):
    with pytest.raises(BodyTimeout, match=r"bytes came in time"):
        read(*pauses)


def test_a_large_body_that_halts_is_given_up_however_much_came():
    with pytest.raises(BodyTimeout):
        read(0, 1, size=1_000_000)


def test_a_large_body_that_keeps_coming_may_take_longer():
    assert read(*(0.03,) * 10, size=1_000) == 10_000
    with pytest.raises(BodyTimeout):
        read(*(0.03,) * 10, size=10)


def test_a_failure_of_the_application_within_the_time_is_its_own():
    async def receive():
        raise TimeoutError

    async def app(scope, receive, send):
        await receive()

    with pytest.raises(TimeoutError):
        asyncio.run(Patience(app, 1)({"type": "http"}, receive, None))
