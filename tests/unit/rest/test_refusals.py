"""Whoever asks too often does not fill the audit; every other refusal is recorded."""

import pytest

from fhir_server.audit.port import NoAudit
from fhir_server.audit.record import NOBODY, REFUSED, Agent, Origin, Record
from fhir_server.errors import Unavailable
from fhir_server.rest.refusals import FULLY, FewRefusals

APP = Agent("user:1", "app", "1")


class Kept(NoAudit):
    def __init__(self):
        self.records, self.away = [], False

    async def keep(self, records):
        if self.away and records:
            raise Unavailable("away")
        self.records += records


def refused(reason, agent=APP, address="192.0.2.1", action="read", **more):
    return Record("rest", action, REFUSED, agent, Origin(address, "r"), reason=reason, **more)


@pytest.mark.parametrize(
    "again",
    [
        lambda number: refused("429", address=f"192.0.2.{number}", id=f"o{number}"),
        lambda number: refused("429", NOBODY, f"2001:db8::{number}", id=f"o{number}"),
    ],
)
async def test_the_first_are_recorded_and_of_the_others_how_many_there_were(again):
    kept = Kept()
    audit = FewRefusals(kept)

    for number in range(FULLY + 7):
        await audit.keep([again(number)])
    assert kept.records == [again(number) for number in range(FULLY)]

    await audit.tell()
    first, told = kept.records[0], kept.records[-1]
    assert told.reason == f"{first.reason}, 7 more"
    assert (told.agent, told.origin.address, told.id) == (first.agent, first.origin.address, "")
    await audit.tell()
    await audit.keep([again(99)])
    assert len(kept.records) == FULLY + 2


async def test_one_who_is_refused_often_hides_nobody_else_and_nothing_else_of_theirs():
    kept = Kept()
    audit = FewRefusals(kept)
    for _ in range(FULLY + 1):
        await audit.keep([refused("429"), refused("429", NOBODY)])
    others = [
        refused("429", Agent("user:2", "app", "2")),
        refused("429", NOBODY, "192.0.2.2"),
        *[refused("401", NOBODY), refused("403"), Record("rest", "read", 0, APP)] * (FULLY + 1),
        *[refused("signature", Agent("device:1"), action="denied")] * (FULLY + 1),
    ]

    await audit.keep(others)

    assert kept.records[2 * FULLY :] == others


async def test_what_the_audit_cannot_be_told_now_it_is_told_later():
    kept = Kept()
    audit = FewRefusals(kept)
    for _ in range(FULLY + 3):
        await audit.keep([refused("429")])
    kept.away = True
    await audit.tell()
    kept.away = False
    await audit.keep([refused("429")])
    await audit.tell()

    assert kept.records[-1].reason == "429, 3 more"
