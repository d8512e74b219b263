import pytest

from fhir_server.keys import MasterKey
from fhir_server.store.devices.seal import Seal, SecretUnreadable


def test_a_sealed_secret_opens_for_its_own_device_and_key_alone():
    seal = Seal(MasterKey(b"k" * 32))
    sealed = seal.close(b"secret", "device-1", 1)
    assert seal.open(sealed, "device-1", 1) == b"secret"
    assert b"secret" not in sealed
    for device, key_id in (("device-2", 1), ("device-1", 2)):
        with pytest.raises(SecretUnreadable):
            seal.open(sealed, device, key_id)


def test_another_master_key_or_an_altered_text_opens_nothing():
    sealed = Seal(MasterKey(b"k" * 32)).close(b"secret", "device-1", 1)
    with pytest.raises(SecretUnreadable, match="master key"):
        Seal(MasterKey(b"x" * 32)).open(sealed, "device-1", 1)
    with pytest.raises(SecretUnreadable):
        Seal(MasterKey(b"k" * 32)).open(sealed[:-1] + bytes([sealed[-1] ^ 1]), "device-1", 1)


def test_no_two_sealed_texts_are_alike():
    seal = Seal(MasterKey(b"k" * 32))
    assert seal.close(b"secret", "device-1", 1) != seal.close(b"secret", "device-1", 1)
