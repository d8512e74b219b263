"""The documents that clients publish for this server: their key sets.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

import re
from typing import Final

from fhir_server.outbound import Outbound, OutboundError
from smart_auth.errors import FetchFailed
from smart_auth.ports import Fetched

_ACCEPT: Final = ((b"accept", b"application/json"),)
_MAX_AGE: Final = re.compile(rb"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)
_UNKEPT: Final = re.compile(rb"no-store|no-cache", re.IGNORECASE)


class ClientDocuments:
    """Fetches them by `Outbound`, whose limits hold: it implements smart_auth's port `Fetch`."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def json(self, url: str) -> Fetched:
        """The document at `url`. Raises FetchFailed for one that may not be asked for or is not answered with 200."""
        try:
            reply = await self._outbound.request("GET", url, _ACCEPT)
        except OutboundError as error:
            raise FetchFailed(str(error)) from error
        if reply.status != 200:
            raise FetchFailed(f"it was answered with {reply.status}.")
        return Fetched(reply.body, _max_age(reply.header(b"cache-control")))


def _max_age(cache_control: bytes | None) -> int | None:
    """For how many seconds the publisher lets an answer be kept; None where they do not say."""
    if cache_control is None:
        return None
    if _UNKEPT.search(cache_control):
        return 0
    stated = _MAX_AGE.search(cache_control)
    return int(stated[1]) if stated else None
