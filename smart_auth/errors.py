"""What can go wrong while a caller proves who they are.

https://www.rfc-editor.org/rfc/rfc6750#section-3.1
"""


class SmartAuthError(Exception):
    """Any failure of this package."""


class CredentialsMissing(SmartAuthError):
    """The request carries no bearer token."""


class CredentialsRejected(SmartAuthError):
    """The request carries a token that is not valid here."""
