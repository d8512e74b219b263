"""Whom an address is told apart by."""

import pytest

from fhir_server.rest.rates import address


@pytest.mark.parametrize(
    ("client", "who"),
    [
        (("203.0.113.9", 5), "203.0.113.9"),
        (("::ffff:203.0.113.9", 5), "203.0.113.9"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 5), "2001:db8:1:2::/64"),
        (("2001:db8:1:3::1", 5), "2001:db8:1:3::/64"),
        (("testclient", 5), "testclient"),
        (None, "unknown"),
    ],
)
def test_a_host_of_ipv6_is_known_by_its_network(client, who):
    assert address({"client": client}) == who
