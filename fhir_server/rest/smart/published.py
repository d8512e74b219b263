"""The keys that clients publish, fetched through the guard for addresses that clients name.

https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
"""

import re
from typing import Final

from fhir_server.outbound import Outbound, OutboundError, Reply
from smart_auth.errors import FetchFailed
from smart_auth.ports import Fetched

_ACCEPT: Final = ((b"accept", b"application/json"),)
_MAX_AGE: Final = re.compile(rb"(?:^|,)\s*max-age=([0-9]{1,9})\s*(?:,|$)")
_NOT_KEPT: Final = re.compile(rb"(?:^|,)\s*no-(?:store|cache)\s*(?:,|$)")


class Published:
    """Implements `smart_auth.ports.Fetch`."""

    __slots__ = ("_outbound",)

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def json(self, url: str) -> Fetched:
        """The document at `url`. Raises FetchFailed."""
        try:
            reply = await self._outbound.request("GET", url, _ACCEPT)
        except OutboundError as error:
            raise FetchFailed(str(error)) from error
        if reply.status != 200:
            raise FetchFailed(f"it was answered with {reply.status}.")
        return Fetched(reply.body, _max_age(reply))


def _max_age(reply: Reply) -> int | None:
    """For how many seconds the publisher lets it be kept; None where they do not say."""
    said = (reply.header(b"cache-control") or b"").lower()
    if _NOT_KEPT.search(said):
        return 0
    found = _MAX_AGE.search(said)
    return None if found is None else int(found[1])
