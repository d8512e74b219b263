"""nginx before a server, with the site of examples/nginx, at ports and with a certificate of its own.

docs/operations.md
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.certificates import certificate

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "nginx" / "fhir.conf"
FROM = "127.0.0.2"
"""The address from which it comes to the server."""


class Proxy(NamedTuple):
    """Its addresses, and the file by which its certificate is trusted."""

    secure: str
    clear: str
    certificate: Path


@contextmanager
def before(url: str, folder: Path) -> Iterator[Proxy]:
    """nginx while it runs before the server at `url`; what it keeps is in `folder`."""
    pem, clear, secure = certificate(folder, "localhost"), _free_port(), _free_port()
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{_site(url, pem, clear, secure)}\n}}"
    )
    running = subprocess.Popen(
        ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(secure)
        yield Proxy(f"https://localhost:{secure}", f"http://localhost:{clear}", pem)
    finally:
        running.terminate()
        running.wait(10)


def _site(url: str, pem: Path, clear: int, secure: int) -> str:
    site = EXAMPLE.read_text("utf-8")
    for stated, here in [
        ("server 127.0.0.1:8000;", f"server {url.removeprefix('http://')};"),
        ("listen 80;", f"listen 127.0.0.1:{clear};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{secure} ssl http2;"),
        ("/etc/ssl/certs/fhir.example.org.pem", str(pem)),
        ("/etc/ssl/private/fhir.example.org.pem", str(pem)),
        ("proxy_pass http://fhir_server;", f"proxy_pass http://fhir_server; proxy_bind {FROM};"),
    ]:
        assert site.count(stated) == 1, stated
        site = site.replace(stated, here)
    return site


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not listen")
