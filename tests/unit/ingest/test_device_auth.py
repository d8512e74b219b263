"""Signatures, against values that `openssl dgst -sha256 -hmac` gave."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingest.device_auth import SignedRequest, credentials, message, verified
from ingest.errors import Unauthenticated
from ingest.ports import Device, Secret

SECRET = b"correct horse battery staple"
VITALS = b'{"heartRate":75,"spo2":98,"temperature":36.8,"timestamp":1234567890}'
READING = b'{"timestamp":"2026-01-02T03:04:05Z","data":{"spo2":97}}'
SIGNED_AT = datetime.fromtimestamp(1234567890, UTC)
DEVICE = Device(1, "id-1", "pi-001", "pulse-oximeter", False, (Secret(SECRET),), (), SIGNED_AT)

API = SignedRequest(
    "api",
    "POST",
    "/api/device/vitals",
    ["pi-001"],
    ["1234567890"],
    ["TqoocyeF6scvHd6HB1vWX892ntdFbHNJW25ZuV/3Qgk="],
    VITALS,
)
INGEST = SignedRequest(
    "ingest",
    "POST",
    "/ingest/readings",
    ["pi-001"],
    ["1234567890"],
    ["HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE="],
    READING,
)


def check(request: SignedRequest, device: Device | None = DEVICE, now: datetime = SIGNED_AT) -> Device:
    claimed = credentials(request)
    return verified(device, claimed, message(request, claimed), now)


def refusal(request: SignedRequest, device: Device | None = DEVICE, now: datetime = SIGNED_AT) -> str:
    with pytest.raises(Unauthenticated) as refused:
        check(request, device, now)
    return refused.value.reason


@pytest.mark.parametrize("request_", [API, INGEST])
def test_openssl_and_this_server_agree(request_):
    assert check(request_) is DEVICE


@pytest.mark.parametrize("seconds", [-60, 0, 60])
def test_a_clock_that_differs_by_the_window_is_good(seconds):
    assert check(INGEST, now=SIGNED_AT + timedelta(seconds=seconds)) is DEVICE


@pytest.mark.parametrize("seconds", [-60.001, 60.001, 86400])
def test_a_clock_that_differs_by_more_is_stale(seconds):
    assert refusal(INGEST, now=SIGNED_AT + timedelta(seconds=seconds)) == "stale"


@pytest.mark.parametrize(
    "changed",
    [
        {"body": READING + b" "},
        {"method": "PUT"},
        {"path": "/ingest/reading"},
        {"device": ["pi-002"]},
        {"timestamp": ["1234567891"]},
        {"timestamp": ["01234567890"]},
    ],
)
def test_the_ingest_form_binds_body_method_path_device_and_time(changed):
    assert refusal(replace(INGEST, **changed)) == "signature"


@pytest.mark.parametrize("changed", [{"body": VITALS + b" "}, {"timestamp": ["1234567891"]}])
def test_the_api_form_binds_body_and_time(changed):
    assert refusal(replace(API, **changed)) == "signature"


@pytest.mark.parametrize(
    "changed",
    [
        {"device": []},
        {"device": ["pi-001", "pi-001"]},
        {"device": [""]},
        {"device": ["pi 001"]},
        {"device": ["x" * 65]},
        {"timestamp": []},
        {"timestamp": ["1234567890.5"]},
        {"timestamp": ["-1"]},
        {"timestamp": ["\u0661\u0662\u0663"]},
        {"timestamp": ["1" * 13]},
        {"signature": []},
        {
            "signature": [
                "HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE=",
                "HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE=",
            ]
        },
        {"signature": ["HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE="[:-1]]},
        {"signature": ["HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE= "]},
        {"signature": ["HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE=".replace("=", "")]},
        {"signature": ["00" * 32]},
        {"signature": ["é"]},
    ],
)
def test_malformed_headers_are_no_credentials(changed):
    assert refusal(replace(INGEST, **changed)) == "headers"


def test_base64_with_stray_bits_is_no_signature():
    text = "HWM1or6uv1NStWDHrW7Z/4ATGKoGUmd+AvH6pJQPiJE="
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(text[-2]) + 1]
    assert refusal(replace(INGEST, signature=[text[:-2] + other + "="])) == "headers"


def test_each_reason_is_told_inside():
    assert refusal(INGEST, None) == "unknown-device"
    assert refusal(INGEST, replace(DEVICE, secrets=())) == "no-secret"
    assert refusal(INGEST, replace(DEVICE, secrets=(Secret(b"other"),))) == "signature"
    assert refusal(INGEST, replace(DEVICE, disabled=True)) == "disabled-device"


def test_both_keys_are_good_while_rotating_and_the_old_one_until_its_end():
    old = Secret(SECRET, valid_until=SIGNED_AT + timedelta(seconds=10))
    rotating = replace(DEVICE, secrets=(Secret(b"new"), old))
    assert check(INGEST, rotating) is rotating
    assert refusal(INGEST, rotating, SIGNED_AT + timedelta(seconds=10)) == "signature"


def test_secrets_and_signatures_do_not_show_themselves():
    claimed = credentials(INGEST)
    shown = repr(claimed) + repr(DEVICE) + repr(INGEST)
    assert "correct horse" not in shown
    assert repr(claimed.signature) not in shown
    assert "spo2" not in shown
