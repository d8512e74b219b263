"""The listening socket."""

import socket

import pytest

from fhir_server.errors import OperatorError
from fhir_server.serve.listen import address, is_loopback, listening


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.7", False),
        ("no-such-host.invalid", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host, loopback):
    assert is_loopback(host) is loopback


def test_any_free_port_is_taken_and_said():
    with listening("127.0.0.1", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_on_every_address_is_reached_by_loopback():
    with listening("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://127.0.0.1:")


def test_a_port_that_cannot_be_had_is_said_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OperatorError, match="--port 0"):
        listening("127.0.0.1", taken.getsockname()[1])
