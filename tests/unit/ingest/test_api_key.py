from dataclasses import replace
from datetime import timedelta

import pytest

from ingest.api_key import claimed_key, holder, new_key
from ingest.errors import Unauthenticated
from ingest.ports import HeldKey
from tests.unit.ingest.conftest import DEVICE, NOW

KEY = new_key()
HELD = HeldKey(DEVICE, KEY.sha256)


def refusal(held=HELD, sent=(KEY.text,), named=(), confidential=True):
    with pytest.raises(Unauthenticated) as refused:
        holder(held, claimed_key(sent, confidential=confidential), named, NOW)
    return refused.value.reason


@pytest.mark.parametrize("named", [(), (DEVICE.name,), (DEVICE.id,)])
def test_the_device_that_holds_the_key_is_who_sent_it(named):
    claimed = claimed_key([KEY.text], confidential=True)
    assert claimed.id == KEY.id
    assert holder(HELD, claimed, named, NOW) is DEVICE


def test_each_reason_is_told_inside():
    assert refusal(None) == "api-key"
    assert refusal(replace(HELD, sha256=b"x" * 32)) == "api-key"
    assert refusal(replace(HELD, valid_until=NOW)) == "api-key"
    assert refusal(replace(HELD, device=replace(DEVICE, disabled=True))) == "disabled-device"
    assert refusal(named=("pi-002",)) == "headers"
    assert refusal(named=(DEVICE.name, "pi-002")) == "headers"
    assert refusal(confidential=False) == "in-clear"


@pytest.mark.parametrize("sent", [(KEY.text, KEY.text), (KEY.text + "x",), (KEY.text[:-1],), ("",), ("é",)])
def test_what_is_no_key_is_not_looked_for(sent):
    assert refusal(sent=sent) == "headers"


def test_a_key_that_is_ending_is_good_until_then():
    ending = replace(HELD, valid_until=NOW + timedelta(seconds=1))
    assert holder(ending, claimed_key([KEY.text], confidential=True), (), NOW) is DEVICE


def test_keys_are_never_alike_and_do_not_show_themselves():
    assert new_key().text != KEY.text
    assert new_key().id != KEY.id
    assert KEY.text not in repr(KEY) + repr(claimed_key([KEY.text], confidential=True))
