"""A token bucket per device that all workers share.

https://datatracker.ietf.org/doc/html/rfc6585#section-4
"""

import math
from typing import Final

from fhir_server.store.database import Database
from fhir_server.store.devices.reach import reach

_FILLED: Final = """
least(%(burst)s, b.tokens + %(rate)s * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)))
"""

_TAKE: Final = f"""
INSERT INTO device_rate AS b (device, tokens, filled_at) VALUES (%(device)s, %(burst)s - 1, clock_timestamp())
ON CONFLICT (device) DO UPDATE SET tokens = {_FILLED} - 1, filled_at = clock_timestamp()
WHERE {_FILLED} >= 1
"""


class DeviceRates:
    """Lets each device send `burst` requests at once and `rate` a second on; implements `ingest.ports.Rates`."""

    def __init__(self, database: Database, *, rate: float, burst: int) -> None:
        self._database = database
        self._rate = float(rate)
        self._burst = float(burst)
        self._wait = max(1, math.ceil(1 / rate))

    async def take(self, device: int) -> int:
        """0 when the request may go on, else the seconds after which one surely may."""
        parameters = {"device": device, "rate": self._rate, "burst": self._burst}
        async with reach(self._database) as connection:
            cursor = await connection.execute(_TAKE, parameters)
            return 0 if cursor.rowcount else self._wait
