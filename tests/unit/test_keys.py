import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from cryptography.exceptions import InvalidTag
from pydantic import SecretStr

from fhir_server.errors import OperatorError
from fhir_server.keys import Box, MasterKey, Purpose, master_key, succeed

KEY = SecretStr(base64.b64encode(bytes(range(32))).decode())


def test_a_derived_key_is_rfc_5869s(tmp_path):
    extracted = hmac.new(b"\0" * 32, bytes(range(32)), hashlib.sha256).digest()
    expanded = hmac.new(extracted, b"fhir-server/identity\x01", hashlib.sha256).digest()
    assert master_key(KEY, tmp_path).derive("identity") == expanded


def test_every_purpose_has_its_own_key():
    key = MasterKey(b"k" * 32)
    assert len({key.derive(purpose) for purpose in get_args(Purpose)}) == len(get_args(Purpose))


def test_a_token_s_fingerprint_is_its_own_the_server_s_and_outlives_the_key():
    key = MasterKey(b"k" * 32)
    found = [key.fingerprint("a"), key.fingerprint("b"), MasterKey(b"l" * 32).fingerprint("a")]
    assert len(set(found)) == 3
    assert key.successor().fingerprint("a") == found[0]


def test_the_file_is_made_once_for_its_owner_alone(tmp_path):
    folder = tmp_path / "new" / "data"
    first = master_key(None, folder)
    assert stat.S_IMODE((folder / "master.key").stat().st_mode) == 0o600
    assert master_key(None, folder) == first
    assert [each.name for each in folder.iterdir()] == ["master.key"]


def test_processes_that_start_at_once_get_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: master_key(None, tmp_path), range(64)))
    assert len({key.derive("identity") for key in keys}) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    master_key(None, tmp_path)
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(OperatorError, match="chmod 600"):
        master_key(None, tmp_path)


@pytest.mark.parametrize("text", ["", "short", "é" * 44, base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_is_refused(tmp_path, text):
    with pytest.raises(OperatorError, match="base64 of 32 bytes"):
        master_key(SecretStr(text), tmp_path)


def test_the_key_does_not_show_itself():
    assert "kkkk" not in repr(MasterKey(b"k" * 32))


def test_under_a_later_key_readings_keep_their_identity_and_nothing_else_stays():
    first = MasterKey(b"k" * 32)
    third = first.successor().successor()
    assert third.derive("identity") == first.derive("identity")
    others = set(get_args(Purpose)) - {"identity"}
    assert not {first.derive(purpose) for purpose in others} & {third.derive(purpose) for purpose in others}


def test_a_later_key_is_the_same_read_back_from_its_text(tmp_path):
    first = MasterKey(b"k" * 32)
    second = first.successor()
    read = master_key(SecretStr(second.text()), tmp_path, SecretStr(first.text()))
    assert read == second
    assert read.previous == first


def test_the_file_is_succeeded_by_a_new_one_once_and_the_one_before_stands_beside_it(tmp_path):
    first = master_key(None, tmp_path)
    succeed(tmp_path)
    second = master_key(None, tmp_path)
    assert second.previous == first
    assert second.derive("identity") == first.derive("identity")
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    with pytest.raises(OperatorError, match="reseal"):
        succeed(tmp_path)
    assert master_key(None, tmp_path) == second


def test_a_succession_that_was_cut_short_is_gone_on_with(tmp_path):
    first = master_key(None, tmp_path)
    (tmp_path / "master.key.previous").hardlink_to(tmp_path / "master.key")
    succeed(tmp_path)
    assert master_key(None, tmp_path).previous == first


def test_a_box_opens_what_either_key_closed_and_renews_what_the_one_before_did():
    first = MasterKey(b"k" * 32)
    second = first.successor()
    old, both = Box(first, "device-secrets"), Box(second, "device-secrets")
    closed = old.close(b"secret", b"mine")
    assert both.open(closed, b"mine") == b"secret"
    renewed = both.renewed(closed, b"mine")
    assert both.renewed(renewed, b"mine") is None
    for box, what, whose in ((old, renewed, b"mine"), (both, closed, b"yours")):
        with pytest.raises(InvalidTag):
            box.open(what, whose)
