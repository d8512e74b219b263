"""What can go wrong in this package, as one tree.

docs/ingest.md, "Answers"

    IngestError
    ├── Unauthenticated      one and the same 401 outside; `reason` is for log and metrics
    ├── RateLimited          429
    ├── Unreadable           400: the request is not what its content type says
    ├── InvalidParameter     400
    ├── TooLarge             413
    ├── Misaddressed         422: the address names another device, or type, than the one that sends
    ├── UnsupportedType      415
    ├── Unavailable          503: nothing can be promised now
    │   ├── SinkUnavailable
    │   ├── NoSpace          507: the disk is full
    │   └── FileBusy         the same file is being read by another
    ├── UnknownDevice        404
    └── UnreadableFile       422: a file is broken; the text says where
        └── UnknownFormat    415
"""

from typing import Literal

AuthenticationReason = Literal[
    "headers", "unknown-device", "disabled-device", "signature", "stale", "no-secret", "api-key", "in-clear"
]


class IngestError(Exception):
    """Any failure of this package."""


class Unauthenticated(IngestError):
    """The request did not prove which device sent it; `device` is the Device's id where one is known.

    `keys_taken` says whether an API key would have done, too.
    """

    def __init__(self, reason: AuthenticationReason, device: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.device = device
        self.keys_taken = False


class RateLimited(IngestError):
    """The device sent more than its rate allows."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"The device sends too often. Try again in {retry_after} s.")
        self.retry_after = retry_after


class Unreadable(IngestError):
    """The body as a whole cannot be read."""


class InvalidParameter(IngestError):
    """A parameter of the request cannot be what it is; `element` names it."""

    def __init__(self, text: str, element: str) -> None:
        super().__init__(text)
        self.element = element


class TooLarge(IngestError):
    """The body, or the number of readings in it, is beyond the limit."""


class Misaddressed(IngestError):
    """The request's address names neither the device that sent it nor its type; `element` is the part that does."""

    element = "key"


class UnsupportedType(IngestError):
    """The body's content type is not taken."""


class Unavailable(IngestError):
    """What is kept for ingest cannot be reached now; the client may send the same bytes again."""

    def __init__(self, text: str = "Readings cannot be stored now. Send the same bytes again.") -> None:
        super().__init__(text)
        self.retry_after = 5


class SinkUnavailable(Unavailable):
    """Resources cannot be stored now; nothing of what this call did not answer may be taken as stored."""


class NoSpace(Unavailable):
    """There is no room left for what was sent; the operator has to make some."""

    def __init__(self) -> None:
        super().__init__(
            "The server has no room left for it. Tell its operator, and send the same bytes again later."
        )
        self.retry_after = 600


class FileBusy(Unavailable):
    """The same file of the same device is being read now; the client may bring it again to see what became of it."""

    def __init__(self) -> None:
        super().__init__("The same file is being taken in now. Bring it again to see what became of it.")


class UnknownDevice(IngestError):
    """The caller names a device that is not registered."""


class UnreadableFile(IngestError):
    """A file is broken; the text says where."""


class UnknownFormat(UnreadableFile):
    """A file is of no format that is taken."""
