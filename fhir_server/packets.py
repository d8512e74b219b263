"""A stream by which the head and the body of a request leave together.

https://www.rfc-editor.org/rfc/rfc9112#section-9.3

An HTTP client writes them one after the other: two packets, and twice the work of sending, for what is small.
"""

import ssl
from contextlib import suppress
from typing import Any, Final

from httpcore import AsyncNetworkStream, WriteError

MOST_TOGETHER: Final = 65_536


class Together(AsyncNetworkStream):
    """What is written to `stream` leaves once the answer is waited for, or where it is much."""

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self._stream = stream
        self._written = bytearray()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """What comes next, after what was written left; who closes without reading all of it may have answered all the same."""
        with suppress(WriteError):
            await self._flush(timeout)
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Nothing; it leaves now only where it is much."""
        self._written += buffer
        if len(self._written) > MOST_TOGETHER:
            await self._flush(timeout)

    async def aclose(self) -> None:
        """Closes it."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> AsyncNetworkStream:
        """The stream under TLS."""
        return Together(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:  # Any: httpcore's signature
        """What is known of the connection."""
        return self._stream.get_extra_info(info)

    async def _flush(self, seconds: float | None) -> None:
        if self._written:
            written, self._written = bytes(self._written), bytearray()
            await self._stream.write(written, seconds)
