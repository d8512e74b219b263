import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
from pydantic import SecretStr

from fhir_server.errors import OperatorError
from fhir_server.keys import MasterKey, Purpose, master_key

KEY = SecretStr(base64.b64encode(bytes(range(32))).decode())


def test_a_derived_key_is_rfc_5869s(tmp_path):
    extracted = hmac.new(b"\0" * 32, bytes(range(32)), hashlib.sha256).digest()
    expanded = hmac.new(extracted, b"fhir-server/identity\x01", hashlib.sha256).digest()
    assert master_key(KEY, tmp_path).derive("identity") == expanded


def test_every_purpose_has_its_own_key():
    key = MasterKey(b"k" * 32)
    assert len({key.derive(purpose) for purpose in get_args(Purpose)}) == len(get_args(Purpose))


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
