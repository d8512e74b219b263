"""How the demonstration's devices sign."""

import base64
import hashlib
import hmac

from fhir_server.demo.http import signed


def test_a_signature_is_an_hmac_over_five_lines():
    headers = signed("pi-001", "secret", b"{}", 1_700_000_000)
    digest = hashlib.sha256(b"{}").hexdigest()
    lines = f"POST\n/ingest/readings\n1700000000\npi-001\n{digest}".encode()
    wanted = base64.b64encode(hmac.new(b"secret", lines, hashlib.sha256).digest()).decode()
    assert headers["X-Signature"] == wanted
    assert headers["X-Timestamp"] == "1700000000"
