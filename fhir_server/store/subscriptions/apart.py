"""What a Subscription asks for, apart from its text: it goes with the draft, and is kept where the draft is written.

https://hl7.org/fhir/R4/subscription.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Given = Literal["requested", "active", "error", "off"]


@dataclass(frozen=True, slots=True)
class Apart:
    """What a Subscription's draft asks for, as JSON, and the `state` that its writer gave.

    `headers` are those that its endpoint is to be sent, by name: None says that what is kept of it already stays.
    """

    asked: dict[str, Any]  # Any: JSON that `subscriptions.as_json` wrote and reads
    state: Given
    ends_at: datetime | None
    headers: Mapping[str, str | None]
