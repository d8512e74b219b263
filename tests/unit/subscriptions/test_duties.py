import pytest
import structlog

from fhir_server.store.subscriptions.cursor import LeaseLost
from fhir_server.subscriptions.duties import Duties


async def well():
    pass


async def failing():
    raise ZeroDivisionError


async def test_a_duty_that_fails_is_told_once_and_again_when_it_fails_anew():
    duties = Duties()
    with structlog.testing.capture_logs() as logged:
        for name, work in (
            ("a", failing),
            ("a", failing),
            ("b", failing),
            ("a", well),
            ("a", failing),
        ):
            await duties.do(name, work)
    assert [line["event"] for line in logged] == ["a duty of subscriptions failed"] * 3


async def test_whoever_leads_no_more_learns_it_from_a_duty():
    async def superseded():
        raise LeaseLost

    with pytest.raises(LeaseLost):
        await Duties().do("a", superseded)
