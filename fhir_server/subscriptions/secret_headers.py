"""What the endpoints of Subscriptions are sent as headers, sealed as it lies in the database.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/safety_security.html
"""

import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag

from fhir_server.errors import OperatorError
from fhir_server.keys import Box, MasterKey


class SecretHeaders:
    """Seals and opens them; what is sealed for one Subscription opens for no other."""

    __slots__ = ("_box",)

    def __init__(self, master_key: MasterKey) -> None:
        self._box = Box(master_key, "subscription-headers")

    def close(self, id: str, headers: Mapping[str, str]) -> bytes | None:
        """The headers as they may be stored; None for none."""
        return self._box.close(json.dumps(dict(headers)).encode(), id.encode()) if headers else None

    def open(self, id: str, sealed: bytes | None) -> dict[str, str]:
        """Name and value of each header, in order. Raises OperatorError for what was sealed under another master key."""
        if sealed is None:
            return {}
        try:
            opened: dict[str, str] = json.loads(self._box.open(sealed, id.encode()))
        except InvalidTag as error:
            raise OperatorError(
                f"The headers of Subscription/{id} cannot be decrypted. Start the server with the master key they were "
                "sealed under, or have them sent anew."
            ) from error
        return opened
