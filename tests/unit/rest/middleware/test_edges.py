"""What stands between the network and the application: proxies, names of this machine, headers for browsers."""

from ipaddress import ip_network

import pytest

from fhir_server.rest.middleware.local_host import LocalHost
from fhir_server.rest.middleware.proxies import Proxies
from fhir_server.rest.middleware.security_headers import SecurityHeaders

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


async def passed(wrap, *, client=("10.0.0.1", 5), scheme="http", answer=(), **headers):
    """The scope as the application met it, None when it did not, and the head of the answer."""
    met, sent = [], []

    async def app(scope, receive, send):
        met.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": list(answer)})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "scheme": scheme, "client": client, "headers": lines}
    await wrap(app)(scope, None, send)
    return (met[0] if met else None), sent[0]


def proxies(app):
    return Proxies(app, trusted=TRUSTED)


@pytest.mark.item("smart-1.9-forwarded")
@pytest.mark.parametrize(
    ("client", "forwarded", "proto", "seen", "scheme"),
    [
        ("10.0.0.1", "93.184.216.34", "https", "93.184.216.34", "https"),
        ("::1", "93.184.216.34", "https", "93.184.216.34", "https"),
        ("10.0.0.1", "127.0.0.1, 93.184.216.34", "https", "93.184.216.34", "https"),
        ("10.0.0.1", "93.184.216.34, 10.0.0.7", "https", "93.184.216.34", "https"),
        ("203.0.113.9", "127.0.0.1", "https", "203.0.113.9", "http"),
        ("127.0.0.1", "93.184.216.34", "https", "127.0.0.1", "http"),
        ("10.0.0.1", "93.184.216.34", "javascript", "93.184.216.34", "http"),
    ],
)
async def test_the_client_is_whom_the_last_trusted_proxy_names(client, forwarded, proto, seen, scheme):
    met, _ = await passed(proxies, client=(client, 5), x_forwarded_for=forwarded, x_forwarded_proto=proto)
    assert (met["client"][0], met["scheme"]) == (seen, scheme)


@pytest.mark.item("smart-1.9-forwarded")
async def test_a_trusted_proxy_that_names_nobody_speaks_for_somebody_unknown():
    for names in ({}, {"x_forwarded_for": ""}, {"x_forwarded_for": " , "}):
        assert (await passed(proxies, x_forwarded_proto="https", **names))[0]["client"] is None
    assert (await passed(proxies, client=("203.0.113.9", 5)))[0]["client"] == ("203.0.113.9", 5)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.1.2.3", "[::1]:8000"])
async def test_without_authentication_this_machine_is_served(host):
    assert (await passed(LocalHost, host=host))[1]["status"] == 200


@pytest.mark.parametrize(
    "host", ["rebinding.example", "localhost.example:8000", "127.0.0.1.example", "", "10.0.0.1", "[::2]"]
)
async def test_without_authentication_no_name_of_elsewhere_is_served(host):
    met, head = await passed(LocalHost, host=host)
    assert (met, head["status"]) == (None, 421)


async def test_answers_are_not_guessed_at_framed_or_passed_on():
    head = dict((await passed(SecurityHeaders))[1]["headers"])
    assert head[b"x-content-type-options"] == b"nosniff"
    assert head[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"
    assert head[b"referrer-policy"] == b"no-referrer"
    assert b"strict-transport-security" not in head


async def test_over_tls_browsers_are_told_to_stay_there():
    head = dict((await passed(SecurityHeaders, scheme="https"))[1]["headers"])
    assert head[b"strict-transport-security"] == b"max-age=31536000"


async def test_an_answer_that_says_more_itself_is_left_as_it_is():
    own = (b"content-security-policy", b"default-src 'none'; style-src 'self'")
    lines = (await passed(SecurityHeaders, answer=[own]))[1]["headers"]
    assert [line for line in lines if line[0] == own[0]] == [own]
