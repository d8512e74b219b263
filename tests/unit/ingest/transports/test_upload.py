"""Bodies taken apart as they come, whatever they are."""

import asyncio
import contextlib
import hashlib
import tempfile
from pathlib import Path

from fastapi import Request
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.errors import IngestError
from ingest.transports.upload import received

HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
CUTS = st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=20)


def taken(body, cuts, content_type=b"multipart/form-data; boundary=x"):
    """What `received` makes of `body`, sent in pieces of these lengths in turn."""
    pieces, at = [], 0
    while at < len(body):
        length = cuts[len(pieces) % len(cuts)]
        pieces.append(body[at : at + length])
        at += length
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive():
        return messages.pop(0)

    scope = {"type": "http", "query_string": b"", "headers": [(b"content-type", content_type)]}
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(received(Request(scope, receive), Path(folder), 10_000))
        return found, [each.path.read_bytes() for each in found.files]


@settings(deadline=None)
@given(st.binary(max_size=300).filter(lambda content: b"--x" not in content), CUTS)
def test_a_file_is_what_was_sent_however_it_was_cut(content, cuts):
    body = HEAD + content + b"\r\n--x--\r\n"
    found, (written,) = taken(body, cuts)
    assert written == content
    assert found.files[0].sha256 == hashlib.sha256(content).digest()
    assert found.sha256 == hashlib.sha256(body).digest()


@settings(deadline=None)
@given(st.binary(max_size=300), CUTS)
@example(HEAD, [7])
@example(b"--x--\r\n", [7])
@example(HEAD.replace(b"file", b"whose") + b"\r\n--x--", [7])
@example(HEAD.replace(b'"file"', b'"zone"') + b"Z" * 300 + b"\r\n--x--", [7])
def test_any_bytes_are_a_form_or_refused(body, cuts):
    with contextlib.suppress(IngestError):
        found, _ = taken(body, cuts)
        assert found.sha256 == hashlib.sha256(body).digest()


@settings(deadline=None)
@given(st.binary(max_size=300), CUTS)
def test_any_other_body_is_the_file(body, cuts):
    found, (written,) = taken(body, cuts, b"application/octet-stream")
    assert (written, found.files[0].sha256) == (body, found.sha256)
