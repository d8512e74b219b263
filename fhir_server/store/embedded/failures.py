"""What can go wrong with the embedded PostgreSQL, in words for the operator.

https://www.postgresql.org/docs/18/server-start.html#SERVER-START-FAILURES
"""

from fhir_server.errors import OperatorError


class EmbeddedError(OperatorError):
    """The embedded PostgreSQL cannot serve; the text says why and what to do."""


class NotRunning(EmbeddedError):
    """No process owns this data directory now."""


class AlreadyRunning(EmbeddedError):
    """Another process owns this data directory."""


class OtherMajorVersion(EmbeddedError):
    """The data directory was made by another major version of PostgreSQL."""


class UnsafeFolder(EmbeddedError):
    """A folder belongs to somebody else, can be changed by others, or is not the folder it claims to be."""


class StartFailed(EmbeddedError):
    """PostgreSQL could not be set up, or did not become ready; the text ends with its own words."""
