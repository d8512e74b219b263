"""Notifications are signed as Standard Webhooks are, so that any of their libraries can check them."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from fhir_server.keys import MasterKey
from fhir_server.subscriptions.signing import secret, signed

KEY = MasterKey(b"k" * 32)
BODY = '{"resourceType":"Bundle","text":"ü"}'.encode()


def headers(key, id="s1", body=BODY):
    found = signed(key, id, "m1", datetime.now(UTC), body)
    return {name.decode(): value.decode() for name, value in found}


@pytest.mark.item("sub-T4")
def test_a_signature_holds_for_the_library_of_the_standard():
    assert Webhook(secret(KEY, "s1")).verify(BODY, headers(KEY))["resourceType"] == "Bundle"


@pytest.mark.item("sub-T4")
def test_a_signature_holds_for_no_other_body_nor_subscription_nor_server():
    for verifier, sent in [
        (secret(KEY, "s1"), (BODY + b" ", headers(KEY))),
        (secret(KEY, "s2"), (BODY, headers(KEY))),
        (secret(MasterKey(b"x" * 32), "s1"), (BODY, headers(KEY))),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(verifier).verify(*sent)


def test_a_new_master_key_signs_beside_the_one_before_until_that_is_gone():
    after = KEY.successor()
    for verifier in (secret(KEY, "s1"), secret(after, "s1")):
        assert Webhook(verifier).verify(BODY, headers(after))
    with pytest.raises(WebhookVerificationError):
        Webhook(secret(KEY, "s1")).verify(BODY, headers(MasterKey(b"n" * 32)))


def test_an_empty_body_is_signed_too():
    assert headers(KEY, body=b"")["webhook-signature"] != headers(KEY)["webhook-signature"]
