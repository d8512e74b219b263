"""What can go wrong while a caller proves who they are, or an app asks for access.

https://www.rfc-editor.org/rfc/rfc6750#section-3.1
"""


class SmartAuthError(Exception):
    """Any failure of this package."""


class CredentialsMissing(SmartAuthError):
    """The request carries no bearer token."""


class CredentialsRejected(SmartAuthError):
    """The request carries a token that is not valid here."""


class NotAnswerable(SmartAuthError):
    """An app's request that must not be answered by a redirect: the person is told, and the app is not."""


class SentBack(SmartAuthError):
    """An app's request that is refused; the person's browser takes the refusal to the app, at `location`."""

    def __init__(self, location: str, error: str, description: str) -> None:
        super().__init__(description)
        self.location = location
        self.error = error


class FetchFailed(SmartAuthError):
    """A document that a client publishes could not be had."""
