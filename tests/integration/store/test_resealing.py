"""A new master key: everything sealed is sealed anew while both are known, readings keep their identity, the audit its chain."""

from fhir_server import clock
from fhir_server.audit.record import Agent, Record
from fhir_server.interactions import device_registry
from fhir_server.keys import MasterKey
from fhir_server.store.audit import sealing
from fhir_server.store.audit.kept import KeptAudit
from fhir_server.store.audit.verifying import verify
from fhir_server.store.devices.registry import DeviceRegistry
from fhir_server.store.devices.seal import Seal
from fhir_server.store.resealing import reseal
from fhir_server.store.smart.signing_keys import SigningKeys
from fhir_server.store.subscriptions import registrations
from fhir_server.store.subscriptions.registrations import Wanted
from fhir_server.subscriptions.secret_headers import SecretHeaders
from mappers.profiles import built_in

OLD = MasterKey(b"o" * 32)
NEW = OLD.successor()
ALONE = MasterKey(NEW._bytes, NEW._identity)


async def secrets(database, key):
    device = await DeviceRegistry(database, Seal(key), built_in()).find("ox", clock.now())
    return device.secrets


async def forged(database, key):
    async with database.connection() as connection:
        found = (await verify(connection, key.derive("audit"))).findings
    return [(one.fault, one.seal) for one in found]


async def sealed(database, key):
    await KeptAudit(database).keep([Record("rest", "read", 0, Agent("x"))])
    await sealing.seal(database, key.derive("audit"))


async def test_under_the_new_key_alone_everything_opens_once_it_was_sealed_anew(database):
    await device_registry.register(database, OLD, name="ox", profile="pulse-oximeter")
    before = await secrets(database, OLD)
    kids = [key.kid for key in await SigningKeys(database, OLD).keys()]
    assert len(before) == 1
    assert await secrets(database, NEW) == before
    assert await secrets(database, ALONE) == ()

    done = await reseal(database, NEW)
    assert (done.device_secrets, done.signing_keys, done.unreadable) == (1, 2, [])
    assert await secrets(database, ALONE) == before
    assert [key.kid for key in await SigningKeys(database, ALONE).keys()] == kids
    assert await secrets(database, OLD) == ()

    again = await reseal(database, NEW)
    assert (again.device_secrets, again.signing_keys, again.unreadable) == (0, 0, [])


async def test_the_headers_of_subscriptions_are_sealed_anew(database):
    said = {"Authorization": "Bearer canary"}
    async with database.connection() as connection:
        for id, key in (("one", OLD), ("lost", MasterKey(b"x" * 32))):
            headers = SecretHeaders(key).close(id, said)
            await registrations.add(connection, id, Wanted("|local", {}, {}, headers, "active", None))

    done = await reseal(database, NEW)

    assert (done.subscription_headers, len(done.unreadable)) == (1, 1)
    assert "Subscription/lost" in done.unreadable[0]
    async with database.connection() as connection:
        (found,) = await registrations.registered(connection, ["one"])
    assert SecretHeaders(ALONE).open("one", found.headers) == said


async def test_what_opens_under_neither_key_is_named_and_hinders_nothing_else(database):
    await device_registry.register(database, MasterKey(b"x" * 32), name="lost", profile="pulse-oximeter")
    await device_registry.register(database, OLD, name="ox", profile="pulse-oximeter")
    done = await reseal(database, NEW)
    assert done.device_secrets == 1
    assert len(done.unreadable) == 1
    assert "device rotate" in done.unreadable[0]


async def test_seals_of_the_key_before_are_good_once_they_are_vouched_for_and_forgeries_are_not(database):
    await sealed(database, OLD)
    await sealed(database, OLD)
    await sealed(database, NEW)
    assert await forged(database, NEW) == [("seal forged", 1), ("seal forged", 2)]
    await reseal(database, NEW)
    await sealed(database, NEW)
    assert await forged(database, ALONE) == []

    later = ALONE.successor()
    await reseal(database, later)
    assert await forged(database, later) == []
    await sealed(database, OLD)
    assert await forged(database, later) == [("seal forged", 7)]


async def test_a_seal_under_neither_key_is_not_vouched_for(database):
    await sealed(database, MasterKey(b"x" * 32))
    done = await reseal(database, NEW)
    assert [text[:6] for text in done.unreadable] == ["Seal 1"]
    assert await forged(database, NEW) == [("seal forged", 1)]
