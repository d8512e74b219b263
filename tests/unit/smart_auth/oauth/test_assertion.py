"""The assertions that clients sign, part by part, without a server."""

import asyncio
import base64
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tests.unit.smart_auth.memory import BACKEND, EC, HERE, NOW, RSA, Memory, asserted, assertion

JWKS_URI = "https://backend.example/jwks"
NEW = RSAKey.generate_key(2048, {"kid": "new"})


def at(**delta):
    return int((NOW + timedelta(**delta)).timestamp())


async def refusal(token, memory=None):
    """Why an assertion is refused."""
    status, body = await (memory or Memory()).token(asserted(token))
    assert (status, body["error"]) == (401, "invalid_client"), body
    return body["error_description"]


def published(keys, **changes):
    """A backend that publishes these keys."""
    memory = Memory()
    memory.clients["backend"] = replace(BACKEND, jwks=None, jwks_uri=JWKS_URI, **changes)
    memory.published[JWKS_URI] = {"keys": [key.as_dict(private=False) for key in keys]}
    return memory


@pytest.mark.item("smart-authlib-expiry")
@pytest.mark.item("smart-B3")
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "other"}, "iss"),
        ({"sub": "other"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": None}, "iss"),
        ({"iss": 7, "sub": 7}, "iss"),
        ({"iss": ["backend"], "sub": ["backend"]}, "iss"),
        ({"iss": "public", "sub": "public"}, "not registered"),
        ({"iss": "unknown", "sub": "unknown"}, "not registered"),
        ({"aud": None}, "aud"),
        ({"aud": "https://other.example/oauth/token"}, "aud"),
        ({"aud": HERE.token + "/"}, "aud"),
        ({"exp": None}, "exp"),
        ({"exp": at(days=365)}, "exp"),
        ({"exp": at(minutes=5, seconds=11)}, "exp"),
        ({"exp": at(seconds=-10)}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"nbf": at(minutes=1)}, "nbf"),
        ({"iat": at(minutes=1)}, "iat"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"iss": "\ud800", "sub": "\ud800"}, "client_id"),
    ],
)
async def test_a_claim_that_is_not_as_it_must_be_is_named(claims, said):
    assert said in await refusal(assertion(**claims))


@pytest.mark.item("smart-B3")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": HERE.issuer},
        {"aud": [HERE.token]},
        {"exp": at(minutes=5)},
        {"exp": at(seconds=-9)},
        {"iat": at(seconds=5)},
    ],
)
async def test_clocks_may_differ_by_seconds_and_the_audience_may_be_the_issuer(claims):
    assert (await Memory().token(asserted(assertion(**claims))))[0] == 200


@pytest.mark.item("smart-B2")
@pytest.mark.item("smart-B7")
@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"kid": None}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": "unknown"}, "No key"),
        ({"typ": "at+jwt"}, "typ"),
        ({"jku": JWKS_URI}, "jku"),
        ({"jwk": RSA.as_dict(private=False)}, "jwk"),
        ({"x5u": "https://backend.example/cert"}, "x5u"),
        ({"crit": ["exp"], "exp": 1}, "crit"),
        ({"alg": ["RS384"]}, "alg"),
        ({"alg": {}}, "alg"),
        ({"b64": False}, "no signed JWT"),
    ],
)
async def test_a_header_that_is_not_as_it_must_be_is_named(header, said):
    token = assertion()
    first, payload, signature = token.split(".")
    told = {**json.loads(base64.urlsafe_b64decode(first + "==")), **header}
    told = {name: value for name, value in told.items() if value is not None}
    first = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    assert said in await refusal(f"{first}.{payload}.{signature}")


@pytest.mark.item("smart-authlib-headers")
@pytest.mark.item("smart-B10")
@pytest.mark.parametrize(
    "header", [{"kty": "RSA"}, {"typ": None}, {"typ": "jwt"}, {"x5c": ["A" * 3000]}, {"x": 1}]
)
async def test_headers_that_nobody_knows_are_passed_over(header):
    assert (await Memory().token(asserted(assertion(header=header))))[0] == 200


@pytest.mark.item("smart-authlib-algorithms")
@pytest.mark.item("smart-B7")
async def test_no_other_algorithm_is_taken_nor_a_public_key_for_a_secret():
    assert "alg" in await refusal(assertion(alg="RS256"))
    _, payload, _ = assertion().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"rsa"}').rstrip(b"=").decode()
    mac = hmac.digest(RSA.as_pem(private=False), f"{head}.{payload}".encode(), "sha256")
    assert "alg" in await refusal(f"{head}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"rsa"}').rstrip(b"=").decode()
    assert "alg" in await refusal(f"{none}.{payload}.")


@pytest.mark.item("smart-B7")
@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "e30.e30.", "." * 3, "x" * 20_000]
)
async def test_what_is_no_signed_token_is_refused(token):
    form = asserted()
    form["client_assertion"] = token
    status, body = await Memory().token(form)
    assert (status, body["error"]) == (401, "invalid_client")


async def test_a_signature_that_does_not_hold_is_refused():
    token = assertion()
    assert "signature" in await refusal(token[:-6] + ("AAAAAA" if token[-6:] != "AAAAAA" else "BBBBBB"))
    assert "signature" in await refusal(assertion(RSAKey.generate_key(2048, {"kid": "rsa"})))


@pytest.mark.item("smart-authlib-kid")
@pytest.mark.item("smart-B5")
async def test_of_keys_with_one_id_the_type_decides_and_two_of_one_type_are_none():
    twin = ECKey.generate_key("P-384", {"kid": "rsa"})
    assert (await published([RSA, twin]).token(asserted()))[0] == 200
    assert "More than one" in await refusal(assertion(), published([RSA, NEW, RSA]))


async def test_weak_keys_are_refused():
    short = ECKey.generate_key("P-256", {"kid": "short"})
    payload = assertion().split(".")[1]
    head = base64.urlsafe_b64encode(b'{"alg":"ES384","kid":"short"}').rstrip(b"=").decode()
    assert "P-384" in await refusal(f"{head}.{payload}.AAAA", published([short]))
    broken = published([])
    broken.published[JWKS_URI] = {"keys": [{"kty": "RSA", "kid": "rsa", "n": "!", "e": 3}, "x"]}
    assert "cannot be read" in await refusal(assertion(), broken)


@pytest.mark.item("smart-B4")
async def test_an_assertion_is_good_once_even_when_two_come_at_once():
    memory = Memory()
    token = assertion()
    answers = await asyncio.gather(*[memory.token(asserted(token)) for _ in range(3)])
    assert sorted(status for status, _ in answers) == [200, 401, 401]
    assert "before" in await refusal(token, memory)


@pytest.mark.item("smart-B5")
@pytest.mark.item("smart-B6")
async def test_published_keys_are_fetched_once_kept_and_fetched_again_for_a_new_one():
    memory = published([RSA])
    assert (await memory.token(asserted()))[0] == 200
    assert (await memory.token(asserted()))[0] == 200
    assert memory.fetched == [JWKS_URI]
    memory.published[JWKS_URI] = {"keys": [NEW.as_dict(private=False)]}
    assert (await memory.token(asserted(assertion(NEW))))[0] == 200
    assert len(memory.fetched) == 2
    assert "No key" in await refusal(assertion(), memory)
    memory.seconds = 3600
    assert (await memory.token(asserted(assertion(NEW))))[0] == 200


@pytest.mark.item("smart-B6")
async def test_keys_are_not_fetched_without_end_for_ids_that_nobody_publishes():
    memory = published([RSA])
    for _ in range(20):
        said = await refusal(assertion(NEW), memory)
    assert "too often" in said
    assert len(memory.fetched) == 12
    assert (await memory.token(asserted()))[0] == 200


@pytest.mark.item("smart-B6")
async def test_keys_that_cannot_be_had_are_said_to_be_so():
    memory = published([RSA])
    memory.published.clear()
    assert "jwks_uri" in await refusal(assertion(), memory)
    memory.published[JWKS_URI] = ["no", "object"]
    assert "jwks_uri" in await refusal(assertion(), memory)


@pytest.mark.item("smart-authlib-jku")
@pytest.mark.item("smart-B2")
async def test_an_address_of_keys_in_the_header_is_the_registered_one_or_the_assertion_is_refused_unread():
    memory = published([RSA])
    assert (await memory.token(asserted(assertion(header={"jku": JWKS_URI}))))[0] == 200
    assert "jku" in await refusal(assertion(header={"jku": "https://evil.example/jwks"}), memory)
    assert memory.fetched == [JWKS_URI]


async def test_a_person_s_app_that_signs_is_held_to_the_same():
    memory = Memory()
    assert jws.extract_compact(assertion(EC, "ES384").encode()).headers()["alg"] == "ES384"
    told = await memory.token(
        asserted(assertion(EC, "ES384", iss="signed", sub="signed"), grant_type="refresh_token")
    )
    assert told[1]["error"] == "invalid_request"


@pytest.mark.item("smart-B6")
async def test_a_publisher_that_is_slow_is_asked_once_and_holds_up_nobody_else():
    memory = published([RSA])
    memory.publisher.clear()
    waiting = [asyncio.create_task(memory.token(asserted(assertion(jti=f"j{n}")))) for n in range(8)]
    assert "refresh_token" in await asyncio.wait_for(memory.tokens(), 5)
    memory.published.clear()
    memory.publisher.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [401] * 8
    assert memory.fetched == [JWKS_URI]


@pytest.mark.item("smart-B6")
async def test_while_a_new_key_is_looked_for_the_known_ones_are_taken():
    memory = published([RSA])
    assert (await memory.token(asserted()))[0] == 200
    memory.publisher.clear()
    unknown = asyncio.create_task(memory.token(asserted(assertion(NEW, jti="new"))))
    await asyncio.sleep(0)
    assert len(memory.fetched) == 2
    assert (await asyncio.wait_for(memory.token(asserted(assertion(jti="known"))), 5))[0] == 200
    memory.publisher.set()
    assert (await unknown)[0] == 401
