"""The listening socket that the owner opens once and every worker accepts from.

https://man7.org/linux/man-pages/man7/ip.7.html
"""

import errno
import ipaddress
import socket
import time

from fhir_server.errors import OperatorError

BACKLOG = 2048
_PATIENCE = 2.0


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any free one. OperatorError when the address cannot be had.

    A port that is taken is asked for again for two seconds: the workers of a killed server may still be going.
    """
    started = time.monotonic()
    while True:
        try:
            return _bound(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() - started > _PATIENCE:
                raise OperatorError(_refusal(host, port, error)) from error
            time.sleep(0.1)


def is_loopback(host: str) -> bool:
    """Whether every address that `host` stands for is this machine's own loopback."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    addresses = {str(entry[4][0]).partition("%")[0] for entry in found}
    return bool(addresses) and all(ipaddress.ip_address(address).is_loopback for address in addresses)


def address(listener: socket.socket) -> str:
    """The address to reach `listener` at from this machine: `http://127.0.0.1:8000`."""
    host, port = listener.getsockname()[:2]
    name = ipaddress.ip_address(host)
    if name.is_unspecified:
        name = ipaddress.ip_address("127.0.0.1" if name.version == 4 else "::1")
    return f"http://[{name}]:{port}" if name.version == 6 else f"http://{name}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((str(place[0]), port), family=family, backlog=BACKLOG)


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken by another program. "
            "Choose another with --port, or any free one with --port 0."
        )
    return f"Cannot listen on {host}, port {port}: {error.strerror}. Give another with --host and --port."
