"""What a client may be registered with, and by which member it is refused."""

from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest
from joserfc.jwk import ECKey

from smart_auth.registration import ClientRefused, checked, new_id
from tests.unit.smart_auth.memory import BACKEND, EC, PUBLIC, RSA, SECRETIVE, SIGNED, Resources

RSA_PUBLIC = RSA.as_dict(private=False)


def judged(url):
    return None if url.startswith("https://keys.example/") else "the host is not on the public Internet."


@pytest.mark.parametrize("client", [PUBLIC, SECRETIVE, SIGNED, BACKEND], ids=lambda client: client.id)
def test_each_kind_of_client_is_taken(client):
    assert checked(client, Resources(), judged) == client


def test_an_ehr_is_taken_that_opens_apps_for_its_users():
    ehr = replace(PUBLIC, scopes=("openid", "__announce_launch"))
    assert checked(ehr, Resources(), judged) == ehr


@pytest.mark.item("smart-A6")
@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/back", "https://app.example:8443/back?a=b", "http://127.0.0.1/back",
        "http://localhost:3000/back", "http://[::1]:5/back", "org.example.app:/back", "com.example.app://back",
    ],
)  # fmt: skip
def test_a_redirect_over_tls_to_this_machine_or_to_an_app_of_its_own_scheme_is_taken(uri):
    assert checked(replace(PUBLIC, redirect_uris=(uri,)), Resources(), judged).redirect_uris == (uri,)


@pytest.mark.item("smart-A6")
@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/back", "https://app.example/back#top", "https://app.example/back#", "https://*.example/back",
        "https://me@app.example/back", "https://app.example/a b", "https://\u00e4pp.example/", "javascript:alert(1)",
        "data:text/html,x", "file:///etc/passwd", "myapp:/back", "https:///back", "//app.example/back", "/back", "",
        "https://app.example:99999/", "https://app.example/" + "x" * 2_000, "https://app.example/\\evil.example",
        "http://127.0.0.1.example/back", "HTTP://app.example/back",
    ],
)  # fmt: skip
def test_a_redirect_that_could_end_elsewhere_is_refused(uri):
    with pytest.raises(ClientRefused) as refused:
        checked(replace(PUBLIC, redirect_uris=(uri,)), Resources(), judged)
    assert refused.value.member == "redirect_uris"


@pytest.mark.parametrize(
    ("client", "changes", "member"),
    [
        (PUBLIC, {"id": ""}, "id"),
        (PUBLIC, {"id": "-x"}, "id"),
        (PUBLIC, {"id": "a/b"}, "id"),
        (PUBLIC, {"name": " "}, "name"),
        (PUBLIC, {"name": "x" * 101}, "name"),
        (PUBLIC, {"name": "two\nlines"}, "name"),
        (PUBLIC, {"redirect_uris": ()}, "redirect_uris"),
        (PUBLIC, {"launch_url": "http://app.example/launch"}, "launch_url"),
        (PUBLIC, {"launch_url": "org.example:/launch"}, "launch_url"),
        (PUBLIC, {"scopes": ()}, "scopes"),
        (PUBLIC, {"scopes": ("system/*.rs",)}, "scopes"),
        (PUBLIC, {"scopes": ("patient/*.sr",)}, "scopes"),
        (PUBLIC, {"scopes": ("patient/Nothing.rs",)}, "scopes"),
        (PUBLIC, {"scopes": ("patient/Observation.rs?nonsense=1",)}, "scopes"),
        (PUBLIC, {"scopes": ("everything",)}, "scopes"),
        (PUBLIC, {"jwks": {"keys": [RSA_PUBLIC]}}, "jwks"),
        (SECRETIVE, {"jwks_uri": "https://keys.example/a"}, "jwks_uri"),
        (SIGNED, {"jwks": None}, "jwks"),
        (SIGNED, {"jwks_uri": "https://keys.example/a"}, "jwks"),
        (SIGNED, {"jwks": None, "jwks_uri": "https://10.0.0.1/a"}, "jwks_uri"),
        (SIGNED, {"jwks": {}}, "jwks"),
        (SIGNED, {"jwks": {"keys": []}}, "jwks"),
        (SIGNED, {"jwks": {"keys": [1]}}, "jwks.keys[0]"),
        (SIGNED, {"jwks": {"keys": [RSA.as_dict(private=True)]}}, "jwks.keys[0]"),
        (SIGNED, {"jwks": {"keys": [RSA_PUBLIC, RSA_PUBLIC]}}, "jwks.keys[1].kid"),
        (SIGNED, {"jwks": {"keys": [{**RSA_PUBLIC, "kid": ""}]}}, "jwks.keys[0].kid"),
        (SIGNED, {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}}, "jwks.keys[0]"),
        (SIGNED, {"jwks": {"keys": [{"kty": "RSA", "kid": "a", "n": "x", "e": "AQAB"}]}}, "jwks.keys[0]"),
        (BACKEND, {"authentication": "none"}, "authentication"),
        (BACKEND, {"redirect_uris": ("https://app.example/back",)}, "redirect_uris"),
        (BACKEND, {"administration": True}, "administration"),
        (BACKEND, {"scopes": ("user/*.rs",)}, "scopes"),
        (BACKEND, {"scopes": ("openid",)}, "scopes"),
        (BACKEND, {"scopes": ("__announce_launch",)}, "scopes"),
    ],
)
def test_a_client_that_cannot_be_is_refused_by_the_member_that_is_wrong(client, changes, member):
    with pytest.raises(ClientRefused) as refused:
        checked(replace(client, **changes), Resources(), judged)
    assert refused.value.member == member


@pytest.mark.item("smart-B2")
@pytest.mark.parametrize(
    "key",
    [
        {"kty": "RSA", "kid": "a", "e": "AQAB", "n": urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()},
        ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False),
    ],
    ids=["rsa", "ec"],
)
def test_a_key_that_is_too_weak_is_refused(key):
    with pytest.raises(ClientRefused, match=r"2048|P-384"):
        checked(replace(SIGNED, jwks={"keys": [key]}), Resources(), judged)


def test_a_service_that_only_introspects_needs_no_scope():
    assert checked(replace(BACKEND, scopes=(), introspects=True), Resources(), judged).scopes == ()


def test_two_kinds_of_key_may_share_a_kid_and_ids_are_made_that_can_be_taken():
    both = {"keys": [RSA_PUBLIC, {**EC.as_dict(private=False), "kid": "rsa"}]}
    assert checked(replace(SIGNED, id=new_id(), jwks=both), Resources(), judged).jwks == both
