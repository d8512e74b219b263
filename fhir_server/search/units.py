"""Units that a query names, looked up before it is read: the first uncommon one loads UCUM's grammar (0.3 s).

https://hl7.org/fhir/R4/search.html#quantity
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Final

from terminology.canonical import canonical
from terminology.frequent_units import FREQUENT
from terminology.systems import UCUM

_UNIT: Final = re.compile(re.escape(UCUM) + r"\|([^,$|]+)")


async def look_up_units(pairs: Iterable[tuple[str, str]]) -> None:
    """Makes UCUM's units among the values of `pairs` known to this process, without holding up other requests."""
    named = {code for _, value in pairs for code in _UNIT.findall(value)} - FREQUENT.keys()
    if named:
        await asyncio.to_thread(lambda: [canonical(code) for code in sorted(named)])
