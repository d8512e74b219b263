"""What came of a write.

https://hl7.org/fhir/R4/http.html#create
"""

from dataclasses import dataclass
from typing import Literal

from fhir_server.store.rows import Version


@dataclass(frozen=True, slots=True)
class Written:
    """The version that stands now; `found` is one that a conditional create left as it was."""

    version: Version
    outcome: Literal["created", "updated", "found"]
